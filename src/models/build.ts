import { AppError } from '../core/errors.js';
import { READ_BEFORE_LISTENING_BYTES } from '../core/limits.js';
import type { Rule } from '../core/rules.js';
import { FileCorpus } from '../corpus/file-corpus.js';
import { hashIds, type IdHashes } from '../corpus/id-hashes.js';
import { type SearchOrder, type SearchReport, searchFile } from '../corpus/search.js';
import { type Counts, NOTHING_COUNTED } from '../dataset/counts.js';
import { DatasetError } from '../dataset/dataset-error.js';
import { MarkList, type Marks } from '../index/marks.js';
import type { KeptIndex } from '../index/saved-index.js';
import type { IndexTable } from '../index/table.js';
import type { Kernel } from '../kernel/kernel.js';
import type { Edition } from '../lookup/edition.js';
import type { SweepCount } from '../lookup/sweep.js';
import { planShards } from '../workers/plan-shards.js';
import type { WorkerPool } from '../workers/pool.js';
import type { ShardPlan } from '../workers/shard-run.js';
import type { SharedPool } from '../workers/shared-pool.js';
import { newStopFlag, stopAll } from '../workers/stop-flag.js';
import { Census } from './census.js';
import { Marking } from './marking.js';
import { makeRuleKeys } from './ruling.js';
import { makeSketches } from './sketching.js';

/** The engines that can be configured. */
export type Engine = 'auto' | 'sweep' | 'index';

/** How many threads a search may keep busy at the moment, if it began at a time of `performance.now()`. */
type Searchers = (beganMs: number) => number;

/** The counts and the index of one edition of a dataset, from a walk over all of it or from a saved index. */
export class Build {
  readonly edition: Edition;
  /** The index, if there is one. */
  table: IndexTable | undefined;
  /** How long the walk that built the index took, in seconds; 0 without such a walk. */
  seconds = 0;
  /** The warnings that were logged for it. */
  readonly warnings = new Set<string>();
  private readonly kernel: Kernel;
  private readonly stop = newStopFlag();
  private census: Census | undefined;
  private plan: ShardPlan | undefined;
  private sketching: Promise<void> | undefined;
  private saved: KeptIndex | undefined;
  private isClosed = false;
  private readonly marking = new Marking();
  private corpus: FileCorpus | undefined;
  /** Resolves when the rules aren't being applied any more. */
  ruling: Promise<void> = Promise.resolve();

  constructor(edition: Edition, kernel: Kernel) {
    this.edition = edition;
    this.kernel = kernel;
  }

  /** The walked share of the dataset: 0 to 1. */
  get progress(): number {
    return this.saved === undefined ? (this.census?.progress ?? 0) : 1;
  }

  /** The counts so far. */
  get counts(): Counts {
    return this.saved?.counts ?? this.census?.counts ?? NOTHING_COUNTED;
  }

  /** The marks of the records that were walked so far; undefined before the walk. */
  get marks(): Marks | undefined {
    return this.saved?.marks ?? this.census?.marks;
  }

  /** The number of records; undefined until the whole file was walked. */
  get records(): number | undefined {
    return this.progress === 1 ? this.counts.records : undefined;
  }

  /**
   * The dataset, to look at.
   *
   * @param pool threads for what takes reading all of it
   */
  corpusIn(pool: SharedPool, searchers: Searchers): FileCorpus {
    this.corpus ??= new FileCorpus({
      dataset: this.edition.dataset,
      reader: this.edition.reader,
      records: () => this.records,
      tables: () => this.table && [this.table],
      marks: (record) => this.marking.marks(record),
      hashIds: () => this.hashIds(pool),
      search: (order, signal) => this.search(pool, searchers, order, signal),
    });
    return this.corpus;
  }

  private async hashIds(pool: SharedPool): Promise<IdHashes> {
    const plan = this.planFor(pool);
    try {
      return await hashIds(plan, pool.take(), this.stop);
    } catch (error) {
      throw requestErrorOf(error);
    } finally {
      await pool.give();
    }
  }

  /**
   * The shards of the file, for a request.
   *
   * @throws AppError if the file can't be read, or was left
   */
  private planFor(pool: SharedPool): ShardPlan {
    if (this.isClosed) throw new AppError('dataset_changed');
    try {
      this.plan ??= planShards(this.edition.dataset, pool.workers, this.kernel);
      return this.plan;
    } catch (error) {
      throw requestErrorOf(error);
    }
  }

  private async *search(
    pool: SharedPool,
    searchers: Searchers,
    order: SearchOrder,
    signal: AbortSignal,
  ): AsyncGenerator<SearchReport, void> {
    const { dataset } = this.edition;
    const plan = this.planFor(pool);
    const beganMs = performance.now();
    const workers = () => searchers(beganMs);
    const marks = this.marks ?? new MarkList().marks(0, dataset.body.start);
    try {
      yield* searchFile({ dataset, marks, plan }, order, pool.take(), workers, signal);
    } finally {
      pool.giveLater();
    }
  }

