import { messageId } from './responses-items.js';
import type { EchoedFields } from './responses-request.js';
import type { Usage } from './usage.js';

/** What names one response. */
export interface ResponseHead {
  /** `resp_…` */
  readonly id: string;
  /** Seconds since 1970, whole. */
  readonly created: number;
  readonly model: string;
}

/** What is answered. */
export interface ResponseAnswer {
  readonly text: string;
  /** True if the reply goes on, but no more tokens were asked for. */
  readonly isCut: boolean;
  readonly usage: Usage;
}

/** The body of a response, as it is when it is through. */
export type ResponseObject = ReturnType<typeof responseObject>;

/** Makes the body of a response. */
export function responseObject(head: ResponseHead, answer: ResponseAnswer, echoed: EchoedFields) {
  const status = answer.isCut ? ('incomplete' as const) : ('completed' as const);
  return {
    id: head.id,
    object: 'response',
    created_at: head.created,
    completed_at: answer.isCut ? null : head.created,
    status,
    background: false,
    error: null,
    incomplete_details: answer.isCut ? { reason: 'max_output_tokens' } : null,
    model: head.model,
    output: [
      {
        id: messageId(head.id),
        type: 'message',
        status,
        role: 'assistant' as const,
        content: [{ type: 'output_text', text: answer.text, annotations: [], logprobs: [] }],
      },
    ],
    ...echoed,
    presence_penalty: 0,
    frequency_penalty: 0,
    service_tier: 'default',
    usage: usageOf(answer.usage),
  };
}

function usageOf({ prompt_tokens, completion_tokens, total_tokens }: Usage): object {
  return {
    input_tokens: prompt_tokens,
    input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
    output_tokens: completion_tokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens,
  };
}
