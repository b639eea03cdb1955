/**
 * Threads that the test files of a process share: starting one takes a tenth of a second of CPU. They aren't closed: idle threads don't keep
 * a process alive.
 */

import { SharedPool } from '#dist/workers/shared-pool.js';

const pools = new Map<number, SharedPool>();

/** A pool that stays open, for tests that neither close it nor end its threads. */
export function openPool(workers: number): SharedPool {
  const known = pools.get(workers);
  if (known !== undefined) return known;
  const pool = new SharedPool(workers);
  pool.take();
  pools.set(workers, pool);
  return pool;
}
