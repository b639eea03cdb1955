import { AppError } from '../core/errors.js';
import type { KeySeed } from '../core/keys.js';
import { READ_BEFORE_LISTENING_BYTES } from '../core/limits.js';
import type { Rule } from '../core/rules.js';
import { FileCorpus } from '../corpus/file-corpus.js';
import { hashIds, type IdHashes } from '../corpus/id-hashes.js';
import { type SearchOrder, type SearchReport, searchFile } from '../corpus/search.js';
import { addCounts, type Counts, NOTHING_COUNTED } from '../dataset/counts.js';
import { type Dataset, withDataset } from '../dataset/dataset.js';
import { DatasetError } from '../dataset/dataset-error.js';
import { changed, identityAt, isSameFile } from '../dataset/file.js';
import { MarkList, type Marks } from '../index/marks.js';
import type { IndexTable } from '../index/table.js';
import type { Kernel } from '../kernel/kernel.js';
import type { Edition } from '../lookup/edition.js';
import type { RuledTable } from '../lookup/ruled.js';
import type { SweepCount } from '../lookup/sweep.js';
import type { Workers } from '../workers/own-thread.js';
import { planShards, processSeed } from '../workers/plan-shards.js';
import type { WorkerPool } from '../workers/pool.js';
import type { ShardPlan } from '../workers/shard-run.js';
import type { SharedPool } from '../workers/shared-pool.js';
import { newStopFlag, type StopFlag, stopAll } from '../workers/stop-flag.js';
import { Census } from './census.js';
import { Marking } from './marking.js';
import { planOf, Segment, type SegmentWork } from './segment.js';

/** The engines that can be configured. */
export type Engine = 'auto' | 'sweep' | 'index';

/** How many threads a search may keep busy at the moment, if it began at a time of `performance.now()`. */
type Searchers = (beganMs: number) => number;

/** The counts and the index of one edition of a dataset, from a walk over all of it or from saved indexes. */
export class Build {
  readonly edition: Edition;
  /** The segments of the index, in file order; undefined without an index. */
  private indexed: readonly Segment[] | undefined;
  /** How long the walk that built the index took, in seconds; 0 without such a walk. */
  seconds = 0;
  /** The warnings that were logged for it. */
  readonly warnings: Set<string>;
  private readonly kernel: Kernel;
  private readonly stop: StopFlag;
  private census: Census | undefined;
  private plan: ShardPlan | undefined;
  private isClosed = false;
  private readonly marking = new Marking();
  /** The marks and the counts of all segments. */
  private marked: MarkList | undefined;
  private total: Counts | undefined;
  private corpus: FileCorpus | undefined;
  /** Resolves when the rules aren't being applied any more. */
  ruling: Promise<void> = Promise.resolve();

  /** @param before an earlier state of the same file, which has grown since */
  constructor(edition: Edition, kernel: Kernel, before?: Build) {
    this.edition = edition;
    this.kernel = kernel;
    this.warnings = before?.warnings ?? new Set();
    this.stop = before?.stop ?? newStopFlag();
    this.marked = before?.marked;
    this.total = before?.total;
    this.seconds = before?.seconds ?? 0;
  }

  /** The segments of the index, in file order; undefined without an index. */
  get segments(): readonly Segment[] | undefined {
    return this.indexed;
  }

  /** The tables of the index, in file order; undefined without an index. */
  get tables(): readonly IndexTable[] | undefined {
    return this.indexed?.map(({ table }) => table);
  }

  /** The seed of the keys of the index; undefined without a table. */
  get seed(): KeySeed | undefined {
    return this.indexed?.[0]?.table.seed;
  }

  /** The number of turns in the index; 0 without one. */
  get turns(): number {
    return (this.indexed ?? []).reduce((sum, { turns }) => sum + turns, 0);
  }

  /** The walked share of the dataset: 0 to 1. */
  get progress(): number {
    return this.indexed === undefined ? (this.census?.progress ?? 0) : 1;
  }

  /** The counts so far. */
  get counts(): Counts {
    return this.total ?? this.census?.counts ?? NOTHING_COUNTED;
  }

