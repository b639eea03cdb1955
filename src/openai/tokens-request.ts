import type { Message } from '../core/query.js';
import { messageOf } from './chat-request.js';
import { checked } from './check.js';
import { tokenize } from './schemas/checks.js';

/** What is to be encoded: a text, or the messages of a chat. */
export interface TokenizeRequest {
  readonly model: string | undefined;
  readonly content: string | readonly Message[];
  /** True if messages are followed by what begins a reply. */
  readonly beginsReply: boolean;
  /** True if the text of each token is asked for. */
  readonly returnStrings: boolean;
}

/**
 * Reads the body of `POST /tokenize`.
 *
 * @throws AppError that names the first field that is missing or wrong
 */
export function parseTokenizeRequest(body: unknown): TokenizeRequest {
  const { model, prompt, messages, add_generation_prompt, return_token_strs } = checked(tokenize, body);
  return {
    model: model ?? undefined,
    content: messages?.map(messageOf) ?? prompt ?? '',
    beginsReply: add_generation_prompt ?? true,
    returnStrings: return_token_strs ?? false,
  };
}
