/** Searches the texts of a file's turns. */

import { type ByteOffset, byteOffset } from '../core/bytes.js';
import { AppError } from '../core/errors.js';
import { SHARD_BYTES } from '../core/limits.js';
import type { TextSearch } from '../core/search.js';
import type { Dataset } from '../dataset/dataset.js';
import type { Shard } from '../dataset/shards.js';
import type { Marks } from '../index/marks.js';
import type { WorkerPool } from '../workers/pool.js';
import { ShardPlan } from '../workers/shard-run.js';
import { newStopFlag, stopAll } from '../workers/stop-flag.js';
import type { BlockRange, FoundText, ShardHits, TurnPlace } from '../workers/tasks.js';

/** A search, and how much of its result is wanted. */
export interface SearchOrder {
  readonly search: TextSearch;
  /** How many turns are wanted. */
  readonly limit: number;
  /** Where to begin; undefined for the start of the file. */
  readonly from: SearchPlace | undefined;
  /** True to count all turns that are found; false to end once there are as many as are wanted, and one more. */
  readonly countsAll: boolean;
}

/** A turn, and the offset of its record in the file. */
export interface SearchPlace extends TurnPlace {
  readonly offset: ByteOffset;
}

/** How much of a file was searched, and what was found in it. */
export interface SearchCount {
  /** How many turns were found, and in how many conversations. */
  readonly turns: number;
  readonly conversations: number;
  /** How many bytes were searched, and how many there are. */
  readonly read: number;
  readonly bytes: number;
}

/** What a search reports: turns, in file order; now and then how far it is; and the end. */
export type SearchReport =
  | { readonly kind: 'hit'; readonly hit: FoundText }
  | { readonly kind: 'progress'; readonly count: SearchCount }
  | SearchEnd;

/** The end of a search. */
export interface SearchEnd {
  readonly kind: 'end';
  readonly count: SearchCount;
  /** The first turn that wasn't reported. */
  readonly next: SearchPlace | undefined;
  /** How many records there are up to where it ended. */
  readonly records: number;
}

/** A state of a file that can be searched. */
export interface Searched {
  readonly dataset: Dataset;
  /** The marks of all records, or of the first ones. */
  readonly marks: Marks;
  /** The shards of the file. */
  readonly plan: ShardPlan;
}

/** A shard, and the blocks that it is made of; undefined where they aren't known. */
interface SearchedShard extends Shard {
  readonly blocks: BlockRange | undefined;
}

/**
 * Searches a file.
 *
 * @param workers returns how many threads to keep busy
 * @throws AppError if the file can't be read, or has changed; the signal's reason once it is aborted
 */
export async function* searchFile(
  { dataset, marks, plan }: Searched,
  { search, limit, from, countsAll }: SearchOrder,
  pool: WorkerPool,
  workers: () => number,
  signal: AbortSignal,
): AsyncGenerator<SearchReport, void> {
  const start = from ?? { record: 0, turn: 0, offset: dataset.body.start };
  const shards = shardsFrom(start, marks, plan);
  const ordered = new ShardPlan(
    { ...dataset, body: { start: shards[0]?.range.start ?? dataset.body.end, end: dataset.body.end } },
    shards,
    plan.seed,
  );
  const stop = newStopFlag();
  const onAbort = () => stopAll(stop);
  signal.addEventListener('abort', onAbort);
  const bytes = dataset.body.end - start.offset;
  let count: SearchCount = { turns: 0, conversations: 0, read: 0, bytes };
  let next: SearchPlace | undefined;
  let reported = 0;
  /** The number of the next shard's first record. */
  let record = shards[0]?.blocks === undefined ? start.record : marks.recordAt(shards[0].blocks.from);
  const results = ordered.run<ShardHits>(
    (shard) => {
      const blocks = (shard as SearchedShard).blocks;
      const isFirst = shard.index === 0;
      const known = blocks === undefined ? undefined : marks.recordAt(blocks.from);
      return pool.searchShard({
        dataset,
        shard,
        seed: plan.seed,
        stop,
        search,
        // One more, to know where to go on.
        hitsMax: limit - reported + 1,
        firstRecord: known ?? 0,
        from: isFirst ? { record: known === undefined ? 0 : start.record, turn: start.turn } : NO_PLACE,
        blocks: blocks && { ...blocks, marks: marks.data },
      });
    },
    workers,
    AHEAD_MAX,
  );
  try {
    signal.throwIfAborted();
    for await (const { shard, result } of results) {
      signal.throwIfAborted();
      if (result.kind === 'failed') throw new AppError(result.code, { cause: result });
      const { hits, turns, conversations, records } = result.value;
      const before = (shard as SearchedShard).blocks === undefined ? record : 0;
      for (const hit of hits) {
        const found = { ...hit, record: hit.record + before };
        if (reported === limit) {
          next ??= { record: found.record, turn: found.turn, offset: found.offset };
          break;
        }
        reported++;
        yield { kind: 'hit', hit: found };
      }
      record += records;
      const read = Math.min(bytes, Math.max(0, result.value.next - start.offset));
      count = { turns: count.turns + turns, conversations: count.conversations + conversations, read, bytes };
      if (next !== undefined && !countsAll) break;
      yield { kind: 'progress', count };
    }
    yield { kind: 'end', count, next, records: record };
  } finally {
    signal.removeEventListener('abort', onAbort);
    stopAll(stop);
  }
}

/** How many shards are searched before the first hits of an earlier one are taken. */
const AHEAD_MAX = 16;

const NO_PLACE: TurnPlace = { record: 0, turn: 0 };

/** The rest of a file in shards: first those that are made of blocks. */
function shardsFrom(start: SearchPlace, marks: Marks, plan: ShardPlan): SearchedShard[] {
  const shards: SearchedShard[] = [];
  const add = (from: number, to: number, blocks: BlockRange | undefined) =>
    shards.push({ index: shards.length, range: { start: byteOffset(from), end: byteOffset(to) }, blocks });
  for (
    let from = start.record < marks.records ? marks.find(start.record) : marks.count;
    from < marks.count;
  ) {
    let to = from + 1;
    while (to < marks.count && marks.offsetAt(to + 1) - marks.offsetAt(from) <= SHARD_BYTES) to++;
    add(marks.offsetAt(from), marks.offsetAt(to), { from, to });
    from = to;
  }
  const known = shards.at(-1)?.range.end ?? start.offset;
  for (const range of plan.ranges) {
    const from = Math.max(range.start, known);
    if (from < range.end) add(from, range.end, undefined);
  }
  return shards;
}
