import { isObject } from '../core/objects.js';
import type { RecordedAnswer, RecordedMessage } from '../core/recording.js';
import { REDACTED, type Redactor } from '../core/redaction.js';

/** One answer of an upstream, as it is recorded. */
export interface Recording extends RecordedAnswer {
  /** Identifies the conversation up to its prompt: equal for equal requests. It begins with `rec_`. */
  readonly id: string;
  /** The conversation up to its prompt. */
  readonly messages: readonly RecordedMessage[];
  /** The URL that was asked. Its credentials, query and fragment aren't recorded. */
  readonly upstream: string;
  /** When it was recorded, in ms since 1970. */
  readonly recordedMs: number;
}

/** How the line of each recording begins, and how it ends. Nothing else that a line may contain is spelled like that end. */
export const LINE_START = '{"id":"rec_';
export const LINE_END = /,"recorded_at":"[\d-]{10}T[\d:.]{12}Z"\}$/;
export const LINE_END_BYTES = ',"recorded_at":"2026-11-28T12:00:00.000Z"}'.length;

/**
 * The JSON line of a recording, without its line feed: a conversation in OpenAI's format.
 *
 * @param redactor replaces secrets in all but the id and the times; undefined without redactions
 */
export function lineOf(recording: Recording, redactor: Redactor | undefined): string {
  const { id, messages, reply, model, finishReason, usage, upstream, recordedMs } = recording;
  const whole = [...messages, reply];
  const about = { model, finish_reason: finishReason, usage, upstream: plainUrl(upstream) };
  return JSON.stringify({
    id,
    messages: redactor === undefined ? whole : whole.map((message) => redactedMessage(message, redactor)),
    ...(redactor === undefined ? about : redactedFields(about, redactor)),
    recorded_at: new Date(recordedMs).toISOString(),
  });
}

function plainUrl(given: string): string {
  if (!URL.canParse(given)) return given;
  const url = new URL(given);
  for (const part of ['username', 'password', 'search', 'hash'] as const) url[part] = '';
  return url.href;
}

/** A message without its secrets. Recorded times fit only the texts that they were recorded with. */
export function redactedMessage(message: RecordedMessage, redactor: Redactor): RecordedMessage {
  const { timings, ...said } = message;
  const redacted = redactedFields(said, redactor);
  const isSame = timings !== undefined && JSON.stringify(redacted) === JSON.stringify(said);
  return (isSame ? { ...redacted, timings } : redacted) as RecordedMessage;
}

/** The fields without which a message, or a call in it, couldn't be read: their names are no secrets. */
const STRUCTURE: ReadonlySet<string> = new Set([
  ...[
    'role',
    'content',
    'tool_calls',
    'tool_call_id',
    'id',
    'index',
    'type',
    'text',
    'function',
    'arguments',
  ],
  'custom',
  'input',
]);

/** The fields whose strings aren't texts. */
const NO_TEXT: ReadonlySet<string> = new Set(['role', 'tool_call_id', 'id', 'type']);

/** The data of images, audio and files, by the field that it is in and the one around that. */
const DATA: ReadonlySet<string> = new Set([
  ...['image_url.url', 'input_audio.data', 'file.file_data', 'source.data'],
  // Parts of the Responses API have it themselves.
  ...['.image_url', '.file_data'],
]);

/** True if a string is the data of an image, an audio or a file, and thus no text. The address of an image is one, and so is a plain document. */
function isData(key: string, value: unknown, fields: object, around: string): boolean {
  const isAddress = key === 'url' || key === 'image_url';
  const { type } = fields as { readonly type?: unknown };
  const isPlain = around === 'source' && type === 'text';
  if (typeof value !== 'string' || isPlain || (isAddress && !value.startsWith('data:'))) return false;
  return DATA.has(`${around}.${key}`);
}

/** @param around the field that has the fields; empty for those of a message or a part */
function redactedFields(fields: object, redactor: Redactor, around = ''): object {
  const isFunction = around === 'function' || around === 'custom';
  const entries = Object.entries(fields).map(([key, value]) => {
    if (NO_TEXT.has(key) || (isFunction && key === 'name')) return [key, value];
    if (!STRUCTURE.has(key) && redactor.isSecret(key) && value !== undefined) return [key, REDACTED];
    if (isData(key, value, fields, around)) return [key, value];
    return [key, redactedValue(value, redactor, key)];
  });
  return Object.fromEntries(entries) as object;
}

function redactedValue(value: unknown, redactor: Redactor, key = ''): unknown {
  if (typeof value === 'string') return redactor.text(value);
  if (Array.isArray(value)) return value.map((each) => redactedValue(each, redactor));
  return isObject(value) ? redactedFields(value, redactor, key) : value;
}
