/**
 * Runs a task on every shard, and yields the results in file order. Each result reports where the first record after its shard really
 * begins, and so whether the next shard was cut right; a shard that wasn't is run again from there.
 */

import type { ByteOffset, ByteRange } from '../core/bytes.js';
import type { KeySeed } from '../core/keys.js';
import type { Dataset } from '../dataset/dataset.js';
import type { Shard } from '../dataset/shards.js';
import type { TaskResult, Walked } from './tasks.js';

/** Queued tasks per worker: enough to keep it busy, few enough that other tasks don't wait long. */
const TASKS_A_WORKER = 2;

/** The shards of a dataset, as far as they are known: every run corrects the cuts that it finds wrong. */
export class ShardPlan {
  readonly dataset: Dataset;
  /** The seed of the keys of all texts. */
  readonly seed: KeySeed;
  private readonly shards: Shard[];

  constructor(dataset: Dataset, shards: readonly Shard[], seed: KeySeed) {
    this.dataset = dataset;
    this.seed = seed;
    this.shards = [...shards];
  }

  /** Where the shards are, as far as that is known. */
  get ranges(): readonly ByteRange[] {
    return this.shards.map(({ range }) => range);
  }

  /** How many shards there are. */
  get count(): number {
    return this.shards.length;
  }

  /**
   * Runs a task on each shard in turn, several at a time.
   * @param workers how many threads to keep busy; or a function that returns how many at the moment
   * @param ahead how many results may wait for those before them
   * @param from where a record begins: shards that end before it are left out
   * @returns the results in file order, up to the first failure
   */
  async *run<T extends Walked>(
    task: (shard: Shard) => Promise<TaskResult<T>>,
    workers: number | (() => number),
    ahead = Infinity,
    from = this.dataset.body.start,
  ): AsyncGenerator<{ shard: Shard; result: TaskResult<T> }, void> {
    // As they are known now; another run may correct them meanwhile.
    const shards = this.shards.filter(({ range }) => range.start < range.end && range.end > from);
    const results: (Promise<TaskResult<T>> | undefined)[] = [];
    let isOver = false;
    let taken = 0;
    let running = 0;
    const runningMax = () => (typeof workers === 'number' ? workers : workers()) * TASKS_A_WORKER;
    const startNext = () => {
      const shard = shards[results.length];
      if (shard === undefined || isOver || running >= runningMax()) return;
      if (results.length - taken >= ahead) return;
      running++;
      const result = task(shard);
      results.push(result);
      result.then(() => {
        running--;
        // There may be more now than before.
        startNext();
        startNext();
      });
    };
    for (let i = runningMax(); i > 0; i--) startNext();
    try {
      let next = from;
      for (const [i, planned] of shards.entries()) {
        let shard = planned;
        let result = await (results[i] as Promise<TaskResult<T>>);
        // A result may be megabytes.
        results[i] = undefined;
        taken++;
        startNext();
        if (planned.range.start !== next) {
          shard = this.correct(planned, next);
          // No record begins inside a long one.
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
