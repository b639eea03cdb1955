import type { Catalog } from '../../models/catalog.js';
import { modelList, modelObject } from '../../openai/models.js';
import { type Endpoint, jsonOf } from '../endpoint.js';

/** `GET /v1/models`: the served datasets. */
export function models({ models }: Catalog): Endpoint<void> {
  return { parse: () => undefined, answer: () => jsonOf(modelList(models)) };
}

/** `GET /v1/models/{id}`: one of them, under the name in the request. An id may contain slashes. */
export function modelById(catalog: Catalog): Endpoint<string> {
  return {
    parse: ({ params: { id = '' } }) => id,
    answer: (id) => jsonOf(modelObject(catalog.resolve(id), id)),
  };
}
