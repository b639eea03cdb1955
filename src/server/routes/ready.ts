import type { RequestHandler } from 'express';
import { AppError } from '../../core/errors.js';
import { sendJson } from '../json.js';
import type { Services } from '../services.js';

/** `GET /ready`: whether the server can answer, by which engine, and how far it knows its dataset. */
export function ready({ isStopping, status }: Services): RequestHandler {
  return (_request, response) => {
    if (isStopping()) throw new AppError('stopping');
    const { isAvailable, engine, progress, counts } = status();
    if (!isAvailable) throw new AppError('dataset_changed');
    const { conversations, turns } = counts;
    sendJson(response, 200, { status: 'ready', engine, progress, conversations, turns });
  };
}
