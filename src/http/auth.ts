import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { RequestHandler } from 'express';
import { AppError } from '../core/errors.js';

/** Checks the headers of a request. Returns why the request is rejected; undefined if it is accepted. */
export type KeyCheck = (headers: IncomingHttpHeaders) => 'missing_api_key' | 'invalid_api_key' | undefined;

/**
 * Accepts requests that carry one of the keys, as `Authorization: Bearer <key>`, `api-key: <key>` or `x-api-key: <key>`. The comparison
 * always takes the same time: it compares digests, and all of them.
 *
 * @param keys an empty list accepts all requests
 */
export function keyCheck(keys: readonly string[]): KeyCheck {
  const digests = keys.map(digest);
  return (headers) => {
    if (digests.length === 0) return undefined;
    const given = keyIn(headers);
    if (given === undefined) return 'missing_api_key';
    const sent = digest(given);
    const isKnown = digests.filter((known) => timingSafeEqual(known, sent)).length > 0;
    return isKnown ? undefined : 'invalid_api_key';
  };
}

/** The key of a request, in any accepted spelling. */
export function keyIn(headers: IncomingHttpHeaders): string | undefined {
  const bearer = /^Bearer +(.+)$/i.exec(headers.authorization ?? '')?.[1];
  const key = bearer ?? headers['api-key'] ?? headers['x-api-key'];
  return typeof key === 'string' ? key.trim() : undefined;
}

/** Rejects requests without an accepted key. */
export function requireKey(check: KeyCheck): RequestHandler {
  return (request, _response, next) => {
    const problem = check(request.headers);
    if (problem !== undefined) throw new AppError(problem);
    next();
  };
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
