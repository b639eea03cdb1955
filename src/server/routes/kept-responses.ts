import type { RequestHandler } from 'express';
import { AppError } from '../../core/errors.js';
import { checked } from '../../openai/check.js';
import { responseEvents } from '../../openai/responses-events.js';
import { itemList } from '../../openai/responses-items.js';
import { retrieve } from '../../openai/schemas/checks.js';
import { sendNamedEvents } from '../event-stream.js';
import { sendJson } from '../json.js';
import type { KeptResponse, ResponseStore } from '../response-store.js';
import type { Services } from '../services.js';

type Handler = RequestHandler<{ id: string }>;

/** `GET /v1/responses/{id}`: a response that was kept; its events once more, if that is asked for. */
export function responseById({ tokenPool }: Services, store: ResponseStore): Handler {
  return async ({ params, query }, response) => {
    const { stream, starting_after = -1 } = checked(retrieve, valuesOf(query, 'stream', 'starting_after'));
    const kept = found(store, params.id);
    if (!stream) return sendJson(response, 200, kept.response);
    const events = [...responseEvents(kept.response, tokenPool.tokenizer)];
    await sendNamedEvents(response, events.slice(Math.max(0, starting_after + 1)));
  };
}

/** `DELETE /v1/responses/{id}`: forgets it. What continued it can't be continued any more. */
export function deleteResponse(store: ResponseStore): Handler {
  return ({ params: { id } }, response) => {
    if (!store.delete(id)) throw notFound(id);
    sendJson(response, 200, { id, object: 'response', deleted: true });
  };
}

/** `GET /v1/responses/{id}/input_items`: what it was an answer to. */
export function inputItems(store: ResponseStore): Handler {
  return ({ params, query }, response) =>
    sendJson(response, 200, itemList(found(store, params.id).input, valuesOf(query, 'limit')));
}

function found(store: ResponseStore, id: string): KeptResponse {
  const kept = store.get(id);
  if (kept === undefined) throw notFound(id);
  return kept;
}

function notFound(id: string): AppError {
  return new AppError('response_not_found', { message: `Response with id '${id}' not found.` });
}

/** A query's fields are texts: those named, where they say a whole number, or true or false, become that. */
function valuesOf(query: Readonly<Record<string, unknown>>, ...names: readonly string[]): object {
  const values = { ...query };
  for (const name of names) {
    const text = values[name];
    if (typeof text === 'string' && /^(?:0|-?[1-9]\d{0,14}|true|false)$/.test(text))
      values[name] = JSON.parse(text);
  }
  return values;
}
