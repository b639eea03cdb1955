import { type ByteRange, lengthOf } from '../core/bytes.js';
import { GROWTH_BYTES_MAX } from '../core/limits.js';
import type { Rule } from '../core/rules.js';
import type { Dataset } from '../dataset/dataset.js';
import type { KeptIndex } from '../index/saved-index.js';
import type { Kernel } from '../kernel/kernel.js';
import type { Sketches } from '../kernel/sketches.js';
import { ownThread, type Workers } from '../workers/own-thread.js';
import { oneShard, planShards } from '../workers/plan-shards.js';
import type { ShardPlan } from '../workers/shard-run.js';
import type { SharedPool } from '../workers/shared-pool.js';
import type { StopFlag } from '../workers/stop-flag.js';
import { type MadeKeys, makeRuleKeys } from './ruling.js';
import { makeSketches } from './sketching.js';

/** What work on a segment is done with. */
export interface SegmentWork {
  /** The current state of the segment's file. */
  readonly dataset: Dataset;
  /** Threads for segments that are long. */
  readonly pool: SharedPool;
  readonly kernel: Kernel;
  /** Ends the work early. */
  readonly stop: StopFlag;
}

/**
 * A range of a file's bytes that has an index of its own. A file has one; each time that it grows, it gets another one, and from time to
 * time some are merged into one.
 */
export class Segment implements KeptIndex {
  readonly range: ByteRange;
  /** How many records of the file come before those of the segment. */
  readonly recordsBefore: number;
  readonly table: KeptIndex['table'];
  /** The marks, which count records from the segment's start. */
  readonly marks: KeptIndex['marks'];
  readonly counts: KeptIndex['counts'];
  /** The sketches of its turns, once they are made. */
  sketches: Sketches | undefined;
  private sketching: Promise<Sketches> | undefined;
  /** The keys of its turns after rules were applied, once they are made. */
  ruled: MadeKeys | undefined;
  private ruling: Promise<MadeKeys> | undefined;

  constructor(range: ByteRange, recordsBefore: number, { table, marks, counts }: KeptIndex) {
    this.range = range;
    this.recordsBefore = recordsBefore;
    this.table = table;
    this.marks = marks;
    this.counts = counts;
  }

  /** The number of turns of its index. */
  get turns(): number {
    return this.table.size.turns;
  }

  /**
   * The sketches of its turns. They are made once, unless that fails.
   *
   * @param threads how many threads to keep busy
   * @throws DatasetError
   */
  sketch(work: SegmentWork, threads: number): Promise<Sketches> {
    const { table } = this;
    if (this.sketches !== undefined) return Promise.resolve(this.sketches);
    const make = async (plan: ShardPlan, workers: Workers) => {
      this.sketches = await makeSketches(plan, workers, table.replies, work.stop, threads);
      return this.sketches;
    };
    this.sketching ??= this.within(work, make).catch((error: unknown) => {
      this.sketching = undefined;
      throw error;
    });
    return this.sketching;
  }

  /**
   * The keys of its turns after rules were applied to them. They are made once, unless that fails.
   *
   * @throws DatasetError
   */
  rule(work: SegmentWork, rules: readonly Rule[]): Promise<MadeKeys> {
    const { table } = this;
    if (this.ruled !== undefined) return Promise.resolve(this.ruled);
    const make = async (plan: ShardPlan, workers: Workers) => {
      this.ruled = await makeRuleKeys(plan, workers, table, work.stop, rules);
      return this.ruled;
    };
    this.ruling ??= this.within(work, make).catch((error: unknown) => {
      this.ruling = undefined;
      throw error;
    });
    return this.ruling;
  }

  /** The segment alone, as a dataset. */
  in(dataset: Dataset): Dataset {
    return { ...dataset, body: this.range };
  }

  private within<T>(
    { dataset, pool, kernel }: SegmentWork,
    act: (plan: ShardPlan, workers: Workers) => Promise<T>,
  ): Promise<T> {
    return withWorkers(dataset, this.range, pool, (workers) =>
      act(planOf(this.in(dataset), workers, kernel, this.table.seed), workers),
    );
  }
}

/** Work on a range of a dataset, by the threads of a pool; by the calling thread if it is short and was appended to the file. */
export async function withWorkers<T>(
  { body, skipsInvalid }: Dataset,
  range: ByteRange,
  pool: SharedPool,
  act: (workers: Workers) => Promise<T>,
): Promise<T> {
  const isAppended = skipsInvalid || range.start > body.start;
  if (isAppended && lengthOf(range) <= GROWTH_BYTES_MAX) return act(ownThread());
  try {
    return await act(pool.take());
  } finally {
    await pool.give();
  }
}

/** The shards of a dataset: one for the calling thread. @throws DatasetError when the file can't be read */
export function planOf(
  dataset: Dataset,
  workers: Workers,
  kernel: Kernel,
  seed: ShardPlan['seed'],
): ShardPlan {
  return workers === ownThread()
    ? oneShard(dataset, seed)
    : planShards(dataset, workers.workers, kernel, seed);
}
