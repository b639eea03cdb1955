import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { durationText } from '#dist/core/duration-text.js';
import type { Clock } from '#dist/http/clock.js';
import { RequestFacts } from '#dist/http/request-facts.js';
import { RequestMetrics } from '#dist/http/request-metrics.js';
import { summaryOf } from '#dist/http/summary.js';
import { summaryText } from '#dist/http/summary-text.js';

const clock: Clock = { now: () => 0, newId: () => '' };

/** Counts a request with this duration. */
function record(
  metrics: RequestMetrics,
  route: string,
  status: number,
  match: string | undefined,
  ms: number,
) {
  const facts = new RequestFacts({ headers: {} } as never, clock);
  Object.assign(facts, { match, cameAt: performance.now() - ms });
  metrics.record(route, status, facts, true);
}

// The clock does not run: a pause of this process would count as latency.
beforeEach(() => {
  vi.spyOn(performance, 'now').mockReturnValue(100_000);
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe('the summary of a run', () => {
  it('has the hits by rung, the misses, and the latency of the requests that looked for a reply', () => {
    const metrics = new RequestMetrics();
    for (let i = 0; i < 98; i++) record(metrics, '/v1/chat/completions', 200, 'prompt', 1.7);
    record(metrics, '/v1/chat/completions', 200, 'context', 1.7);
    record(metrics, '/v1/responses', 404, 'none', 400);
    for (let i = 0; i < 200; i++) record(metrics, '/ready', 200, undefined, 9000);
    // Nothing was looked up.
    record(metrics, '/v1/embeddings', 200, 'computed', 9000);
    const summary = summaryOf(metrics, 65.2);
    expect(summary).toMatchObject({
      requests: 301,
      hits: { context: 1, prompt: 98 },
      misses: 1,
      seconds: 65,
    });
    // Within the precision of the buckets.
    expect(summary.medianMs).toBeGreaterThan(1);
    expect(summary.medianMs).toBeLessThan(2.5);
    expect(summary.p99Ms).toBeLessThan(2.6);
    expect(summaryText({ ...summary, medianMs: 1.7, p99Ms: 2.5 })).toBe(
      'stopped after 1 min 5 s: 301 requests; 100 lookups: 99 hits (prompt 98, context 1), 1 miss; median 1.7 ms, p99 2.5 ms',
    );
  });

  it('has no latency above the longest', () => {
    const metrics = new RequestMetrics();
    for (const ms of [1100, 1200]) record(metrics, '/v1/chat/completions', 200, 'prompt', ms);
    expect(summaryOf(metrics, 1).p99Ms).toBeLessThanOrEqual(1200 + 50);
  });

  it('has no latency after a run without requests', () => {
    expect(summaryText(summaryOf(new RequestMetrics(), 3))).toBe(
      'stopped after 3 s: 0 requests; 0 lookups: 0 hits, 0 misses',
    );
  });

  it.each([
    [0, '0 s'],
    [59, '59 s'],
    [60, '1 min 0 s'],
    [3661, '1 h 1 min'],
  ])('shows %i seconds as %s', (seconds, text) => {
    expect(durationText(seconds)).toBe(text);
  });
});
