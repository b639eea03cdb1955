import { TURNS_AHEAD } from '../core/limits.js';
import type { FileIdentity } from '../dataset/file.js';
import type { IndexTable } from '../index/table.js';
import { isStopped, type StopFlag } from '../workers/stop-flag.js';
import type { TokenPool } from '../workers/token-pool.js';

/**
 * Counts the tokens of all turns of an index that aren't counted yet, by all threads of a pool.
 *
 * @param file the file that the index is of
 * @param stop ends it early
 * @param onCounted called with the share of the turns that is counted, 0 to 1
 * @returns why some turns aren't counted; undefined if all are
 */
export async function countAll(
  pool: TokenPool,
  file: FileIdentity,
  { size, buffer }: IndexTable,
  stop: StopFlag,
  onCounted: (share: number) => void,
): Promise<string | undefined> {
  let next = 0;
  let counted = 0;
  let problem: string | undefined;
  const countNext = async () => {
    while (next < size.turns && problem === undefined && !isStopped(stop, 0)) {
      const from = next;
      const to = Math.min(size.turns, from + TURNS_AHEAD);
      next = to;
      const result = await pool.countTurns({ file, table: { size, buffer }, from, to, stop });
      if (result.kind === 'failed') problem = `its tokens can't be counted: ${result.detail}`;
      else counted += result.value - from;
      onCounted(counted / size.turns);
    }
  };
  await Promise.all(Array.from({ length: pool.size }, countNext));
  return problem ?? (counted < size.turns ? 'it was closed' : undefined);
}