  /** Uses a saved index. */
  use(index: KeptIndex): void {
    this.saved = index;
    this.table = index.table;
    this.marking.advance(index.marks, true);
    this.edition.useIndex([index.table]);
  }

  /**
   * Walks the dataset. Meanwhile, the edition answers by sweeps, unless the engine is `index`. Afterwards it answers by the index, unless
   * the engine is `sweep`.
   *
   * @param sweepCount incremented for every sweep
   * @param onBegun called as soon as enough of the file was walked to assume that it can be served
   * @param onProgress called with the progress each time that it changes
   * @returns the index, if one was built
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
    this.plan = plan;
    if (engine !== 'index') this.edition.useSweeps(plan, pool, sweepCount);
    const { start, end } = dataset.body;
    const begun = READ_BEFORE_LISTENING_BYTES / (end - start);
    this.census = new Census(plan, pool, this.stop);
    try {
      this.table = await this.census.take(engine !== 'sweep', ({ progress, marks }) => {
        this.marking.advance(marks, progress === 1);
        if (progress >= begun && progress < 1) onBegun();
        onProgress(progress);
      });
    } catch (error) {
      this.marking.fail(error);
      throw error;
    }
    if (this.table !== undefined) {
      this.edition.useIndex([this.table]);
      this.seconds = (performance.now() - startMs) / 1000;
    }
    onBegun();
    return this.table;
  }

  /**
   * Makes the sketches of all turns, unless an earlier call does or did. Does nothing without an index.
   *
   * @param workers how many threads to keep busy
   * @throws DatasetError
   */
  sketch(pool: SharedPool, workers: number): Promise<void> {
    this.sketching ??= this.sketchOnce(pool, workers).catch((error: unknown) => {
      this.sketching = undefined;
      throw error;
    });
    return this.sketching;
  }

  private async sketchOnce(pool: SharedPool, workers: number): Promise<void> {
    const { table, edition } = this;
    if (table === undefined) return;
    this.plan ??= planShards(edition.dataset, pool.workers, this.kernel);
    try {
      const sketches = await makeSketches(this.plan, pool.take(), table.replies, this.stop, workers);
      edition.useSketches(table, sketches);
    } finally {
      await pool.give();
    }
  }

  /**
   * Applies rules to all turns, once there is an index. Misses wait for it. If it fails, the next miss repeats it.
   *
   * @param indexed resolves when there is an index
   * @param onRuled called with the number of turns that were left out
   * @param onFailed called for each failure
   */
  rule(
    pool: SharedPool,
    rules: readonly Rule[],
    indexed: Promise<unknown>,
    onRuled: (leftOut: number) => void,
    onFailed: (error: unknown) => void,
  ): void {
    const make = async () => {
      try {
        await indexed;
        const { ruled, leftOut } = await this.ruledTurns(pool, rules);
        onRuled(leftOut);
        return ruled;
      } catch (error) {
        onFailed(error);
        throw this.ruleErrorOf(error);
      }
    };
    this.edition.useRuled(() => {
      const making = make();
      this.ruling = making.then(
        () => undefined,
        () => undefined,
      );
      return making;
    });
  }

  /** The error for requests that need the rules: without an index, the walk has failed. */
  private ruleErrorOf(cause: unknown): unknown {
    if (!(cause instanceof DatasetError)) return cause;
    const isChanged = this.table === undefined || this.isClosed || this.edition.hasChanged;
    if (isChanged) return new AppError('dataset_changed', { cause });
    const message = 'The rules of NORMALIZE could not be applied to the dataset.';
    return new AppError('worker_failed', { message, cause });
  }

  private async ruledTurns(pool: SharedPool, rules: readonly Rule[]) {
    const { table, edition } = this;
    if (table === undefined || this.isClosed)
      throw new DatasetError(edition.dataset.file.path, 'it has no index', undefined, true);
    this.plan ??= planShards(edition.dataset, pool.workers, this.kernel);
    try {
      const { keys, leftOut } = await makeRuleKeys(this.plan, pool.take(), table, this.stop, rules);
      return { ruled: edition.ruledBy([{ table, keys }], rules), leftOut };
    } finally {
      await pool.give();
    }
  }

  /** Stops all walks, and closes the file. */
  close(): void {
    this.isClosed = true;
    stopAll(this.stop);
    this.marking.fail(undefined);
    this.edition.close();
  }
}

/** The error of a request that needs the file, for one of a dataset; any other error itself. */
function requestErrorOf(error: unknown): unknown {
  if (!(error instanceof DatasetError)) return error;
  return new AppError(error.isTransient ? 'dataset_changed' : 'worker_failed', { cause: error });
}
