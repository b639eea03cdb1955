import type { ToolCall } from '../core/reply.js';
import { callItemId, messageId, reasoningId } from './responses-items.js';
import type { EchoedFields } from './responses-request.js';
import type { Usage } from './usage.js';

/** Identifies one response. */
export interface ResponseHead {
  /** `resp_…` */
  readonly id: string;
  /** Whole seconds since 1970. */
  readonly created: number;
  readonly model: string;
}

/** The content of an answer. */
export interface ResponseAnswer {
  readonly text: string;
  /** What comes before the text, if it is recorded apart from it. */
  readonly reasoning?: string | undefined;
  /** The function calls that make up the answer, or that come with its text. */
  readonly calls: readonly Omit<ToolCall, 'pieces'>[];
  /** True if the reply was cut at the token limit. */
  readonly isCut: boolean;
  readonly usage: Usage;
}

/** An item of an output. */
export type OutputItem = OutputMessage | OutputCall | OutputReasoning;
/** The reasoning before a message. */
export type OutputReasoning = ReturnType<typeof reasoningItem>;
type OutputMessage = ReturnType<typeof messageItem>;
type OutputCall = ReturnType<typeof callItem>;

/** The body of a response in its final state. */
export type ResponseObject = ReturnType<typeof responseObject>;

/** Builds the body of a response. */
export function responseObject(head: ResponseHead, answer: ResponseAnswer, echoed: EchoedFields) {
  const status: Status = answer.isCut ? 'incomplete' : 'completed';
  const { background, ...others } = echoed;
  return {
    id: head.id,
    object: 'response',
    created_at: head.created,
    completed_at: answer.isCut ? null : head.created,
    status,
    background,
    error: null,
    incomplete_details: answer.isCut ? { reason: 'max_output_tokens' } : null,
    model: head.model,
    output: outputOf(head.id, status, answer, isSummaryAsked(others)),
    ...others,
    presence_penalty: 0,
    frequency_penalty: 0,
    service_tier: 'default',
    usage: responseUsage(answer.usage),
  };
}

/** True if the request asks for a summary of the reasoning. */
function isSummaryAsked({ reasoning }: Pick<EchoedFields, 'reasoning'>): boolean {
  return typeof reasoning.summary === 'string';
}

/** The reasoning, the message, and the function calls. There is no message if it is empty because of the calls, or because of the limit. */
function outputOf(
  id: string,
  status: Status,
  { text, reasoning, calls, isCut }: ResponseAnswer,
  isSummary: boolean,
): OutputItem[] {
  const isSilent = text === '' && (calls.length > 0 || (isCut && reasoning !== undefined));
  return [
    ...(reasoning === undefined ? [] : [reasoningItem(reasoningId(id), reasoning, isSummary)]),
    ...(isSilent ? [] : [messageItem(messageId(id), status, text)]),
    ...calls.map((call, index) => callItem(callItemId(id, index), call)),
  ];
}

/**
 * Builds the body of a compacted conversation.
 *
 * @param item the id of the item in place of the conversation. Its content is the same: the messages stay on the server
 */
export function compactedObject(
  { id, created }: Omit<ResponseHead, 'model'>,
  item: string,
  usage: Usage,
): object {
  return {
    id,
    object: 'response.compaction',
    created_at: created,
    output: [{ id: item, type: 'compaction', encrypted_content: item }],
    usage: responseUsage(usage),
  };
}

type Status = 'completed' | 'incomplete';

function messageItem(id: string, status: Status, text: string) {
  return {
    id,
    type: 'message' as const,
    status,
    role: 'assistant' as const,
    content: [{ type: 'output_text', text, annotations: [], logprobs: [] }],
  };
}

/** OpenAI gives reasoning as a summary if the request asks for one. Models whose reasoning is open have it as content. */
function reasoningItem(id: string, text: string, isSummary: boolean) {
  return {
    id,
    type: 'reasoning' as const,
    summary: isSummary ? [{ type: 'summary_text', text }] : [],
    ...(!isSummary && { content: [{ type: 'reasoning_text', text }] }),
  };
}

function callItem(id: string, { id: call_id, name, arguments: given }: ResponseAnswer['calls'][number]) {
  return {
    id,
    type: 'function_call' as const,
    status: 'completed' as const,
    call_id,
    name,
    arguments: given,
  };
}

function responseUsage({ prompt_tokens, completion_tokens, total_tokens, reasoning_tokens }: Usage): object {
  return {
    input_tokens: prompt_tokens,
    input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
    output_tokens: completion_tokens,
    output_tokens_details: { reasoning_tokens },
    total_tokens,
  };
}
