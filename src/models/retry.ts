/** Files that couldn't be read are tried again, ever more rarely. */

import { FILE_CHECK_MS, RETRY_MS_MAX } from '../core/limits.js';

/** When a file is tried again after it couldn't be read. */
export interface Retry {
  /** The time since the last try, in ms. */
  readonly afterMs: number;
  /** By the clock of `performance.now()`. */
  readonly atMs: number;
}

/**
 * The next try after one that has failed: each waits twice as long as the one before.
 *
 * @param last the try that has failed; undefined if it was the first
 */
export function nextRetry(last: Retry | undefined, nowMs: number): Retry {
  const afterMs = last === undefined ? FILE_CHECK_MS : Math.min(2 * last.afterMs, RETRY_MS_MAX);
  return { afterMs, atMs: nowMs + afterMs };
}
