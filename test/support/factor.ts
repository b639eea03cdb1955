/** The amount of testing, and the seed of the random inputs: `TEST_FACTOR` and `TEST_SEED`. */

import { randomInt } from 'node:crypto';

const { env } = process;

/** Multiplies numbers of property runs, sizes and requests: 1 in the gate, 10 in `npm run check:long`. */
export const FACTOR = Number(env.TEST_FACTOR ?? 1);

/** False in the gate, whose seed is fixed: a commit must not pass or fail by chance. */
export const IS_LONG =
  FACTOR > 1 || [env.FUZZ_FOREVER, env.FUZZ_REQUESTS, env.SOAK_SECONDS].some((each) => each !== undefined);

// Vitest's main process draws the seed, and its workers inherit it.
env.TEST_SEED ??= String(IS_LONG ? randomInt(2 ** 31) : 1);

/** The seed of all random inputs. */
export const SEED = Number(env.TEST_SEED);

/** Parameters of fast-check. @param count of runs in the gate */
export function runs(count: number): { readonly numRuns: number; readonly seed: number } {
  return { numRuns: count * FACTOR, seed: SEED };
}
