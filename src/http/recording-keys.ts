import type { RecordedMessage } from '../core/recording.js';
import { type Redaction, type Redactor, redactorOf } from '../core/redaction.js';
import { redactedMessage } from '../recordings/recording.js';
import { keysOf } from '../upstream/conversation-key.js';
import type { UpstreamCall } from './upstream-call.js';

/** The key of a conversation, and with a limit the key of an answer that the limit has ended. */
export type RecordingKey = readonly [key: string] | readonly [key: string, limited: string];

/** Comes before the limit in a key. */
const LIMITED = '-max';

/** True if the recording with a key was ended by the limit of its request. */
export function isLimited(key: string): boolean {
  return key.includes(LIMITED);
}

/** The fields that limit an answer, the first of which counts. */
const LIMITS: Readonly<Record<UpstreamCall['format'], readonly string[]>> = {
  chat: ['max_completion_tokens', 'max_tokens'],
  completions: ['max_tokens'],
  responses: ['max_output_tokens'],
  messages: ['max_tokens'],
};

function limitOf(
  format: UpstreamCall['format'],
  body: Readonly<Record<string, unknown>>,
): number | undefined {
  const limit = LIMITS[format].map((name) => body[name]).find((value) => typeof value === 'number');
  return limit as number | undefined;
}

/** Makes the keys by which recordings are found. What is redacted doesn't count. */
export class RecordingKeys {
  private readonly redactor: Redactor | undefined;

  constructor(redact: readonly Redaction[]) {
    this.redactor = redact.length === 0 ? undefined : redactorOf(redact);
  }

  /**
   * The keys of the conversations of a request, one for each prompt; empty if an answer to it can't be recorded. An answer that the request's
   * limit has ended has the second of them: it answers only requests with the same limit.
   */
  of({ format, body }: Pick<UpstreamCall, 'format' | 'body'>): readonly RecordingKey[] {
    const { redactor } = this;
    const limit = limitOf(format, body as Readonly<Record<string, unknown>>);
    const redacted = (message: RecordedMessage) =>
      redactor === undefined ? message : redactedMessage(message, redactor);
    return keysOf(format, body, redacted).map((key) =>
      limit === undefined ? [key] : [key, `${key}${LIMITED}${limit}`],
    );
  }

  /** True if something is redacted. */
  get areRedacted(): boolean {
    return this.redactor !== undefined;
  }

  /** A text of a request, as recordings have it. */
  redacted(text: string): string {
    return this.redactor === undefined ? text : this.redactor.text(text);
  }
}
