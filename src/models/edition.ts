import { AppError } from '../core/errors.js';
import { READ_BEFORE_LISTENING_BYTES } from '../core/limits.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import { type Counts, NOTHING_COUNTED } from '../dataset/counts.js';
import type { Dataset } from '../dataset/dataset.js';
import { digestOf } from '../dataset/digest.js';
import { DatasetReader } from '../dataset/reader.js';
import type { SavedIndex } from '../index/saved-index.js';
import type { IndexTable } from '../index/table.js';
import type { Kernel } from '../kernel/kernel.js';
import { IndexLookup } from '../lookup/indexed.js';
import type { Alike, Lookup, Match } from '../lookup/lookup.js';
import { type SweepCount, SweepLookup } from '../lookup/sweep.js';
import { planShards } from '../workers/plan-shards.js';
import type { WorkerPool } from '../workers/pool.js';
import { newStopFlag, stopAll } from '../workers/stop-flag.js';
import { Census } from './census.js';

/** As many as OpenAI's have. */
const FINGERPRINT_DIGITS = 10;

/** The engines that can be asked for. */
export type Engine = 'auto' | 'sweep' | 'index';

/** One state of the dataset's file, and what answers from it: sweeps at first, then the index. */
export class Edition implements Lookup {
  readonly dataset: Dataset;
  private readonly kernel: Kernel;
  private readonly reader: DatasetReader;
  private readonly stop = newStopFlag();
  private index: IndexLookup | undefined;
  /** The index, if it stands. */
  table: IndexTable | undefined;
  private sweep: SweepLookup | undefined;
  private census: Census | undefined;
  private saved: Counts | undefined;
  private digest: string | undefined;

  /** How long the walk took that the index was made by, in seconds; 0 if there was none. */
  buildSeconds = 0;
  private readonly sweepCount: SweepCount;

  /**
   * @param sweepCount is told of every sweep
   * @throws what opening the file throws
   */
  constructor(dataset: Dataset, kernel: Kernel, sweepCount: SweepCount) {
    this.sweepCount = sweepCount;
    this.dataset = dataset;
    this.kernel = kernel;
    this.reader = new DatasetReader(dataset.file);
  }

  /** False while there is nothing to answer from yet. */
  get canAnswer(): boolean {
    return (this.index ?? this.sweep) !== undefined;
  }

  /** A name for what the file holds; undefined if it can't be read just now. */
  get fingerprint(): string | undefined {
    try {
      this.digest ??= digestOf(this.dataset.file);
    } catch {
      // What it was for tells that the file has changed, or can't be read.
    }
    return this.digest && `fp_${this.digest.slice(0, FINGERPRINT_DIGITS)}`;
  }

  /** The engine that answers now. */
  get engine(): 'sweep' | 'index' {
    return this.index === undefined ? 'sweep' : 'index';
  }

  /** How much of the dataset was walked: 0 to 1. */
  get progress(): number {
    return this.saved === undefined ? (this.census?.progress ?? 0) : 1;
  }

  /** How many lookups wait for a sweep. */
  get waiting(): number {
    return this.sweep?.unanswered ?? 0;
  }

  /** What was counted so far. */
  get counts(): Counts {
    return this.saved ?? this.census?.counts ?? NOTHING_COUNTED;
  }

  /** Answers by an index that was saved. */
  use({ table, counts }: SavedIndex): void {
    this.saved = counts;
    this.table = table;
    this.index = new IndexLookup(table, this.kernel, this.reader);
  }

  /**
   * Walks the dataset, while sweeps answer, unless the engine is `index`; then answers by the index, unless it is `sweep`.
   *
   * @param onBegun is called as soon as so much of the file was walked that it looks like a dataset that can be served
   * @param onProgress is called with the progress, each time that more is known
   * @returns the index, if one was made
   * @throws DatasetError
   */
  async walk(
    pool: WorkerPool,
    engine: Engine,
    onBegun: () => void,
    onProgress: (progress: number) => void,
  ): Promise<IndexTable | undefined> {
    const startMs = performance.now();
    const plan = planShards(this.dataset, pool.workers, this.kernel);
    const { kernel, reader, sweepCount } = this;
    if (engine !== 'index') this.sweep = new SweepLookup(plan, pool, kernel, reader, sweepCount);
    this.census = new Census(plan, pool, this.stop);
    const { start, end } = this.dataset.body;
    const begun = READ_BEFORE_LISTENING_BYTES / (end - start);
    const table = await this.census.take(engine !== 'sweep', ({ progress }) => {
      if (progress >= begun && progress < 1) onBegun();
      onProgress(progress);
    });
    this.table = table;
    if (table !== undefined) {
      this.index = new IndexLookup(table, this.kernel, this.reader);
      this.buildSeconds = (performance.now() - startMs) / 1000;
    }
    onBegun();
    return table;
  }

  get isImmediate(): boolean {
    return this.index !== undefined;
  }

  /** @throws AppError when the dataset can't be read, or too much is asked at once */
  find(query: Query, signal?: () => AbortSignal): MaybePromise<Match | undefined> {
    const lookup: Lookup | undefined = this.index ?? this.sweep;
    if (lookup === undefined) throw new AppError('dataset_changed');
    return lookup.find(query, signal);
  }

  /** What the index knows that is like a prompt without a reply. Sweeps know nothing. */
  alike(query: Query): Alike | undefined {
    return this.index?.alike(query);
  }

  /** Comes back when no sweep needs the pool any more. */
  async sweepsEnded(): Promise<void> {
    await this.sweep?.ended;
  }

  /** Ends what is going on. Lookups that still want to read fail, as if the file had changed. */
  close(): void {
    stopAll(this.stop);
    this.reader.close();
  }
}
