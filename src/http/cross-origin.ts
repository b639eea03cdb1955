import type { IncomingHttpHeaders } from 'node:http';
import type { RequestHandler } from 'express';
import { loaded } from './loaded.js';

const DAY_SECONDS = 86_400;

/** The response headers that a page may read. */
const HEADERS = [
  'x-request-id',
  'request-id',
  'x-verbatim-match',
  'x-verbatim-source',
  'x-verbatim-dataset',
  'x-verbatim-score',
  'openai-processing-ms',
  'openai-version',
  'x-ratelimit-limit-requests',
  'x-ratelimit-remaining-requests',
  'x-ratelimit-reset-requests',
  'x-ratelimit-limit-tokens',
  'x-ratelimit-remaining-tokens',
  'x-ratelimit-reset-tokens',
  'anthropic-ratelimit-requests-limit',
  'anthropic-ratelimit-requests-remaining',
  'anthropic-ratelimit-requests-reset',
  'retry-after',
  'retry-after-ms',
];

/**
 * Allows requests from pages of other origins, with any headers, and answers the browser's preflight requests, which carry no key.
 *
 * @param origins `*` allows all
 */
export function allowOrigins(origins: readonly string[]): RequestHandler {
  const origin = origins.includes('*') ? '*' : [...origins];
  return loaded('cors')({ origin, exposedHeaders: HEADERS, maxAge: DAY_SECONDS });
}

/**
 * The headers that allow a page to read the response to input that was rejected before it became a request: names and values.
 *
 * @param headers those of the request, as far as they are known
 */
export function originHeaders(
  origins: readonly string[],
  { origin }: IncomingHttpHeaders,
): readonly string[] {
  const allowed = origins.includes('*') ? '*' : origins.find((each) => each === origin);
  return allowed === undefined ? [] : ['access-control-allow-origin', allowed, 'vary', 'Origin'];
}
