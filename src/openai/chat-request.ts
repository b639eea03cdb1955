import { CHOICES_MAX, MESSAGES_MAX } from '../core/limits.js';
import type { Message } from '../core/query.js';
import {
  asArray,
  asFlag,
  asInteger,
  asObject,
  asOneOf,
  asOptionalString,
  asString,
  wrongType,
} from './fields.js';
import { parseStop, type Stops } from './stops.js';

/** What of a chat completion request decides the answer. */
export interface ChatRequest {
  /** The model's name as it was asked for. Any name is answered. */
  readonly model: string | undefined;
  readonly messages: readonly Message[];
  readonly stream: boolean;
  /** True if a stream shall end with a chunk that holds the usage. */
  readonly includeUsage: boolean;
  /** How many times the reply is given. */
  readonly choices: number;
  readonly stops: Stops;
}

const ROLES = ['developer', 'system', 'user', 'assistant', 'tool', 'function'] as const;

/** Of these, a message may do without a content: it has called a tool, or says what one gave. */
const SILENT_ROLES: readonly string[] = ['assistant', 'function'];

/**
 * Reads the body of `POST /v1/chat/completions`. Unknown fields, and null for an optional one, are legal: clients send
 * both.
 *
 * @param body what was parsed; undefined if there was none
 * @throws AppError that names the first field that is missing or wrong
 */
export function parseChatRequest(body: unknown = {}): ChatRequest {
  const { model, messages, stream, stream_options, n, stop, include_stop_str_in_output } = asObject(body, '');
  const { include_usage } = asObject(stream_options ?? {}, 'stream_options');
  return {
    messages: asArray(messages, 'messages', MESSAGES_MAX).map(parseMessage),
    model: asOptionalString(model, 'model'),
    stream: asFlag(stream, 'stream'),
    includeUsage: asFlag(include_usage, 'stream_options.include_usage'),
    choices: asInteger(n, 'n', { min: 1, max: CHOICES_MAX, byDefault: 1 }),
    stops: parseStop(stop, include_stop_str_in_output),
  };
}

function parseMessage(value: unknown, index: number): Message {
  const path = `messages[${index}]`;
  const message = asObject(value, path);
  const role = asOneOf(message.role, `${path}.role`, ROLES);
  return { role, text: parseContent(message.content, `${path}.content`, role) };
}

/** A content is a text, or a list of parts, of which those of type `text` count. */
function parseContent(content: unknown, path: string, role: string): string {
  if (typeof content === 'string') return content;
  if ((content === undefined || content === null) && SILENT_ROLES.includes(role)) return '';
  if (!Array.isArray(content)) throw wrongType(content, path, 'one of a string or an array of parts');
  return content.map((part, i) => parsePart(part, `${path}[${i}]`)).join('');
}

function parsePart(value: unknown, path: string): string {
  const part = asObject(value, path);
  const type = asString(part.type, `${path}.type`);
  return type === 'text' ? asString(part.text, `${path}.text`) : '';
}
