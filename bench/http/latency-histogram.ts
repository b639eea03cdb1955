/**
 * The latencies that wrk measured, without those it makes up. For each late response, wrk adds the responses that would have arrived in
 * that time at the average request rate: a pause of 100 ms at 5 ms a request counts as 20 late responses per connection. autocannon adds
 * none, and both tools must report the same for the same server.
 */

import type { Latency } from './load-generator.js';

/** How often each latency was seen, in whole microseconds. */
export type LatencyCounts = ReadonlyMap<number, number>;

/**
 * The counts before wrk's additions.
 *
 * @param requests the number of responses
 * @param intervalMicroseconds the average time a connection took per response
 * @throws Error if the counts don't add up to that number of responses
 */
export function measuredCounts(
  printed: LatencyCounts,
  requests: number,
  intervalMicroseconds: number,
): LatencyCounts {
  if (totalOf(printed) === requests) return printed;
  const counts = new Map(printed);
  // From an answer after n µs, wrk adds answers after n - interval, n - 2 intervals and so on, down to one interval. Nothing is added to
  // the longest one, so its count is exact. That gives what it has added, then the exact count of the next one, and so on.
  for (const late of [...printed.keys()].sort((a, b) => b - a)) {
    const count = counts.get(late) ?? 0;
    if (late < 2 * intervalMicroseconds || count === 0) continue;
    for (let at = late - intervalMicroseconds; at > intervalMicroseconds; at -= intervalMicroseconds)
      counts.set(at, (counts.get(at) ?? 0) - count);
  }
  const isSound = totalOf(counts) === requests && [...counts.values()].every((count) => count >= 0);
  if (!isSound) throw new Error(`wrk's latencies are not those of ${requests} answers`);
  return counts;
}

/** Summary of the counts; NaN if there aren't any. */
export function latencyOf(counts: LatencyCounts): Latency {
  const sorted = [...counts].filter(([, count]) => count > 0).sort(([a], [b]) => a - b);
  const total = totalOf(counts);
  const sum = sorted.reduce((micros, [value, count]) => micros + value * count, 0);
  const at = (share: number) => {
    let seen = 0;
    const found = sorted.find(([, count]) => {
      seen += count;
      return seen > Math.min(total - 1, Math.floor(total * share));
    });
    return (found?.[0] ?? Number.NaN) / 1000;
  };
  return { mean: sum / total / 1000, p50: at(0.5), p975: at(0.975), p99: at(0.99), max: at(1) };
}

function totalOf(counts: LatencyCounts): number {
  let total = 0;
  for (const count of counts.values()) total += count;
  return total;
}
