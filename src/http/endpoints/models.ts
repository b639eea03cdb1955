import * as anthropic from '../../anthropic/models.js';
import type { Catalog } from '../../models/catalog.js';
import { modelList, modelObject } from '../../openai/models.js';
import { type Endpoint, jsonOf, type RequestContext } from '../endpoint.js';

/** `GET /v1/models`: the served datasets. */
export function models({ models }: Catalog): Endpoint<void> {
  return {
    parse: () => undefined,
    answer: (_, context) => jsonOf(isAnthropic(context) ? anthropic.modelList(models) : modelList(models)),
  };
}

/** `GET /v1/models/{id}`: one of them, under the name in the request. An id may contain slashes. */
export function modelById(catalog: Catalog): Endpoint<string> {
  return {
    parse: ({ params: { id = '' } }) => id,
    answer: (id, context) => {
      const model = catalog.resolve(id);
      return jsonOf(isAnthropic(context) ? anthropic.modelObject(model, id) : modelObject(model, id));
    },
  };
}

/** True if the client is one of Anthropic's: they send the version of its API. */
function isAnthropic({ request }: RequestContext): boolean {
  return request.headers['anthropic-version'] !== undefined;
}
