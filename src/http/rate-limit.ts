import type { Request, RequestHandler, Response } from 'express';
import { ipKeyGenerator, type RateLimitInfo, rateLimit } from 'express-rate-limit';
import { AppError } from '../core/errors.js';
import { keyIn } from './auth.js';

const MINUTE_MS = 60_000;
/** Under this name, the library leaves at a request what it has counted. */
const COUNTED = 'rateLimit';

/**
 * Lets so many requests a minute through, of each key or address; more are refused. Both say where they stand, in OpenAI's headers.
 *
 * @param hasKeys true if requests that come here carry one of the server's keys; else they are told apart by their address
 */
export function limitRate(limit: number, hasKeys: boolean): RequestHandler {
  return rateLimit({
    windowMs: MINUTE_MS,
    limit,
    requestPropertyName: COUNTED,
    standardHeaders: false,
    legacyHeaders: false,
    keyGenerator: ({ headers, ip = '' }) => (hasKeys ? keyIn(headers) : undefined) ?? ipKeyGenerator(ip),
    handler: (request, response, next) => {
      const waitMs = tellRate(request, response);
      response.setHeader('retry-after', Math.ceil(waitMs / 1000));
      response.setHeader('retry-after-ms', waitMs);
      const seconds = Math.ceil(waitMs / 1000);
      const message = `Rate limit reached for requests: ${limit} a minute. Please try again in ${seconds}s.`;
      next(new AppError('rate_limit_exceeded', { message }));
    },
  });
}

/** Tells how many requests are left. */
export const rateHeaders: RequestHandler = (request, response, next) => {
  tellRate(request, response);
  next();
};

/** @returns how long it takes until all of the limit is there again, in ms */
function tellRate(request: Request, response: Response): number {
  const counted = countedOf(request);
  if (counted === undefined) return 0;
  const waitMs = Math.max(1, (counted.resetTime?.getTime() ?? 0) - Date.now());
  response.setHeader('x-ratelimit-limit-requests', counted.limit);
  response.setHeader('x-ratelimit-remaining-requests', counted.remaining);
  response.setHeader('x-ratelimit-reset-requests', `${(waitMs / 1000).toFixed(3)}s`);
  return waitMs;
}

function countedOf(request: Request): RateLimitInfo | undefined {
  return (request as Request & { readonly [COUNTED]?: RateLimitInfo })[COUNTED];
}
