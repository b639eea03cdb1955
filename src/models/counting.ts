import { INDEXED_HERE_BYTES_MAX, TURNS_TOGETHER_MAX } from '../core/limits.js';
import { type TokenizerName, tokenizerId } from '../core/tokens.js';
import type { FileIdentity } from '../dataset/file.js';
import type { IndexTable } from '../index/table.js';
import type { Vocabulary } from '../kernel/vocabulary.js';
import { failureOf } from '../workers/failure-of.js';
import { ownThread } from '../workers/own-thread.js';
import type { SharedPool } from '../workers/shared-pool.js';
import type { StopFlag } from '../workers/stop-flag.js';
import type { CountTask, TaskResult } from '../workers/tasks.js';
import type { TokenPool } from '../workers/token-pool.js';
import { vocabularyOf } from '../workers/vocabulary.js';

/** What counts the tokens of turns: the threads that read the dataset, with one of OpenAI's tokenizers, or those of a `tokenizer.json`. */
export type TurnTokenizer = TokenizerName | TokenPool;

/** What counts are saved under: see `tokenizerId`. */
export function turnTokenizerId(tokens: TurnTokenizer): string {
  return tokenizerId(typeof tokens === 'string' ? tokens : tokens.tokenizer);
}

/** Threads that count turns. */
interface Counters {
  /** The number of threads. */
  readonly workers: number;
  readonly countTurns: (task: CountTask) => Promise<TaskResult<number>>;
  /** Releases the threads, or does so in a while if they are needed again. */
  readonly release: (isLater: boolean) => void;
}

/**
 * Acquires threads to count turns of a number of bytes. A few are counted by the calling thread. They must be released. If the vocabulary
 * can't be loaded, every task fails with the code `worker_failed`.
 */
export function countersOf(tokens: TurnTokenizer, pool: SharedPool, bytes: number): Counters {
  if (typeof tokens !== 'string')
    return { workers: tokens.size, countTurns: (task) => tokens.countTurns(task), release: () => {} };
  let vocabulary: Vocabulary;
  try {
    vocabulary = vocabularyOf(tokens);
  } catch (error) {
    const failure = failureOf(error);
    return { workers: 1, countTurns: async () => failure, release: () => {} };
  }
  const isHere = bytes <= INDEXED_HERE_BYTES_MAX;
  const workers = isHere ? ownThread() : pool.take();
  return {
    workers: workers.workers,
    countTurns: (task) => workers.countTurns({ ...task, vocabulary }),
    release: (isLater) => {
      if (isHere) return;
      if (isLater) pool.giveLater();
      else void pool.give();
    },
  };
}

/** Consecutive rows of an index that one task counts. */
export interface RowRange {
  readonly table: IndexTable;
  readonly from: number;
  readonly to: number;
}

/** The rows of an index that aren't counted yet, and perhaps some between them. */
export function uncountedRows(table: IndexTable): RowRange[] {
  const ranges: RowRange[] = [];
  const { turns } = table.size;
  for (let row = 0; row < turns; row++) {
    if (table.tokensOf(row) !== 0 || !table.isSpoken(row)) continue;
    const to = Math.min(turns, row + TURNS_TOGETHER_MAX);
    ranges.push({ table, from: row, to });
    row = to - 1;
  }
  return ranges;
}

/** About how many bytes of the file rows have: those of their records but the last. */
export function bytesOf(ranges: readonly RowRange[]): number {
  return ranges.reduce((sum, { table, from, to }) => {
    const [first, last] = [table.conversationOf(from), table.conversationOf(to - 1)];
    return sum + table.offsetOf(last) - table.offsetOf(first);
  }, 0);
}

/**
 * Counts the tokens of rows, by all threads, until none is left.
 *
 * @param file the file that their indexes are of
 * @param rows what is left to count: rows are removed when they are begun, and put back if they aren't counted
 * @param stop ends it early
 * @param onCounted called with a number of rows that are counted
 * @returns why some aren't counted; undefined if all are, or it was stopped
 */
export async function countRows(
  { workers, countTurns }: Counters,
  file: FileIdentity,
  rows: RowRange[],
  stop: StopFlag,
  onCounted: (rows: number) => void = () => {},
): Promise<Extract<TaskResult<number>, { kind: 'failed' }> | undefined> {
  let failure: Extract<TaskResult<number>, { kind: 'failed' }> | undefined;
  const countNext = async () => {
    for (let next = rows.shift(); next !== undefined; next = rows.shift()) {
      const { table, from, to } = next;
      const { size, buffer } = table;
      const result = await countTurns({ file, table: { size, buffer }, from, to, stop });
      const counted = result.kind === 'failed' ? from : result.value;
      if (result.kind === 'failed') failure = result;
      onCounted(counted - from);
      if (counted < to) rows.unshift({ table, from: counted, to });
      if (counted < to || failure !== undefined) return;
    }
  };
  await Promise.all(Array.from({ length: workers }, countNext));
  return failure;
}
