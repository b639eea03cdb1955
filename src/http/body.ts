import { json, type RequestHandler } from 'express';
import type { ByteCount } from '../core/bytes.js';
import { AppError } from '../core/errors.js';

/** Reads a JSON body into `request.body`. A missing content type is taken for JSON; another one is refused. */
export function readBody(limit: ByteCount): RequestHandler[] {
  return [assertJson, json({ limit, type: () => true, strict: false })];
}

const assertJson: RequestHandler = (request, _response, next) => {
  const type = request.headers['content-type'];
  if (type === undefined || /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type)) return next();
  throw new AppError('unsupported_content_type', {
    message: `Unsupported content type: '${type}'. This API only accepts 'application/json'.`,
  });
};
