import { piecesOf } from './pieces.js';
import { type Usage, usageObject } from './usage.js';

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
 * @param choices how many times the content is given
 * @param usage of all choices
 */
export function chatCompletion(
  { id, created, model, fingerprint }: CompletionHead,
  content: string,
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
      message: { role: 'assistant', content, refusal: null, annotations: [] },
      logprobs: null,
      finish_reason: 'stop',
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
 * @param choices how many times the content is given
 * @param usage of all choices; undefined if it wasn't asked for
 */
export function* chatChunks(
  { id, created, model, fingerprint }: CompletionHead,
  content: string,
  choices: number,
  usage: Usage | undefined,
): Generator<object, void> {
  const head = {
    id,
    object: 'chat.completion.chunk',
    created,
    model,
    service_tier: 'default',
    system_fingerprint: fingerprint ?? null,
  };
  const pieces = piecesOf(content);
  for (let index = 0; index < choices; index++) {
    const chunk = (delta: object, finish_reason: 'stop' | null) => ({
      ...head,
      choices: [{ index, delta, logprobs: null, finish_reason }],
      ...(usage && { usage: null }),
    });
    yield chunk({ role: 'assistant', content: '', refusal: null }, null);
    for (const piece of pieces) yield chunk({ content: piece }, null);
    yield chunk({}, 'stop');
  }
  if (usage !== undefined) yield { ...head, choices: [], usage: usageObject(usage) };
}
