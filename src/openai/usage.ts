import type { Message } from '../core/query.js';

/** Token counts as OpenAI reports them. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** OpenAI's rule of thumb: a token is about four characters of English, so four bytes of UTF-8. */
const BYTES_A_TOKEN = 4;

const utf8 = new TextEncoder();

/**
 * The usage of a chat completion, estimated from the texts' lengths: no tokenizer is asked.
 *
 * @param choices how many times the reply is given
 */
export function estimateUsage(messages: readonly Message[], reply: string, choices: number): Usage {
  const prompt_tokens = Math.max(
    1,
    messages.reduce((sum, { text }) => sum + estimateTokens(text), 0),
  );
  const completion_tokens = choices * estimateTokens(reply);
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}

function estimateTokens(text: string): number {
  return Math.ceil(utf8.encode(text).length / BYTES_A_TOKEN);
}
