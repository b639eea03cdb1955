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
