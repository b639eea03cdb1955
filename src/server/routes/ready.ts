import type { RequestHandler } from 'express';
import { sendJson } from '../json.js';
import type { Services } from '../services.js';

/** `GET /ready`: the server can answer, and how far it knows its dataset. */
export function ready({ status }: Services): RequestHandler {
  return (_request, response) => sendJson(response, 200, { status: 'ready', ...status() });
}
