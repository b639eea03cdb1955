import type { RequestHandler } from 'express';
import { modelList } from '../../openai/models.js';
import { sendJson } from '../json.js';
import type { Services } from '../services.js';

/** `GET /v1/models`: the dataset that is served. */
export function models({ model }: Services): RequestHandler {
  return (_request, response) => sendJson(response, 200, modelList([model]));
}
