import type { IncomingHttpHeaders } from 'node:http';
import cors from 'cors';
import type { RequestHandler } from 'express';

const DAY_SECONDS = 86_400;

/** What a page may read besides the body. */
const HEADERS = [
  'x-request-id',
  'x-verbatim-match',
  'x-verbatim-source',
  'x-verbatim-dataset',
  'openai-processing-ms',
  'openai-version',
  'x-ratelimit-limit-requests',
  'x-ratelimit-remaining-requests',
  'x-ratelimit-reset-requests',
  'retry-after',
  'retry-after-ms',
];

/**
 * Lets pages of other origins ask, whatever headers they send, and answers the browser's question whether they may, which comes
 * without a key.
 *
 * @param origins `*` is all of them
 */
export function allowOrigins(origins: readonly string[]): RequestHandler {
  const origin = origins.includes('*') ? '*' : [...origins];
  return cors({ origin, exposedHeaders: HEADERS, maxAge: DAY_SECONDS });
}

/**
 * The headers by which a page may read an answer that is given before there is a request: names and values.
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
