/** What the servers to compare with answer. */

/** 1.2 kB, as a reply of the dataset has in the median. */
const REPLY = 'The answer is the same for everyone, and was known before. '.repeat(21).slice(0, 1200);

/** A chat completion, as OpenAI has it. */
export function completionOf(model: string) {
  return {
    id: 'chatcmpl-00000000000000000000000000000',
    object: 'chat.completion',
    created: 1_700_000_000,
    model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: REPLY, refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 50, completion_tokens: 250, total_tokens: 300 },
  };
}
