import * as anthropic from '../../anthropic/models.js';
import { AppError } from '../../core/errors.js';
import type { Catalog } from '../../models/catalog.js';
import { modelList, modelObject } from '../../openai/models.js';
import type { ContextLimits } from '../context-limits.js';
import { type Endpoint, jsonOf, type RequestContext } from '../endpoint.js';

/** `GET /v1/models`: the served datasets. */
export function models({ models }: Catalog, { lengthOf }: ContextLimits): Endpoint<void> {
  return {
    parse: () => undefined,
    answer: (_, context) =>
      jsonOf(isAnthropic(context) ? anthropic.modelList(models, lengthOf) : modelList(models, lengthOf)),
  };
}

/** `GET /v1/models/{id}`: one of them, under the name in the request. An id may contain slashes. */
export function modelById(catalog: Catalog, contexts: ContextLimits): Endpoint<string> {
  return {
    parse: ({ params: { id = '' } }) => id,
    answer: (id, context) => {
      const model = catalog.resolve(id);
      const length = contexts.lengthOf(model.id);
      const object = isAnthropic(context) ? anthropic.modelObject : modelObject;
      return jsonOf(object(model, id, length));
    },
  };
}

/**
 * `DELETE /v1/models/{id}`: refused, since only fine-tuned models can be deleted at OpenAI, too.
 *
 * @param deletesUnknown true to confirm that a model that no dataset has is deleted
 */
export function deleteModel(catalog: Catalog, deletesUnknown: boolean): Endpoint<string> {
  return {
    parse: ({ params: { id = '' } }) => id,
    answer: (id) => {
      if (catalog.models.some((model) => model.id === id)) {
        const message = `You have insufficient permissions for this operation: the model \`${id}\` is a dataset, which can't be deleted.`;
        throw new AppError('model_not_deletable', { message });
      }
      if (deletesUnknown) return jsonOf({ id, object: 'model', deleted: true });
      throw new AppError('model_not_found', { message: `The model \`${id}\` does not exist` });
    },
  };
}

/** True if the client is one of Anthropic's: they send the version of its API. */
function isAnthropic({ request }: RequestContext): boolean {
  return request.headers['anthropic-version'] !== undefined;
}
