import type { Reply } from './reply.js';
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
  { text, finishReason }: Reply,
  choices: number,
  usage: Usage,
): object {
  return {
    id,
    object: 'chat.completion',
    created,
    model,
    choices: Array.from({ length: choices }, (_, index) => ({
      index,
      message: { role: 'assistant', content: text, refusal: null, annotations: [] },
      logprobs: null,
      finish_reason: finishReason,
    })),
    usage: usageObject(usage),
    service_tier: 'default',
    system_fingerprint: fingerprint ?? null,
  };
}

/**
 * The chunks of a streamed completion: for one choice after the other the role, the content in pieces, and the reason of its
 * end; and, if asked for, the usage in a chunk of its own without choices.
 *
 * @param choices how many times the reply is given
 */
export function* chatChunks(
  { id, created, model, fingerprint }: CompletionHead,
  { pieces, finishReason }: Reply,
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
    yield chunk({ role: 'assistant', content: '', refusal: null }, null);
    for (const { text, tokens } of pieces) {
      usage.add(tokens);
      yield chunk({ content: text }, null);
    }
    yield chunk({}, finishReason);
  }
  if (usage.isAsked) yield { ...head, choices: [], usage: usage.all() };
}
