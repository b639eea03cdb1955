import { MESSAGES_MAX } from '../core/limits.js';
import type { Message } from '../core/query.js';
import { type AnswerOptions, parseAnswerOptions } from './answer-options.js';
import { asArray, asObject, asOneOf, asString, wrongType } from './fields.js';

/** What of a chat completion request decides the answer. */
export interface ChatRequest extends AnswerOptions {
  readonly messages: readonly Message[];
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
  const fields = asObject(body, '');
  return {
    messages: asArray(fields.messages, 'messages', MESSAGES_MAX).map(parseMessage),
    ...parseAnswerOptions(fields),
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
