import { checked } from '../core/check.js';
import { AppError } from '../core/errors.js';
import { TOKENIZED_LENGTH_MAX } from '../core/limits.js';
import type { Message } from '../core/query.js';
import { messageOf } from './chat-request.js';
import { tokenize } from './schemas/checks.js';

/** What to encode: a text, or the messages of a chat. */
export interface TokenizeRequest {
  readonly model: string | undefined;
  readonly content: string | readonly Message[];
  /** True if the start of a reply follows the messages. */
  readonly beginsReply: boolean;
  /** True if the request asks for the text of each token. */
  readonly returnStrings: boolean;
}

/**
 * Parses the body of `POST /tokenize`.
 *
 * @throws AppError that names the first field that is missing or invalid
 */
export function parseTokenizeRequest(body: unknown): TokenizeRequest {
  const fields = checked(tokenize, body);
  const { model, prompt, add_generation_prompt, return_token_strs } = fields;
  const messages = fields.messages?.map(messageOf);
  if (messages !== undefined) assertShort(messages);
  return {
    model: model ?? undefined,
    content: messages ?? prompt ?? '',
    beginsReply: add_generation_prompt ?? true,
    returnStrings: return_token_strs ?? false,
  };
}

/** @throws AppError if all messages together are longer than a prompt may be */
function assertShort(messages: readonly Message[]): void {
  let length = 0;
  for (const { name = '', text, calls = [] } of messages) {
    length += name.length + text.length;
    for (const call of calls) length += call.name.length + call.arguments.length;
  }
  if (length <= TOKENIZED_LENGTH_MAX) return;
  const message = `Invalid 'messages': too long. Expected at most ${TOKENIZED_LENGTH_MAX} characters of all messages together, but got ${length} instead.`;
  throw new AppError('string_above_max_length', { param: 'messages', message });
}
