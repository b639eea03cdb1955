import type { RequestHandler } from 'express';
import { sendJson } from '../json.js';
import type { Services } from '../services.js';

/** `GET /openapi.json`: the API, described. The description is loaded when it is first asked for, so that no start waits for it. */
export function openapi({ version }: Services): RequestHandler {
  let document: Promise<object> | undefined;
  return async (_request, response) => {
    document ??= import('../../openai/openapi.js').then(({ openapiDocument }) => openapiDocument(version));
    sendJson(response, 200, await document);
  };
}
