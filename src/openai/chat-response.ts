import type { Reply, ToolCall } from './reply.js';
import { type StreamUsage, type Usage, usageObject } from './usage.js';

/** What names one completion, the same in all chunks of a stream. */
export interface CompletionHead {
  /** `chatcmpl-…`, `cmpl-…` */
  readonly id: string;
  /** Seconds since 1970, whole. */
  readonly created: number;
  readonly model: string;
  /** Names the dataset. */
  readonly fingerprint: string | undefined;
}

/**
 * The body of a completion that is not streamed.
 *
 * @param choices how many times the reply is given
 * @param usage of all choices
 */
export function chatCompletion(
  { id, created, model, fingerprint }: CompletionHead,
  { text, finishReason, calls }: Reply,
  choices: number,
  usage: Usage,
): object {
  const message = {
    role: 'assistant',
    content: calls.length > 0 && text === '' ? null : text,
    refusal: null,
    annotations: [],
    ...(calls.length > 0 && { tool_calls: calls.map(toolCall) }),
  };
  return {
    id,
    object: 'chat.completion',
    created,
    model,
    choices: Array.from({ length: choices }, (_, index) => ({
      index,
      message,
      logprobs: null,
      finish_reason: finishReason,
    })),
    usage: usageObject(usage),
    service_tier: 'default',
    system_fingerprint: fingerprint ?? null,
  };
}

/**
 * The chunks of a streamed completion: for one choice after the other the role, the content in pieces, function calls, their
 * arguments in pieces, too, and the reason of its end; and, if asked for, the usage in a chunk of its own without choices.
 *
 * @param choices how many times the reply is given
 */
export function* chatChunks(
  { id, created, model, fingerprint }: CompletionHead,
  { text, pieces, calls, finishReason }: Reply,
  choices: number,
  usage: StreamUsage,
): Generator<object, void> {
  const head = {
    id,
    object: 'chat.completion.chunk',
    created,
    model,
    service_tier: 'default',
    system_fingerprint: fingerprint ?? null,
  };
  for (let index = 0; index < choices; index++) {
    const chunk = (delta: object, finish_reason: string | null) => ({
      ...head,
      choices: [{ index, delta, logprobs: null, finish_reason }],
      ...usage.soFar(),
    });
    const content = calls.length > 0 && text === '' ? null : '';
    yield chunk({ role: 'assistant', content, refusal: null }, null);
    for (const piece of pieces) {
      usage.add(piece.tokens);
      yield chunk({ content: piece.text }, null);
    }
    for (const [i, call] of calls.entries()) {
      yield chunk({ tool_calls: [{ index: i, ...toolCall({ ...call, arguments: '' }) }] }, null);
      for (const piece of call.pieces) {
        usage.add(piece.tokens);
        yield chunk({ tool_calls: [{ index: i, function: { arguments: piece.text } }] }, null);
      }
    }
    yield chunk({}, finishReason);
  }
  if (usage.isAsked) yield { ...head, choices: [], usage: usage.all() };
}

function toolCall({ id, name, arguments: given }: ToolCall): object {
  return { id, type: 'function', function: { name, arguments: given } };
}
