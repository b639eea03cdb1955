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

/** The usage of several completions. */
export function sumOf(usages: readonly Usage[]): Usage {
  const sum = (name: keyof Usage) => usages.reduce((total, usage) => total + usage[name], 0);
  return {
    prompt_tokens: sum('prompt_tokens'),
    completion_tokens: sum('completion_tokens'),
    total_tokens: sum('total_tokens'),
  };
}

/** Usage as a response has it. */
export function usageObject(usage: Usage): object {
  return {
    ...usage,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

function estimateTokens(text: string): number {
  return Math.ceil(utf8.encode(text).length / BYTES_A_TOKEN);
}
