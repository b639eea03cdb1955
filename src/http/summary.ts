import { COMPUTED } from './origin.js';
import { LATENCY_BOUNDS, type RequestMetrics } from './request-metrics.js';
import type { Summary } from './summary-text.js';

/** @param seconds how long the server ran */
export function summaryOf(metrics: RequestMetrics, seconds: number): Summary {
  const hits: Record<string, number> = {};
  const routes = new Set<string>();
  let requests = 0;
  let misses = 0;
  for (const { route, match, count } of metrics.requests) {
    requests += count;
    if (match === '' || match === COMPUTED.match) continue;
    routes.add(route);
    if (match === 'none') misses += count;
    else hits[match] = (hits[match] ?? 0) + count;
  }
  const counts = new Array<number>(LATENCY_BOUNDS.length + 1).fill(0);
  let max = 0;
  for (const [route, { whole }] of metrics.routes) {
    if (!routes.has(route)) continue;
    max = Math.max(max, whole.max);
    for (const [i, count] of whole.counts.entries()) counts[i] = (counts[i] as number) + count;
  }
  const [medianMs, p99Ms] = [quantileMs(counts, max, 0.5), quantileMs(counts, max, 0.99)];
  return { requests, hits, misses, medianMs, p99Ms, seconds: Math.round(seconds) };
}

/**
 * Estimates a quantile as Prometheus' `histogram_quantile` does: linearly within its bucket, to two digits.
 *
 * @param counts the number of requests in each bucket
 * @param max the longest latency, in seconds
 * @returns undefined if there are no requests
 */
function quantileMs(counts: readonly number[], max: number, quantile: number): number | undefined {
  let rank = quantile * counts.reduce((sum, count) => sum + count, 0);
  if (rank === 0) return undefined;
  for (const [i, count] of counts.entries()) {
    const lower = LATENCY_BOUNDS[i - 1] ?? 0;
    const upper = Math.min(LATENCY_BOUNDS[i] ?? max, max);
    if (rank <= count) return Number(((lower + (upper - lower) * (rank / count)) * 1000).toPrecision(2));
    rank -= count;
  }
  return undefined;
}
