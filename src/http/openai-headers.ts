import type { RequestFacts } from './request-facts.js';

/**
 * What every response says: the request's id, and, as OpenAI does, the version of its API, and how many ms it took until the response
 * begins, which is now. A list of names and values.
 */
export function openaiHeaders(facts: RequestFacts): string[] {
  facts.begin();
  return [
    'x-request-id',
    facts.requestId,
    'openai-version',
    '2020-10-01',
    'openai-processing-ms',
    String(facts.elapsedMs),
  ];
}
