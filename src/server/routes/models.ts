import type { RequestHandler } from 'express';
import { modelList, modelObject } from '../../openai/models.js';
import { sendJson } from '../json.js';
import { assertModel } from '../model-name.js';
import type { Services } from '../services.js';

/** `GET /v1/models`: the dataset that is served. */
export function models({ model }: Services): RequestHandler {
  return (_request, response) => sendJson(response, 200, modelList(model));
}

/** `GET /v1/models/{id}`: the same, under the name that it is asked for. An id may have slashes in it. */
export function modelById(services: Services): RequestHandler<{ id: string[] }> {
  return ({ params }, response) => {
    const id = params.id.join('/');
    assertModel(services, id);
    sendJson(response, 200, modelObject(services.model, id));
  };
}
