import type { Rate, RequestFacts } from './request-facts.js';

/**
 * The headers of every response in Anthropic's format: the request's id and the client's rate if it is limited. A list of names and values.
 *
 * @param nowMs since 1970
 */
export function anthropicHeaders(facts: RequestFacts, nowMs: number): string[] {
  facts.begin();
  const { requestId, rate } = facts;
  const headers = ['request-id', requestId, 'x-request-id', requestId];
  if (rate !== undefined) headers.push(...rateHeaders(rate, nowMs));
  return headers;
}

function rateHeaders({ limit, remaining, resetMs }: Rate, nowMs: number): readonly string[] {
  return [
    'anthropic-ratelimit-requests-limit',
    String(limit),
    'anthropic-ratelimit-requests-remaining',
    String(remaining),
    'anthropic-ratelimit-requests-reset',
    new Date(nowMs + resetMs).toISOString(),
  ];
}
