import { checked } from '../../core/check.js';
import { AppError } from '../../core/errors.js';
import { responseStream } from '../../openai/responses-events.js';
import { itemList } from '../../openai/responses-items.js';
import { retrieve } from '../../openai/schemas/checks.js';
import { type Endpoint, type Input, jsonOf } from '../endpoint.js';
import type { ResponseStore, StoredResponse } from '../response-store.js';

/** `GET /v1/responses/{id}`: a stored response, or its events again, if requested. */
export function responseById(store: ResponseStore): Endpoint<{ id: string; from: number | undefined }> {
  return {
    parse: ({ params: { id = '' }, query }) => {
      const { stream, starting_after = -1 } = checked(retrieve, valuesOf(query, 'stream', 'starting_after'));
      return { id, from: stream ? Math.max(0, starting_after + 1) : undefined };
    },
    answer: ({ id, from }, context) => {
      const { response } = storedResponse(store, id);
      context.holdAnswer(store.jsonBytesOf(id));
      if (from === undefined) return jsonOf(response);
      return { content: { kind: 'events', stream: responseStream(response, from) } };
    },
  };
}

/** `DELETE /v1/responses/{id}`: deletes a stored response. Responses that continue it can't be continued any more. */
export function deleteResponse(store: ResponseStore): Endpoint<string> {
  return {
    parse: ({ params: { id = '' } }) => id,
    answer: (id) => {
      if (!store.delete(id)) throw notFound(id);
      return jsonOf({ id, object: 'response', deleted: true });
    },
  };
}

/** `GET /v1/responses/{id}/input_items`: the input that the response answers. */
export function inputItems(store: ResponseStore): Endpoint<Pick<Input, 'params' | 'query'>> {
  return {
    parse: (input) => input,
    answer: ({ params, query }, context) => {
      const { input, response } = storedResponse(store, params.id);
      context.holdAnswer(store.jsonBytesOf(response.id));
      return jsonOf(itemList(input, valuesOf(query, 'limit')));
    },
  };
}

function storedResponse(store: ResponseStore, id = ''): StoredResponse {
  const stored = store.get(id);
  if (stored === undefined) throw notFound(id);
  return stored;
}

function notFound(id: string): AppError {
  return new AppError('response_not_found', { message: `Response with id '${id}' not found.` });
}

/** Converts the named query fields from strings to integers or booleans, where they look like one. */
function valuesOf(query: Readonly<Record<string, unknown>>, ...names: readonly string[]): object {
  const values = { ...query };
  for (const name of names) {
    const text = values[name];
    if (typeof text === 'string' && /^(?:0|-?[1-9]\d{0,14}|true|false)$/.test(text))
      values[name] = JSON.parse(text);
  }
  return values;
}
