import { counted } from '../core/counted.js';
import type { Failure } from '../core/errors.js';
import { EXPECTED_DATASET } from '../core/format.js';
import { SKIPPED_OFFSETS_MAX } from '../core/limits.js';
import type { Shard, ShardPlan } from '../core/shards.js';
import type { WorkerPool } from '../workers/pool.js';
import { isStopped as isShardStopped, type StopFlag } from '../workers/stop-flag.js';
import type { Counts } from '../workers/tasks.js';
import { type Dataset, DatasetError, datasetErrorOf } from './dataset.js';

/**
 * The first complete reading of a dataset: it counts, and it parses every record that lookups parse. It gives the pool one
 * task a worker at a time, so that a lookup that comes meanwhile waits for one shard at most.
 */
export class Inventory {
  private readonly dataset: Dataset;
  private readonly shards: readonly Shard[];
  private readonly pool: WorkerPool;
  private readonly stop: StopFlag;
  private readonly counted: (Counts | undefined)[];
  private next = 0;

  /** @param stop ends a reading; it then comes back early, without an error */
  constructor(dataset: Dataset, plan: ShardPlan, pool: WorkerPool, stop: StopFlag) {
    this.dataset = dataset;
    this.shards = plan.shards;
    this.pool = pool;
    this.stop = stop;
    this.counted = plan.shards.map(() => undefined);
  }

  /** How much of the dataset has been read: 0 to 1. */
  get progress(): number {
    return this.counted.filter((counts) => counts !== undefined).length / this.counted.length;
  }

  /** What was counted so far. */
  get counts(): Counts {
    const counts = this.counted.filter((counts) => counts !== undefined);
    const sum = (key: 'conversations' | 'turns' | 'skipped') =>
      counts.reduce((total, each) => total + each[key], 0);
    return {
      conversations: sum('conversations'),
      turns: sum('turns'),
      skipped: sum('skipped'),
      skippedAt: counts.flatMap(({ skippedAt }) => skippedAt).slice(0, SKIPPED_OFFSETS_MAX),
      example: counts.find(({ example }) => example !== undefined)?.example,
    };
  }

  /**
   * Reads on until the first `bytes` of the dataset have been read, or all of it.
   *
   * @throws DatasetError at the first byte that is not valid, when there is no conversation in all of the dataset, or
   *   when the file can't be read
   */
  async read(bytes = Number.POSITIVE_INFINITY): Promise<void> {
    const until = this.dataset.body.start + bytes;
    const isStopped = () => isShardStopped(this.stop, 0);
    const failures: { shard: number; failure: Failure }[] = [];
    const readOn = async (): Promise<void> => {
      for (;;) {
        const shard = this.shards[this.next];
        if (shard === undefined || shard.range.start >= until || failures.length > 0 || isStopped()) return;
        this.next++;
        const { file, format } = this.dataset;
        const outcome = await this.pool.countShard({ file, format, shard, stop: this.stop });
        if (outcome.kind === 'done') this.counted[shard.index] = outcome.value;
        else failures.push({ shard: shard.index, failure: outcome });
      }
    };
    await Promise.all(Array.from({ length: this.pool.workers }, readOn));
    if (isStopped()) return;
    // Shards behind a broken one may be cut at the wrong place, so the first one's word counts.
    const first = failures.sort((a, b) => a.shard - b.shard)[0];
    if (first !== undefined) throw datasetErrorOf(this.dataset.file, first.failure);
    if (this.progress === 1) this.assertNotEmpty();
  }

  private assertNotEmpty(): void {
    const { conversations, skipped, skippedAt } = this.counts;
    if (conversations > 0) return;
    const found = skipped === 0 ? 'an empty list' : `${counted(skipped, 'record')}, and no conversation`;
    throw new DatasetError(
      this.dataset.file.path,
      `found ${found}; expected ${EXPECTED_DATASET}`,
      skippedAt[0],
    );
  }
}
