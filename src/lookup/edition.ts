import { AppError } from '../core/errors.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import type { Dataset } from '../dataset/dataset.js';
import { digestOf } from '../dataset/digest.js';
import { identityAt, isSameFile } from '../dataset/file.js';
import { DatasetReader } from '../dataset/reader.js';
import type { IndexTable } from '../index/table.js';
import type { Kernel } from '../kernel/kernel.js';
import type { WorkerPool } from '../workers/pool.js';
import type { ShardPlan } from '../workers/shard-run.js';
import { IndexLookup } from './indexed.js';
import type { Lookup, Match, Similar } from './lookup.js';
import { type SweepCount, SweepLookup } from './sweep.js';

/** As many as OpenAI's have. */
const FINGERPRINT_DIGITS = 10;

/** One state of the dataset's file, and what answers from it: sweeps, or the index once there is one. */
export class Edition implements Lookup {
  readonly dataset: Dataset;
  private readonly kernel: Kernel;
  private readonly reader: DatasetReader;
  private index: IndexLookup | undefined;
  private sweep: SweepLookup | undefined;
  private digest: string | undefined;

  /** @throws what opening the file throws */
  constructor(dataset: Dataset, kernel: Kernel) {
    this.dataset = dataset;
    this.kernel = kernel;
    this.reader = new DatasetReader(dataset.file);
  }

  /**
   * Answers by sweeps until there is an index.
   *
   * @param sweepCount is told of every sweep
   */
  useSweeps(plan: ShardPlan, pool: WorkerPool, sweepCount: SweepCount): void {
    this.sweep = new SweepLookup(plan, pool, this.kernel, this.reader, sweepCount);
  }

  /** Answers by an index of the file from now on. */
  useIndex(table: IndexTable): void {
    this.index = new IndexLookup(table, this.kernel, this.reader);
  }

  /** False while there is nothing to answer from yet. */
  get canAnswer(): boolean {
    return (this.index ?? this.sweep) !== undefined;
  }

  /** The engine that answers now. */
  get engine(): 'sweep' | 'index' {
    return this.index === undefined ? 'sweep' : 'index';
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

  /** True if the file is no longer as it was; false while it is gone, since what it was can still be read. */
  get hasChanged(): boolean {
    const { file } = this.dataset;
    const now = identityAt(file.path);
    return now !== undefined && !isSameFile(now, file);
  }

  /** How many lookups wait for a sweep. */
  get waiting(): number {
    return this.sweep?.unanswered ?? 0;
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
  similar(query: Query, signal?: () => AbortSignal): MaybePromise<Similar | undefined> {
    return this.index?.similar(query, signal);
  }

  /** Comes back when no sweep needs the pool any more. */
  async sweepsEnded(): Promise<void> {
    await this.sweep?.ended;
  }

  /** Lookups that still want to read fail, as if the file had changed. */
  close(): void {
    this.reader.close();
  }
}
