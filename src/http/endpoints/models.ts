import type { Catalog } from '../../models/catalog.js';
import { modelList, modelObject } from '../../openai/models.js';
import { type Endpoint, jsonOf } from '../endpoint.js';

/** `GET /v1/models`: the datasets that are served. */
export function models({ models }: Catalog): Endpoint<void> {
  return { parse: () => undefined, answer: () => jsonOf(modelList(models)) };
}

/** `GET /v1/models/{id}`: one of them, under the name that it is asked for. An id may have slashes in it. */
export function modelById(catalog: Catalog): Endpoint<string> {
  return {
    parse: ({ params: { id = '' } }) => id,
    answer: (id) => jsonOf(modelObject(catalog.resolve(id), id)),
  };
}
