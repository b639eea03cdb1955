/**
 * Runs a task on every shard, and takes the results in file order. Each result says where the first record behind its shard
 * really begins, and so whether the next shard was cut right; one that wasn't is done again from there.
 */

import type { ByteOffset } from '../core/bytes.js';
import type { KeySeed } from '../core/keys.js';
import type { Dataset } from '../dataset/dataset.js';
import type { Shard } from '../dataset/shards.js';
import type { TaskResult, Walked } from './tasks.js';

/** Tasks a worker that wait in the pool's queue at a time: enough to keep it busy, and no more, for others to get in between. */
const TASKS_A_WORKER = 2;

/** The shards of a dataset, as far as they are known: every run that goes over them sets right what was cut wrong. */
export class ShardPlan {
  readonly dataset: Dataset;
  /** Of the keys of all texts. */
  readonly seed: KeySeed;
  private readonly shards: Shard[];

  constructor(dataset: Dataset, shards: readonly Shard[], seed: KeySeed) {
    this.dataset = dataset;
    this.seed = seed;
    this.shards = [...shards];
  }

  /** How many shards there are. */
  get count(): number {
    return this.shards.length;
  }

  /**
   * Runs a task on each shard in turn, several at a time.
   *
   * @param workers how many threads there are to keep busy
   * @returns the results in file order; after a failure there are no more
   */
  async *run<T extends Walked>(
    task: (shard: Shard) => Promise<TaskResult<T>>,
    workers: number,
  ): AsyncGenerator<{ shard: Shard; result: TaskResult<T> }, void> {
    // As they are known now; another run may correct them meanwhile.
    const shards = this.shards.filter(({ range }) => range.start < range.end);
    const results: Promise<TaskResult<T>>[] = [];
    let isOver = false;
    const startNext = () => {
      const shard = shards[results.length];
      if (shard === undefined || isOver) return;
      const result = task(shard);
      results.push(result);
      result.then(startNext);
    };
    for (let i = 0; i < workers * TASKS_A_WORKER; i++) startNext();
    try {
      let next = this.dataset.body.start;
      for (const [i, planned] of shards.entries()) {
        let shard = planned;
        let result = await (results[i] as Promise<TaskResult<T>>);
        if (planned.range.start !== next) {
          shard = this.correct(planned, next);
          // Nothing begins in what a long record covers.
          if (shard.range.start === shard.range.end) continue;
          result = await task(shard);
        }
        yield { shard, result };
        if (result.kind === 'failed') return;
        next = result.value.next;
      }
    } finally {
      isOver = true;
    }
  }

  /** Moves the start of a shard to where a record begins. */
  private correct({ index, range: { end } }: Shard, start: ByteOffset): Shard {
    const shard = { index, range: { start: start < end ? start : end, end } };
    this.shards[index] = shard;
    return shard;
  }
}
