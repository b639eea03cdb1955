import { setTimeout as sleep } from 'node:timers/promises';
import { SPOOL_WAIT_MS } from '../core/limits.js';
import { Claim } from '../dataset/claim.js';
import { isSystemError } from '../dataset/file.js';
import { indexPaths } from '../index/paths.js';

/** The ending of the file that a process has while it makes the index of a dataset. */
const CLAIM = '.claim';

/**
 * Claims the work on a dataset; waits while another process has the claim. Undefined if no file can be made where its index would be saved:
 * saving the index fails, too, then, and says why.
 *
 * @param onWaiting called once if it has to wait
 * @param signal gives up: undefined, too, then
 */
export async function claimOf(
  path: string,
  indexDir: string | undefined,
  onWaiting: () => void,
  signal: AbortSignal,
): Promise<Claim | undefined> {
  for (const each of indexPaths(path, indexDir)) {
    try {
      for (let tries = 0; !signal.aborted; tries++) {
        const claim = await Claim.take(each + CLAIM);
        if (claim !== undefined) return claim;
        if (tries === 0) onWaiting();
        await sleep(SPOOL_WAIT_MS);
      }
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
  }
  return undefined;
}
