import { rateHeaders } from './rate-limit.js';
import type { RequestFacts } from './request-facts.js';

/**
 * The headers of every response: the request's id and, as OpenAI sends them, the version of its API, the time in ms from the request to the
 * start of the response, which is now, and the client's rate if it is limited. A list of names and values.
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
