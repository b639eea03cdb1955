import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import { AppError } from '../core/errors.js';

/**
 * Lets requests in that carry one of the keys, as `Authorization: Bearer <key>` or `api-key: <key>`. The comparison
 * takes the same time whatever is sent: it is of digests, and of all of them.
 *
 * @param keys none lets everyone in
 */
export function requireKey(keys: readonly string[]): RequestHandler {
  const digests = keys.map(digest);
  return (request, _response, next) => {
    if (digests.length === 0) return next();
    const bearer = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const given = bearer ?? request.get('api-key');
    if (given === undefined) throw new AppError('missing_api_key');
    const sent = digest(given.trim());
    if (digests.filter((known) => timingSafeEqual(known, sent)).length === 0)
      throw new AppError('invalid_api_key');
    next();
  };
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
