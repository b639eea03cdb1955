import type { RequestFacts } from './request-facts.js';

/**
 * What OpenAI says with every response: the version of its API, and how many ms it took until the response begins, which is now. A
 * list of names and values.
 */
export function openaiHeaders(facts: RequestFacts | undefined): string[] {
  const version = ['openai-version', '2020-10-01'];
  facts?.begin();
  return facts === undefined ? version : [...version, 'openai-processing-ms', String(facts.elapsedMs)];
}
