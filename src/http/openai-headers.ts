import { rateHeaders } from './rate-limit.js';
import type { RequestFacts } from './request-facts.js';

/**
 * The headers that every response has: the request's id, and, as OpenAI does, the version of its API, how many ms it took until the
 * response begins, which is now, and the client's rate where it is limited. A list of names and values.
 */
export function openaiHeaders(facts: RequestFacts): string[] {
  facts.begin();
  const headers = [
    'x-request-id',
    facts.requestId,
    'openai-version',
    '2020-10-01',
    'openai-processing-ms',
    String(facts.elapsedMs),
  ];
  if (facts.rate !== undefined) headers.push(...rateHeaders(facts.rate));
  return headers;
}
