import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { RequestHandler } from 'express';
import { AppError } from '../core/errors.js';

/** Says why a request with such headers is not let in; undefined if it is. */
export type KeyCheck = (headers: IncomingHttpHeaders) => 'missing_api_key' | 'invalid_api_key' | undefined;

/**
 * Lets requests in that carry one of the keys, as `Authorization: Bearer <key>` or `api-key: <key>`. The comparison
 * takes the same time whatever is sent: it is of digests, and of all of them.
 *
 * @param keys none lets everyone in
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

/** The key that a request carries, however it is spelled. */
export function keyIn({ authorization = '', 'api-key': apiKey }: IncomingHttpHeaders): string | undefined {
  const bearer = /^Bearer +(.+)$/i.exec(authorization)?.[1];
  return (bearer ?? (typeof apiKey === 'string' ? apiKey : undefined))?.trim();
}

/** Refuses requests that are not let in. */
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
