/** The wire format of the servers to compare with. */

/** 1.2 kB, the median length of the dataset's replies. */
const REPLY = 'The answer is the same for everyone, and was known before. '.repeat(21).slice(0, 1200);

/** The fields that completions and chunks share. */
const HEAD = { id: 'chatcmpl-00000000000000000000000000000', created: 1_700_000_000 };

/** A chat completion, as OpenAI has it. */
export function completionOf(model: string, reply = REPLY) {
  return {
    ...HEAD,
    object: 'chat.completion',
    model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: reply, refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 50, completion_tokens: 250, total_tokens: 300 },
  };
}

/** The part of a message that a chunk adds. */
export interface Delta {
  readonly role?: 'assistant';
  readonly content?: string;
}

/** A chunk of a streamed chat completion, as OpenAI has it. */
export function chunkOf(model: string, delta: Delta, finishReason: 'stop' | null) {
  return {
    ...HEAD,
    object: 'chat.completion.chunk',
    model,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
  };
}
