/** How much the tests try, and which seed their random inputs come from: `TEST_FACTOR` and `TEST_SEED`. */

import { randomInt } from 'node:crypto';

const { env } = process;

/** Runs of properties, sizes and requests are multiplied by this: 1 in the gate, 10 in `npm run check:long`. */
export const FACTOR = Number(env.TEST_FACTOR ?? 1);

/** False in the gate, whose seed is fixed: whether a commit passes must not depend on chance. */
export const IS_LONG =
  FACTOR > 1 || [env.FUZZ_FOREVER, env.FUZZ_REQUESTS, env.SOAK_SECONDS].some((each) => each !== undefined);

// Vitest's main process draws the seed, its workers inherit it.
env.TEST_SEED ??= String(IS_LONG ? randomInt(2 ** 31) : 1);

/** The seed of all random inputs. */
export const SEED = Number(env.TEST_SEED);

/** Parameters of fast-check. @param count of runs in the gate */
export function runs(count: number): { readonly numRuns: number; readonly seed: number } {
  return { numRuns: count * FACTOR, seed: SEED };
}
