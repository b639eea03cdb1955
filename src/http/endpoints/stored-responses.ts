import { checked } from '../../core/check.js';
import { AppError } from '../../core/errors.js';
import { after, type MaybePromise } from '../../core/maybe-promise.js';
import { responseStream } from '../../openai/responses-events.js';
import { itemList } from '../../openai/responses-items.js';
import { retrieve } from '../../openai/schemas/checks.js';
import { type Answered, type Endpoint, type Input, jsonOf } from '../endpoint.js';
import { valuesOf } from '../query-values.js';
import type { StoredResponse } from '../store.js';
import type { ResponseParts } from './responses.js';

/** `GET /v1/responses/{id}`: a stored response, or its events again, if requested. */
export function responseById(parts: ResponseParts): Endpoint<{ id: string; from: number | undefined }> {
  return {
    parse: ({ params: { id = '' }, query }) => {
      const { stream, starting_after = -1 } = checked(retrieve, valuesOf(query, 'stream', 'starting_after'));
      return { id, from: stream ? Math.max(0, starting_after + 1) : undefined };
    },
    answer: ({ id, from }, context) =>
      after(storedResponse(parts, id), ({ response }): Answered => {
        context.holdAnswer(parts.store.jsonBytesOf(id));
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
      after(storedResponse(parts, id), ({ response }) => {
        if (!response.background && parts.store.get(id) !== undefined)
          throw new AppError('response_not_cancellable');
        context.holdAnswer(parts.store.jsonBytesOf(id));
        return jsonOf(response);
      }),
  };
}

/** `DELETE /v1/responses/{id}`: deletes a stored response. Responses that continue it can't be continued any more. */
export function deleteResponse({ store, substitutes }: ResponseParts): Endpoint<string> {
  return {
    parse: ({ params: { id = '' } }) => id,
    answer: (id) => {
      if (!store.delete(id) && substitutes === undefined) throw notFound(id);
      return jsonOf({ id, object: 'response', deleted: true });
    },
  };
}

/** `GET /v1/responses/{id}/input_items`: the input that the response answers. */
export function inputItems({ store, substitutes }: ResponseParts): Endpoint<Pick<Input, 'params' | 'query'>> {
  return {
    parse: (input) => input,
    answer: ({ params: { id = '' }, query }, context) => {
      const stored = store.get(id);
      if (stored === undefined && substitutes !== undefined) return jsonOf(itemList([], {}));
      if (stored === undefined) throw notFound(id);
      context.holdAnswer(store.jsonBytesOf(id));
      return jsonOf(itemList(stored.input, valuesOf(query, 'limit')));
    },
  };
}

/** @throws AppError if the response isn't stored and has no substitute */
function storedResponse({ store, substitutes }: ResponseParts, id: string): MaybePromise<StoredResponse> {
  const stored = store.get(id) ?? substitutes?.response(id);
  if (stored === undefined) throw notFound(id);
  return stored;
}

function notFound(id: string): AppError {
  return new AppError('response_not_found', { message: `Response with id '${id}' not found.` });
}
