import type { RequestHandler } from 'express';
import { sendJson } from '../json.js';
import type { Services } from '../services.js';

/** `GET /version`: which verbatim this is, in vLLM's manner. */
export function version({ version }: Services): RequestHandler {
  return (_request, response) => sendJson(response, 200, { version });
}
