import { READ_BEFORE_LISTENING_BYTES } from '../core/limits.js';
import { type Counts, NOTHING_COUNTED } from '../dataset/counts.js';
import type { KeptIndex } from '../index/saved-index.js';
import type { IndexTable } from '../index/table.js';
import type { Kernel } from '../kernel/kernel.js';
import type { Edition } from '../lookup/edition.js';
import type { SweepCount } from '../lookup/sweep.js';
import { planShards } from '../workers/plan-shards.js';
import type { WorkerPool } from '../workers/pool.js';
import { newStopFlag, stopAll } from '../workers/stop-flag.js';
import { Census } from './census.js';

/** The engines that can be asked for. */
export type Engine = 'auto' | 'sweep' | 'index';

/** What becomes known of one edition of a dataset, by a walk over all of it or from a saved index; and the index itself. */
export class Build {
  readonly edition: Edition;
  /** The index, if it stands. */
  table: IndexTable | undefined;
  /** How long the walk took that the index was made by, in seconds; 0 if there was none. */
  seconds = 0;
  private readonly kernel: Kernel;
  private readonly stop = newStopFlag();
  private census: Census | undefined;
  private saved: Counts | undefined;

  constructor(edition: Edition, kernel: Kernel) {
    this.edition = edition;
    this.kernel = kernel;
  }

  /** How much of the dataset was walked: 0 to 1. */
  get progress(): number {
    return this.saved === undefined ? (this.census?.progress ?? 0) : 1;
  }

  /** What was counted so far. */
  get counts(): Counts {
    return this.saved ?? this.census?.counts ?? NOTHING_COUNTED;
  }

  /** Takes an index that was saved. */
  use({ table, counts }: KeptIndex): void {
    this.saved = counts;
    this.table = table;
    this.edition.useIndex(table);
  }

  /**
   * Walks the dataset, while the edition answers by sweeps, unless the engine is `index`; then by the index, unless it is `sweep`.
   *
   * @param sweepCount is told of every sweep
   * @param onBegun is called as soon as so much of the file was walked that it looks like a dataset that can be served
   * @param onProgress is called with the progress, each time that more is known
   * @returns the index, if one was made
   * @throws DatasetError
   */
  async walk(
    pool: WorkerPool,
    engine: Engine,
    sweepCount: SweepCount,
    onBegun: () => void,
    onProgress: (progress: number) => void,
  ): Promise<IndexTable | undefined> {
    const startMs = performance.now();
    const { dataset } = this.edition;
    const plan = planShards(dataset, pool.workers, this.kernel);
    if (engine !== 'index') this.edition.useSweeps(plan, pool, sweepCount);
    this.census = new Census(plan, pool, this.stop);
    const { start, end } = dataset.body;
    const begun = READ_BEFORE_LISTENING_BYTES / (end - start);
    this.table = await this.census.take(engine !== 'sweep', ({ progress }) => {
      if (progress >= begun && progress < 1) onBegun();
      onProgress(progress);
    });
    if (this.table !== undefined) {
      this.edition.useIndex(this.table);
      this.seconds = (performance.now() - startMs) / 1000;
    }
    onBegun();
    return this.table;
  }

  /** Ends what is going on, and lets go of the file. */
  close(): void {
    stopAll(this.stop);
    this.edition.close();
  }
}