  /** The marks of the records that were walked so far; undefined before the walk. */
  get marks(): Marks | undefined {
    return this.marked?.marks(this.counts.records, this.edition.dataset.body.end) ?? this.census?.marks;
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
      tables: () => this.tables,
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

  /** Answers from segments, which have all records of the dataset. */
  use(segments: readonly Segment[]): void {
    const marked = new MarkList();
    let counts = NOTHING_COUNTED;
    for (const segment of segments) {
      marked.extend(segment.marks, segment.recordsBefore);
      counts = addCounts(counts, segment.counts);
    }
    this.marked = marked;
    this.total = counts;
    this.replace(segments);
    this.marking.advance(this.marks as Marks, true);
  }

  /** Answers from other segments of the same records. */
  replace(segments: readonly Segment[]): void {
    this.indexed = segments;
    this.edition.useIndex(segments.map(({ table }) => table));
    for (const { table, sketches } of segments) if (sketches) this.edition.useSketches(table, sketches);
  }

  /**
   * The build of the file after it has grown. This one isn't needed any more, and needn't be closed.
   *
   * @param dataset the file now
   * @param segments those of this build, perhaps some of them merged, and one of what was appended
   * @param added what was appended; undefined if that isn't a whole line yet
   * @throws FileChangedError if the file has changed other than by growing, or what `node:fs` throws
   */
  grown(dataset: Dataset, segments: readonly Segment[], added: Segment | undefined): Build {
    const next = new Build(this.edition.grown(dataset), this.kernel, this);
    if (added !== undefined) {
      next.marked?.extend(added.marks, added.recordsBefore);
      next.total = addCounts(this.counts, added.counts);
    }
    next.replace(segments);
    next.marking.advance(next.marks as Marks, true);
    return next;
  }

  /**
   * Walks the dataset. Afterwards the edition answers by the index, unless the engine is `sweep`.
   *
   * @param sweeps the edition answers by sweeps meanwhile, each of which is counted; undefined if there is nothing to answer yet
   * @param onBegun called as soon as enough of the file was walked to assume that it can be served
   * @param onProgress called with the progress each time that it changes
   * @throws DatasetError
   */
  async walk(
    workers: Workers,
    engine: Engine,
    sweeps: { readonly pool: WorkerPool; readonly count: SweepCount } | undefined,
    onBegun: () => void,
    onProgress: (progress: number) => void,
  ): Promise<void> {
    const startMs = performance.now();
    const { dataset } = this.edition;
    const plan = planOf(dataset, workers, this.kernel, processSeed());
    this.plan = plan;
    if (sweeps !== undefined) this.edition.useSweeps(plan, sweeps.pool, sweeps.count);
    const { start, end } = dataset.body;
    const begun = READ_BEFORE_LISTENING_BYTES / Math.max(1, end - start);
    const census = new Census(plan, workers, this.stop);
    this.census = census;
    try {
      const table = await census.take(engine !== 'sweep', ({ progress, marks }) => {
        this.marking.advance(marks, progress === 1);
        if (progress >= begun && progress < 1) onBegun();
        onProgress(progress);
      });
      this.assertUnchanged();
      const { marks, counts } = census;
      if (table !== undefined) this.use([new Segment(dataset.body, 0, { table, marks, counts })]);
    } catch (error) {
      this.marking.fail(error);
      throw error;
    }
    if (this.indexed !== undefined) this.seconds = (performance.now() - startMs) / 1000;
    onBegun();
  }

  /** @throws DatasetError if the file was changed while it was walked, other than by what was appended to it */
  private assertUnchanged(): void {
    const { dataset, reader } = this.edition;
    const now = identityAt(dataset.file.path);
    if (!dataset.file.mayGrow || now === undefined || isSameFile(now, dataset.file)) return;
    if (!withDataset(dataset, () => reader.hasOnlyGrown(now)))
      throw new DatasetError(dataset.file.path, changed().message, undefined, true);
  }

  /**
   * Makes the sketches of all turns, unless an earlier call does or did. Does nothing without an index.
   *
   * @param workers how many threads to keep busy
   * @throws DatasetError
   */
  async sketch(pool: SharedPool, workers: number): Promise<void> {
    for (const segment of this.indexed ?? [])
      this.edition.useSketches(segment.table, await segment.sketch(this.workIn(pool), workers));
  }

  private workIn(pool: SharedPool): SegmentWork {
    return { dataset: this.edition.dataset, pool, kernel: this.kernel, stop: this.stop };
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
    const isChanged = this.indexed === undefined || this.isClosed || this.edition.hasChanged;
    if (isChanged) return new AppError('dataset_changed', { cause });
    const message = 'The rules of NORMALIZE could not be applied to the dataset.';
    return new AppError('worker_failed', { message, cause });
  }

  private async ruledTurns(pool: SharedPool, rules: readonly Rule[]) {
    const { edition, indexed } = this;
    if (indexed === undefined || this.isClosed)
      throw new DatasetError(edition.dataset.file.path, 'it has no index', undefined, true);
    const ruled: RuledTable[] = [];
    let leftOut = 0;
    for (const segment of indexed) {
      const made = await segment.rule(this.workIn(pool), rules);
      ruled.push({ table: segment.table, keys: made.keys });
      leftOut += made.leftOut;
    }
    return { ruled: edition.ruledBy(ruled, rules), leftOut };
  }

  /** Stops all walks. */
  end(): void {
    this.isClosed = true;
    stopAll(this.stop);
    this.marking.fail(undefined);
  }

  /** Stops all walks, and closes the file. */
  close(): void {
    this.end();
    this.edition.close();
  }
}

/** The error of a request that needs the file, for one of a dataset; any other error itself. */
function requestErrorOf(error: unknown): unknown {
  if (!(error instanceof DatasetError)) return error;
  return new AppError(error.isTransient ? 'dataset_changed' : 'worker_failed', { cause: error });
}
