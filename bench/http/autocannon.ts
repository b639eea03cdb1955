/** autocannon: what Node has for it. Above 15,000 requests a second it is itself what can't keep up. */

import { inOwnProcess } from '../own-process.js';
import { percentile } from '../statistics.js';
import { assertClean, type Failures, type Load, type LoadGenerator, type Target } from './load-generator.js';

/** What the process has counted. */
export interface AutocannonRun {
  readonly seconds: number;
  /** Of each answer. */
  readonly latenciesMs: Float64Array;
  readonly failures: Failures;
}

/** Runs it in a process of its own each time, whose work is not that of the one that measures. */
export const autocannon: LoadGenerator = {
  name: 'autocannon',
  description: 'autocannon (one thread, whose own core is the limit above 15,000 requests a second)',
  run: async (target) => {
    const run = await inOwnProcess<AutocannonRun>(new URL('./autocannon-run.js', import.meta.url), target);
    return loadOf(run, target);
  },
};

/** Its counts, as numbers of ours. */
export function loadOf({ seconds, latenciesMs, failures }: AutocannonRun, target: Target): Load {
  const sorted = latenciesMs.slice().sort();
  const latency = {
    mean: sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length,
    p50: percentile(sorted, 0.5),
    p975: percentile(sorted, 0.975),
    p99: percentile(sorted, 0.99),
    max: sorted.at(-1) ?? Number.NaN,
  };
  assertClean(target, sorted.length, failures);
  return { requests: sorted.length, seconds, latency };
}
