import type { RequestHandler } from 'express';
import { sendJson } from '../json.js';

/** `GET /health`: the process is alive. */
export const health: RequestHandler = (_request, response) => sendJson(response, 200, { status: 'ok' });
