/** autocannon: a load generator for Node.js. Above 15,000 requests a second it is the bottleneck itself. */

import { inOwnProcess } from '../own-process.js';
import { percentile } from '../statistics.js';
import { assertClean, type Failures, type Load, type LoadGenerator, type Target } from './load-generator.js';

/** The counts of the process. */
export interface AutocannonRun {
  readonly seconds: number;
  /** Per answer. */
  readonly latenciesMs: Float64Array;
  readonly failures: Failures;
}

/** Runs it in a new process each time, so that its work doesn't load the measuring process. */
export const autocannon: LoadGenerator = {
  name: 'autocannon',
  description: 'autocannon (one thread, whose own core is the limit above 15,000 requests a second)',
  run: async (target) => {
    const run = await inOwnProcess<AutocannonRun>(new URL('./autocannon-run.js', import.meta.url), target);
    return loadOf(run, target);
  },
};

/** Converts its counts to our figures. */
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
