import { checked } from '../../core/check.js';
import { AppError } from '../../core/errors.js';
import { after, type MaybePromise } from '../../core/maybe-promise.js';
import { responseStream } from '../../openai/responses-events.js';
import { itemList } from '../../openai/responses-items.js';
import { retrieve } from '../../openai/schemas/checks.js';
import { type Answered, type Endpoint, type Input, jsonOf, type RequestContext } from '../endpoint.js';
import type { StoredResponse } from '../kept.js';
import { valuesOf } from '../query-values.js';
import type { ResponseParts } from './responses.js';

/** `GET /v1/responses/{id}`: a stored response, or its events again, if requested. */
export function responseById(parts: ResponseParts): Endpoint<{ id: string; from: number | undefined }> {
  return {
    parse: ({ params: { id = '' }, query }) => {
      const { stream, starting_after = -1 } = checked(retrieve, valuesOf(query, 'stream', 'starting_after'));
      return { id, from: stream ? Math.max(0, starting_after + 1) : undefined };
    },
    answer: ({ id, from }, context) =>
      after(storedResponse(parts, id, context), ({ response }): Answered => {
        if (from === undefined) return jsonOf(response);
        return { content: { kind: 'events', stream: responseStream(response, from) } };
      }),
  };
}

/**
 * `POST /v1/responses/{id}/cancel`: a stored response, if it was requested in the background. It is completed already: nothing is
 * cancelled.
 */
export function cancelResponse(parts: ResponseParts): Endpoint<string> {
  return {
    parse: ({ params: { id = '' } }) => id,
    answer: (id, context) =>
      after(storedResponse(parts, id, context), ({ response, isSubstitute }) => {
        if (!response.background && !isSubstitute) throw new AppError('response_not_cancellable');
        return jsonOf(response);
      }),
  };
}

/** `DELETE /v1/responses/{id}`: deletes a stored response. Responses that continue it can't be continued any more. */
export function deleteResponse({ store, substitutes }: ResponseParts): Endpoint<string> {
  return {
    parse: ({ params: { id = '' } }) => id,
    answer: (id) =>
      after(store.delete(id), (wasStored) => {
        if (!wasStored && substitutes === undefined) throw notFound(id);
        return jsonOf({ id, object: 'response', deleted: true });
      }),
  };
}

/** `GET /v1/responses/{id}/input_items`: the input that the response answers. */
export function inputItems({ store, substitutes }: ResponseParts): Endpoint<Pick<Input, 'params' | 'query'>> {
  return {
    parse: (input) => input,
    answer: ({ params: { id = '' }, query }, context) =>
      after(store.get(id), (stored) => {
        if (stored === undefined && substitutes !== undefined) return jsonOf(itemList([], {}));
        if (stored === undefined) throw notFound(id);
        context.holdAnswer(store.jsonBytesOf(id, stored));
        return jsonOf(itemList(stored.input, valuesOf(query, 'limit')));
      }),
  };
}

/**
 * A stored response, or its substitute.
 *
 * @throws AppError, at once or as a rejection, if the response isn't stored and has no substitute, or if there is no memory for it
 */
function storedResponse(
  { store, substitutes }: ResponseParts,
  id: string,
  context: RequestContext,
): MaybePromise<StoredResponse & { readonly isSubstitute: boolean }> {
  return after(store.get(id), (stored) => {
    if (stored !== undefined) {
      context.holdAnswer(store.jsonBytesOf(id, stored));
      return { ...stored, isSubstitute: false };
    }
    if (substitutes === undefined) throw notFound(id);
    return after(substitutes.response(id), (response) => ({ ...response, isSubstitute: true }));
  });
}

function notFound(id: string): AppError {
  return new AppError('response_not_found', { message: `Response with id '${id}' not found.` });
}
