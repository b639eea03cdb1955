import { counted } from '../core/counted.js';
import { durationText } from '../core/duration-text.js';

/** A summary of the requests of a run, for the log. */
export interface Summary {
  readonly requests: number;
  /** How many found a reply, by rung. */
  readonly hits: Readonly<Record<string, number>>;
  readonly misses: number;
  /** Latencies of the requests that looked up a reply; undefined if there were none. Taken from a histogram: see `quantileMs`. */
  readonly medianMs: number | undefined;
  readonly p99Ms: number | undefined;
  readonly seconds: number;
}

/** The summary for people. */
export function summaryText({ requests, hits, misses, medianMs, p99Ms, seconds }: Summary): string {
  const total = Object.values(hits).reduce((sum, count) => sum + count, 0);
  const rungs = Object.entries(hits).map(([rung, count]) => `${rung} ${count}`);
  const found = `${counted(total, 'hit')}${rungs.length === 0 ? '' : ` (${rungs.join(', ')})`}`;
  const latency = medianMs === undefined ? '' : `; median ${medianMs} ms, p99 ${p99Ms} ms`;
  const lookups = `${counted(total + misses, 'lookup')}: ${found}, ${counted(misses, 'miss', 'misses')}`;
  return `stopped after ${durationText(seconds)}: ${counted(requests, 'request')}; ${lookups}${latency}`;
}
