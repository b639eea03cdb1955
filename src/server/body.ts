import { json, type RequestHandler } from 'express';
import type { ByteCount } from '../core/bytes.js';
import { AppError, ERRORS } from '../core/errors.js';
import { factsOf } from './request-facts.js';

/** Reads a JSON body into `request.body`. A missing content type is taken for JSON; another one is refused. */
export function readBody(limit: ByteCount): RequestHandler[] {
  return [assertJson, parseRead, json({ limit, type: () => true, strict: false })];
}

const assertJson: RequestHandler = (request, _response, next) => {
  const type = request.headers['content-type'];
  if (type === undefined || /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type)) return next();
  throw new AppError('unsupported_content_type', {
    message: `Unsupported content type: '${type}'. This API only accepts 'application/json'.`,
  });
};

const decoder = new TextDecoder();

/** Parses what was read before Express had the request. The parser that comes next passes over a body that was read. */
const parseRead: RequestHandler = (request, response, next) => {
  const bytes = factsOf(response)?.body;
  if (bytes === undefined) return next();
  try {
    request.body = JSON.parse(decoder.decode(bytes));
  } catch (error) {
    const message = `${ERRORS.invalid_json.message} (${error instanceof Error ? error.message : error})`;
    throw new AppError('invalid_json', { message });
  }
  next();
};
