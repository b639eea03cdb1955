import type { CompletionHead } from '../openai/chat-response.js';
import type { Services } from './services.js';

/** Digits of an id behind its prefix, as many as OpenAI's have. */
export const ID_DIGITS = 29;

/**
 * Names one completion.
 *
 * @param prefix what its id begins with: `chatcmpl` or `cmpl`
 * @param asked the model's name in the request; without one, the answer has the dataset's
 */
export function completionHead(
  { fingerprint, model, newId, now }: Services,
  prefix: string,
  asked: string | undefined,
): CompletionHead {
  return {
    id: `${prefix}-${newId(ID_DIGITS)}`,
    created: Math.floor(now() / 1000),
    model: asked ?? model.id,
    fingerprint: fingerprint(),
  };
}
