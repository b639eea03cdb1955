import type { RequestHandler } from 'express';
import { sendJson } from '../json.js';
import type { Services } from '../services.js';

/** `GET /openapi.json`: the API, described. The description is loaded when it is first asked for, so that no start waits for it. */
export function openapi({ version }: Services): RequestHandler {
  let document: object | undefined;
  return async (_request, response) => {
    const { openapiDocument } = await import('../../openai/openapi.js');
    document ??= openapiDocument(version);
    sendJson(response, 200, document);
  };
}
