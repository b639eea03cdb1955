import { type Redaction, type Redactor, redactorOf } from '../core/redaction.js';
import { redactedMessage } from '../recordings/recording.js';
import { conversationOf } from '../upstream/conversation.js';
import { keyOf } from '../upstream/conversation-key.js';
import type { UpstreamCall } from './upstream-call.js';

/** Makes the keys by which recordings are found. What is redacted doesn't count. */
export class RecordingKeys {
  private readonly redactor: Redactor | undefined;

  constructor(redact: readonly Redaction[]) {
    this.redactor = redact.length === 0 ? undefined : redactorOf(redact);
  }

  /** The keys of the conversations of a request, one for each prompt; empty if an answer to it can't be recorded. */
  of({ format, body }: Pick<UpstreamCall, 'format' | 'body'>): readonly string[] {
    const { redactor } = this;
    const conversations = conversationOf(format, body) ?? [];
    return conversations.map((messages) =>
      keyOf(redactor === undefined ? messages : messages.map((each) => redactedMessage(each, redactor))),
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
