import { byteOffset, lengthOf } from '../core/bytes.js';
import { AppError } from '../core/errors.js';
import {
  FILE_CHECK_MS,
  GROWTH_AWAITED_BYTES,
  INDEXED_HERE_BYTES_MAX,
  SEARCH_YIELDS_MS,
  SKETCHED_SOON_BYTES,
  SPOOL_TRIES_MAX,
} from '../core/limits.js';
import { after, type MaybePromise, orElse } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import type { Rule } from '../core/rules.js';
import { CurrentCorpus } from '../corpus/current-corpus.js';
import { assertFile, type Dataset, datasetOf, recognizeTogether, withDataset } from '../dataset/dataset.js';
import { DatasetError } from '../dataset/dataset-error.js';
import {
  commonIdentityAt,
  FileChangedError,
  type FileIdentity,
  isGrown,
  isSameFile,
  isSystemError,
} from '../dataset/file.js';
import { unmappedText } from '../dataset/refusal.js';
import { hasConvertible } from '../dataset/sample.js';
import type { ShapeOptions } from '../dataset/shapes/shape.js';
import type { Recognized } from '../dataset/sources.js';
import { assertSplit } from '../dataset/splits.js';
import type { Spool } from '../dataset/spool.js';
import { withoutHalfLine } from '../dataset/whole-lines.js';
import { queryKernel } from '../kernel/kernel.js';
import { CurrentLookup } from '../lookup/current.js';
import { Edition } from '../lookup/edition.js';
import type { Candidates, NearestQuery, Sharing, Similar } from '../lookup/lookup.js';
import type { SweepCount } from '../lookup/sweep.js';
import { ownThread } from '../workers/own-thread.js';
import type { WorkerPool } from '../workers/pool.js';
import type { SharedPool } from '../workers/shared-pool.js';
import { newStopFlag, stopAll } from '../workers/stop-flag.js';
import { Build, type Engine } from './build.js';
import { Comparing } from './comparing.js';
import {
  bytesOf,
  countersOf,
  countRows,
  type TurnTokenizer,
  turnTokenizerId,
  uncountedRows,
} from './counting.js';
import { CountingAhead } from './counting-ahead.js';
import { type Grown, growthOf, indexOf } from './growth.js';
import { IndexKeeper } from './index-keeper.js';
import { Merger, withMerged } from './merger.js';
import type { Notices } from './notices.js';
import { nextRetry, type Retry } from './retry.js';
import type { Segment } from './segment.js';
import type { DatasetFigures, DatasetSize, Published, Saved, Served, Status } from './served.js';
import { Spooler } from './spooling.js';

/** How a dataset is served. */
export interface ServedOptions {
  readonly engine: Engine;
  /** The threads that read it. */
  readonly pool: SharedPool;
  /** How records of other shapes are read. */
  readonly shapes: ShapeOptions;
  /** The splits that are served; all if empty. */
  readonly splits: readonly string[];
  /** The folder for indexes: see `indexPaths`. */
  readonly indexDir: string | undefined;
  /** What counts the tokens of turns. */
  readonly tokens: TurnTokenizer;
  /** True if tokens are counted before a request needs them. */
  readonly countsAhead: boolean;
  /** True if the sketches of turns are made as soon as there is an index, not when the first miss needs them. */
  readonly sketchesAtOnce?: boolean;
  /** Rules that are applied to prompts and turns that aren't found as they are. */
  readonly rules?: readonly Rule[];
  /** True if other processes answer from its saved index: one that can't be saved in its place is saved in a temporary folder. */
  readonly isPublished?: boolean;
  /**
   * True for a file that answers are recorded in. It may have no conversation yet, not even a byte; it always gets an index; and lines that
   * aren't valid JSON are skipped, since a process may have died while it was writing one.
   */
  readonly isRecordings?: boolean;
  /** True if what is appended to the file after it was opened is left out: for looking at it, not for lookups. */
  readonly leavesGrowth?: boolean;
  readonly notices: Notices;
}

/** What is being indexed because the file has grown. */
interface Growing {
  readonly done: Promise<void>;
  /** True if lookups that have found something don't wait for it. */
  readonly isLong: boolean;
}

/**
 * The dataset at a path. The file may change: it is checked regularly, and reopened when it has changed; of JSON lines that were appended to
 * it, only these are read. A file that can't be served as it is is spooled first.
 */
export class ServedDataset implements Served {
  /** Finds replies in the current state of the file. */
  readonly lookup: CurrentLookup;
  /** The current state of the file, to look at. */
  readonly corpus: CurrentCorpus;
  readonly path: string;
  /** Files that are spooled together with the one at the path. */
  readonly others: readonly string[];
  private readonly options: ServedOptions;
  private readonly spooler: Spooler;
  private readonly keeper: IndexKeeper;
  private readonly kernel = queryKernel();
  /** True while the threads are needed. */
  private usesPool: boolean;
  private build: Build;
  /** Why the current file can't be served, which file that is, and when it is tried again; undefined if it can. */
  private problem:
    | { readonly error: DatasetError; readonly file: FileIdentity; readonly retry: Retry }
    | undefined;
  private walking: Promise<void> = Promise.resolve();
  private growing: Growing | undefined;
  private readonly growingStop = newStopFlag();
  private readonly merger: Merger;
  private readonly comparing = new Comparing(() => this.compare());
  private hasWarnedOfSkipped = false;
  /** The state of the file that is being spooled while the one before is served. */
  private spooling: { readonly file: FileIdentity; readonly done: Promise<void> } | undefined;
  /** Why records of other shapes couldn't be spooled; undefined unless that failed. */
  private unspooled: DatasetError | undefined;
  private counting: CountingAhead | undefined;
  private readonly countingStop = newStopFlag();
  private countingAll: Promise<unknown> = Promise.resolve();
  private sketching: Promise<unknown> = Promise.resolve();
  private readonly sweepCount: SweepCount = { sweeps: 0, lookups: 0 };
  private timer: NodeJS.Timeout | undefined;
  /** When a request came last. */
  private requestedMs = Number.NEGATIVE_INFINITY;
  private closing: Promise<void> | undefined;

  /**
   * Opens the file, and spools it if it can't be served as it is. Lookups work only after `start`.
   *
   * @param signal gives up the spooling
   * @param others files that the conversations of the first one are spread over: all are spooled together
   * @throws DatasetError
   */
  static async open(
    path: string,
    options: ServedOptions,
    signal?: AbortSignal,
    others: readonly string[] = [],
  ): Promise<ServedDataset> {
    const { shapes, splits, indexDir, notices, pool } = options;
    const onProgress = (progress: number) => notices.spooling(progress);
    const onWaiting = () => notices.info({ dataset: path }, WAITING);
    const spooler = new Spooler(path, others, { shapes, splits, indexDir, onProgress, onWaiting });
    const onAbort = () => spooler.close();
    signal?.addEventListener('abort', onAbort);
    let usesPool = false;
    try {
      spooler.removeOthers();
      for (let tries = 1; ; tries++) {
        if (options.isRecordings)
          return new ServedDataset(path, others, options, spooler, recordingsAt(path), false);
        const recognized = recognizeTogether(path, others, shapes);
        const known =
          spooledAs(spooler.find(recognized.file), recognized.file) ?? servedAsIs(recognized, options);
        if (known !== undefined && known.file === known.source) {
          spooler.removeStale();
          warnIfUnmapped(known, options);
        }
        if (known !== undefined) return new ServedDataset(path, others, options, spooler, known, usesPool);
        const workers = usesPool ? pool.start() : pool.take();
        usesPool = true;
        try {
          const spool = await spooler.make(recognized, workers);
          notices.spooled(spool);
          const dataset = datasetOfSpool(spool, recognized.file);
          return new ServedDataset(path, others, options, spooler, dataset, usesPool);
        } catch (error) {
          const isChanged = isReplaced(recognized.file, others);
          if (tries === SPOOL_TRIES_MAX || signal?.aborted || !isChanged) throw error;
          notices.info({ dataset: path }, 'dataset changed; reading it again');
        }
      }
    } catch (error) {
      spooler.close();
      if (usesPool) await pool.give();
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  private constructor(
    path: string,
    others: readonly string[],
    options: ServedOptions,
    spooler: Spooler,
    dataset: Dataset,
    usesPool: boolean,
  ) {
    this.path = path;
    this.others = others;
    this.options = options;
    this.spooler = spooler;
    this.usesPool = usesPool;
    const { indexDir, tokens, notices } = options;
    const isPublished = options.isPublished === true;
    this.keeper = new IndexKeeper(indexDir, turnTokenizerId(tokens), isPublished, notices);
    this.merger = new Merger(options.pool, (segments, merged) => this.onMerged(segments, merged));
    this.build = this.buildOf(dataset);
    this.corpus = new CurrentCorpus(
      () => {
        if (this.problem !== undefined) throw new AppError('dataset_changed', { cause: this.problem.error });
        return this.build.corpusIn(this.options.pool, (beganMs) => this.searchersSince(beganMs));
      },
      {
        lookAtFile: () => this.lookAtFile(),
        trapped: (trap) => notices.warn({ err: trap }, 'kernel trapped; replaced'),
      },
    );
    const events = {
      lookAtFile: () => this.lookAtFile(),
      growth: (isNeeded: boolean) => this.growth(isNeeded),
      trapped: (trap: WebAssembly.RuntimeError) => notices.warn({ err: trap }, 'kernel trapped; replaced'),
    };
    const by = options.isRecordings ? 'findWhole' : 'find';
    this.lookup = new CurrentLookup(this.build.edition, this.kernel, events, by);
  }

  get dataset(): Dataset {
    return this.build.edition.dataset;
  }

  get datasets(): readonly Dataset[] {
    return [this.dataset];
  }

  /** Identifies the file's current contents; undefined if the file can't be read. */
  get fingerprint(): string | undefined {
    return this.build.edition.fingerprint;
  }

  get status(): Status {
    const { edition, progress, counts } = this.build;
    const { canAnswer, engine, dataset } = edition;
    const skipped = counts.skipped + (dataset.skipped ?? 0) + Number(hasHalfLine(dataset));
    return {
      isAvailable: this.problem === undefined && canAnswer,
      engine,
      progress,
      counts: { ...counts, skipped },
    };
  }

  get state(): Published | undefined {
    const { dataset } = this;
    const { segments } = this.build;
    // A file without a segment has nothing that others could load.
    if (this.problem !== undefined || segments === undefined || segments.length === 0) return undefined;
    const parts = segments.flatMap((segment) => {
      const indexPath = this.keeper.pathOf(segment);
      return indexPath === undefined ? [] : [{ dataset: segment.in(dataset), indexPath }];
    });
    if (parts.length < segments.length) return undefined;
    return {
      parts,
      fingerprint: this.fingerprint,
      modifiedMs: this.modifiedMs,
      counts: this.status.counts,
    };
  }

  /**
   * Resolves when the dataset can be served: immediately if there is a saved index, else after enough of the file was walked.
   *
   * @returns settles when the whole file was walked
   * @throws DatasetError if the file isn't a dataset, or if it was closed meanwhile
   */
  async start(): Promise<{ readonly walked: Promise<void> }> {
    const { build } = this;
    const { walked } = await this.begin(build).catch((error: unknown) => this.discardSpool(build, error));
    if (this.keeper.hasLoadedOutgrown) this.comparing.want();
    this.timer = setInterval(() => {
      this.lookAtFile();
      this.comparing.tick(!this.isBusySince(Number.NEGATIVE_INFINITY));
    }, FILE_CHECK_MS);
    this.timer.unref();
    return {
      walked: walked.catch((error: unknown) => {
        if (this.isLeft(build)) return;
        if (!(error instanceof DatasetError && error.isTransient)) this.discardSpool(build, error);
        this.fail(error, build.edition.dataset.source);
      }),
    };
  }

  /** Removes the spool if its content can't be served: a compressed file may hold anything. Throws the error. */
  private discardSpool({ edition: { dataset } }: Build, error: unknown): never {
    const isInvalid = error instanceof DatasetError && !error.isTransient;
    if (isInvalid && dataset.file !== dataset.source) this.spooler.removeStale();
    throw error;
  }

  get bytes(): number {
    return this.dataset.source.size;
  }

  get modifiedMs(): number {
    return this.dataset.source.mtimeMs;
  }

  similar(query: Query, signal?: () => AbortSignal): MaybePromise<Similar | undefined> {
    return this.lookup.similar(query, signal);
  }

  sharing(query: Query, signal?: () => AbortSignal): MaybePromise<Sharing | undefined> {
    return this.lookup.sharing(query, signal);
  }

  candidates(asked: NearestQuery, signal?: () => AbortSignal): MaybePromise<Candidates> {
    const { build } = this;
    const again = (error: unknown) => {
      if (!(error instanceof AppError)) throw error;
      this.lookAtFile();
      if (this.build === build) throw error;
      return this.candidates(asked, signal);
    };
    return orElse(() => after(this.candidatesNow(asked, signal), (found) => this.watched(found)), again);
  }

  /** The same candidates. A failure to read one of their texts checks whether the file has changed. */
  private watched(candidates: Candidates): Candidates {
    const watch =
      <T>(read: () => T) =>
      () => {
        try {
          return read();
        } catch (error) {
          if (error instanceof AppError) this.lookAtFile();
          throw error;
        }
      };
    return candidates.map((turns) =>
      turns.map((turn) => ({ ...turn, text: watch(turn.text), reply: watch(turn.reply) })),
    );
  }

  private candidatesNow(asked: NearestQuery, signal?: () => AbortSignal): MaybePromise<Candidates> {
    if (this.build.edition.hasSketches) return this.lookup.candidates(asked, signal);
    // Sweeps need no sketches, but each reads the whole file.
    const isSoon = asked.waits || this.bytes <= SKETCHED_SOON_BYTES;
    if (this.engine === 'sweep') return isSoon ? this.lookup.candidates(asked, signal) : [];
    const sketched = this.sketch(this.build, asked.waits ? this.options.pool.workers : 1);
    return isSoon ? this.candidatesAfter(sketched, asked, signal) : [];
  }

  /** The turns whose sketches are nearest once there are sketches. If the file is replaced meanwhile, those of the new one. */
  private async candidatesAfter(
    sketched: Promise<boolean>,
    asked: NearestQuery,
    signal: (() => AbortSignal) | undefined,
  ): Promise<Candidates> {
    const { build } = this;
    const isSketched = await sketched;
    if (this.build !== build) return this.candidates(asked, signal);
    if (isSketched) return this.lookup.candidates(asked, signal);
    if (asked.waits) throw new AppError('worker_failed', { message: NOT_SEARCHED });
    return [];
  }

  /**
   * Makes the sketches of a build once it has an index; false if that fails.
   *
   * @param workers how many threads to keep busy
   */
  private async sketch(build: Build, workers: number): Promise<boolean> {
    const { pool } = this.options;
    if (build.segments === undefined) await this.walking;
    if (this.isClosed) return false;
    const sketched = build.sketch(pool, workers);
    const outcome = sketched.then(
      () => true,
      (error: unknown) => {
        this.warnOfFailed(build, error, SKETCHES_FAILED);
        return false;
      },
    );
    this.sketching = outcome;
    return outcome;
  }

  /**
   * Warns that work on a build has failed, once for each kind of work. The next request that needs it repeats it.
   *
   * @throws the error if it is a defect
   */
  private warnOfFailed(build: Build, error: unknown, message: string): void {
    if (!(error instanceof DatasetError)) throw error;
    if (this.isClosed || this.isLeft(build) || build.warnings.has(message)) return;
    build.warnings.add(message);
    this.options.notices.warn({ err: error }, message);
  }

  get size(): DatasetSize {
    const { bytes, modifiedMs } = this;
    const indexBytes = this.build.tables?.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
    return { bytes, files: 1 + this.others.length, indexBytes, modifiedMs };
  }

  /** The dataset's metrics. */
  get figures(): DatasetFigures {
    const { edition, turns, seconds } = this.build;
    return {
      ...this.sweepCount,
      waiting: edition.waiting,
      indexRows: turns,
      indexBuildSeconds: seconds,
      datasetBytes: edition.dataset.file.size,
    };
  }

  /** Pauses background work when a request arrives. */
  pauseBackgroundWork(): void {
    this.requestedMs = performance.now();
    this.counting?.pauseBackgroundWork();
  }

  /** How many threads a search keeps busy that began at a time: one less while there are other requests. */
  private searchersSince(beganMs: number): number {
    const { workers } = this.options.pool;
    return this.isBusySince(beganMs) ? Math.max(1, workers - 1) : workers;
  }

  /** True if there was a request a moment ago, and after a time. */
  private isBusySince(beganMs: number): boolean {
    return this.requestedMs > beganMs && performance.now() - this.requestedMs < SEARCH_YIELDS_MS;
  }

  async save(onCounted?: (share: number) => void): Promise<Saved> {
    let turnsCounted = 0;
    // The end of a walk may begin a spool, and with that another build; a change of the file does so, too.
    for (let build: Build | undefined; build !== this.build; ) {
      build = this.build;
      await this.spooling?.done;
      await this.walking;
      await this.growing?.done;
      await this.merger.ended;
      if (build !== this.build) continue;
      await this.savedIndexes();
      if (onCounted !== undefined) turnsCounted += await this.count(build, onCounted);
    }
    return { indexes: await this.savedIndexes(), turnsCounted };
  }

  /**
   * The paths of the index, once it is saved.
   *
   * @throws DatasetError if it isn't
   */
  private async savedIndexes(): Promise<readonly string[]> {
    const saved = await this.keeper.saved();
    const error = this.problem?.error ?? this.unspooled;
    if (error !== undefined) throw error;
    if ('paths' in saved && saved.paths.length > 0 && !this.isClosed) return saved.paths;
    const problems = 'problems' in saved ? saved.problems : [];
    const problem = this.isClosed ? 'it was closed' : `its index can't be saved: ${problems.join('; ')}`;
    throw new DatasetError(this.path, problem, undefined, true);
  }

  /**
   * Counts the tokens of all turns, and saves them.
   *
   * @returns how many turns were counted
   * @throws DatasetError if some can't be counted
   */
  private async count(build: Build, onCounted: (share: number) => void): Promise<number> {
    const { tables = [], edition } = build;
    const { tokens, pool } = this.options;
    const uncounted = tables.reduce((sum, table) => sum + table.uncounted, 0);
    const rows = tables.flatMap(uncountedRows);
    if (rows.length === 0) return 0;
    const counters = countersOf(tokens, pool, bytesOf(rows));
    const turns = rows.reduce((sum, { from, to }) => sum + to - from, 0);
    let counted = 0;
    const counting = countRows(counters, edition.dataset.file, rows, this.countingStop, (some) => {
      counted += some;
      onCounted(counted / turns);
    });
    this.countingAll = counting;
    const failure = await counting;
    counters.release(false);
    this.saveCounts();
    if (rows.length === 0) return uncounted;
    const problem =
      failure === undefined ? 'it was closed' : `its tokens can't be counted: ${failure.detail}`;
    throw new DatasetError(this.path, problem, undefined, true);
  }

  /** Stops all work, releases the threads, and closes the file. */
  close(): Promise<void> {
    this.closing ??= this.closeOnce();
    return this.closing;
  }

  /** Removes what was saved of it, apart from the index of a file that is served as it is. */
  removeSpools(): void {
    this.spooler.removeStale();
  }

  private async closeOnce(): Promise<void> {
    clearInterval(this.timer);
    this.spooler.close();
    this.build.end();
    stopAll(this.countingStop);
    stopAll(this.growingStop);
    await this.countingAll;
    await this.spooling?.done;
    await this.walking;
    await this.growing?.done;
    await this.merger.ended;
    await this.comparing.ended;
    await this.sketching;
    await this.build.ruling;
    await this.counting?.stop();
    this.saveCounts();
    // Before an index is saved, the file is compared with what it was.
    await this.keeper.close();
    this.build.close();
    await this.leavePool();
  }

  /** The state of the file, or of all files; undefined if it isn't known. */
  private get identityNow(): FileIdentity | undefined {
    return commonIdentityAt(this.path, this.others);
  }

  private get engine(): Engine {
    return this.options.isRecordings ? 'index' : this.options.engine;
  }

  private get isClosed(): boolean {
    return this.closing !== undefined;
  }

  /** @throws DatasetError */
  private buildOf(dataset: Dataset): Build {
    try {
      return new Build(new Edition(dataset, this.kernel), this.kernel);
    } catch (error) {
      if (!(error instanceof FileChangedError) && !isSystemError(error)) throw error;
      throw new DatasetError(this.path, error.message, undefined, true);
    }
  }

  /** Resolves as soon as the edition can be served. `walked` settles when the whole file was walked. */
  private async begin(build: Build): Promise<{ readonly walked: Promise<void> }> {
    const { notices } = this.options;
    const { engine } = this;
    // Checking whether a saved index fits a changed file may take long: sweeps answer sooner.
    const isStart = this.timer === undefined;
    const saved = isStart && engine !== 'sweep' ? await this.loaded(build.edition.dataset) : undefined;
    if (this.isClosed) throw new DatasetError(this.path, 'it was closed', undefined, true);
    if (saved !== undefined) {
      build.use(saved);
      this.keep(build);
      this.rule(build, Promise.resolve());
      this.warnIfUnanswered(build);
      this.workAhead(build);
      // The index may have been saved before the file was spooled.
      return { walked: this.leavePool().then(() => void this.spoolIfMixed(build)) };
    }
    const isHere =
      isStart && engine !== 'sweep' && lengthOf(build.edition.dataset.body) <= INDEXED_HERE_BYTES_MAX;
    const pool = isHere ? undefined : this.takePool();
    let onBegun = () => {};
    const begun = new Promise<void>((resolve) => {
      onBegun = resolve;
    });
    const sweeps = pool && engine !== 'index' ? { pool, count: this.sweepCount } : undefined;
    const indexed = build.walk(
      pool ?? ownThread(),
      engine,
      sweeps,
      sweeps === undefined ? () => {} : onBegun,
      (progress) => notices.progress(progress),
    );
    this.rule(build, indexed);
    const walked = indexed.then(() => this.onWalked(build));
    this.walking = walked.catch(() => undefined);
    await Promise.race([begun, walked]);
    return { walked };
  }

  /** The segments of the saved index, and one of what was appended to the file since; undefined without a saved index that fits. */
  private async loaded(dataset: Dataset): Promise<readonly Segment[] | undefined> {
    const { start, end } = dataset.body;
    if (start === end) return [];
    const segments = await this.keeper.load(dataset);
    const last = segments?.at(-1);
    if (segments === undefined || last === undefined || last.range.end === end || this.isClosed)
      return segments;
    const { pool } = this.options;
    const work = { dataset, pool, kernel: this.kernel, stop: this.growingStop };
    try {
      const before = last.recordsBefore + last.counts.records;
      const added = await indexOf(work, { start: last.range.end, end }, before, last.table.seed);
      return await this.merger.arranged(dataset, [...segments, added]);
    } catch (error) {
      if (!(error instanceof DatasetError)) throw error;
      // A walk over all of it says where it is invalid.
      return undefined;
    }
  }

  /** Applies the rules to all turns once there is an index. */
  private rule(build: Build, indexed: Promise<unknown>): void {
    const { rules = [], pool, notices } = this.options;
    if (rules.length === 0) return;
    const done = (leftOut: number) => {
      notices.debug({ turns: build.counts.turns }, 'rules applied');
      if (leftOut > 0) notices.warn({ dataset: this.path, left_out: leftOut }, TURNS_LEFT_OUT);
    };
    const failed = (error: unknown) => this.warnOfFailed(build, error, RULES_FAILED);
    build.rule(pool, rules, indexed, done, failed);
  }

  private async onWalked(build: Build): Promise<void> {
    const { edition, segments, counts } = build;
    this.options.notices.walked(counts);
    const { turns, conversations } = counts;
    this.warnIfUnanswered(build);
    if (segments === undefined) {
      this.options.notices.info({ conversations, turns }, 'dataset read');
      this.spoolIfMixed(build);
      return;
    }
    this.options.notices.info(
      { conversations, turns, seconds: Number(build.seconds.toFixed(3)) },
      'index ready',
    );
    this.keep(build);
    this.workAhead(build);
    await edition.sweepsEnded();
    if (this.build === build && !this.isClosed) await this.leavePool();
    this.spoolIfMixed(build);
  }

  private warnIfUnanswered({ counts: { conversations, turns, replies, skipped } }: Build): void {
    if (this.options.isRecordings) this.warnOfSkipped(skipped, RECORDINGS_SKIPPED);
    if (replies > 0 || this.options.isRecordings) return;
    this.options.notices.warn({ dataset: this.path, conversations, turns }, NOTHING_ANSWERED);
  }

  /** Warns once that records are skipped, of recordings or of what is appended: a walk over all of a file has a warning of its own. */
  private warnOfSkipped(skipped: number, message: string): void {
    if (skipped === 0 || this.hasWarnedOfSkipped) return;
    this.hasWarnedOfSkipped = true;
    this.options.notices.warn({ dataset: this.path, skipped }, message);
  }

  /** Saves the segments of a build that aren't saved yet. */
  private keep({ edition, segments }: Build): void {
    if (segments === undefined) return;
    this.keeper.keep(edition.dataset, segments, () => isCurrent(edition));
  }

  /** The threads, which are kept until `leavePool`. */
  private takePool(): WorkerPool {
    const pool = this.usesPool ? this.options.pool.start() : this.options.pool.take();
    this.usesPool = true;
    return pool;
  }

  /** Releases the threads: an index doesn't need them, and they take memory. */
  private async leavePool(): Promise<void> {
    if (!this.usesPool) return;
    this.usesPool = false;
    await this.options.pool.give();
  }

  /** Makes sketches if they are wanted at once; counts the tokens of an edition while the server is idle, and saves the counts. */
  private workAhead(build: Build): void {
    const { tables, edition } = build;
    // A walk may end after the file has changed: it must not stop the counting for a newer edition.
    if (tables === undefined || this.isClosed || this.build !== build) return;
    if (this.options.sketchesAtOnce) void this.sketch(build, this.options.pool.workers);
    this.counting?.stop();
    this.counting = undefined;
    const { tokens, pool, countsAhead, notices } = this.options;
    if (!countsAhead) return;
    let hasLogged = false;
    const onCounted = () => {
      notices[hasLogged ? 'debug' : 'info']({ turns: this.build.counts.turns }, 'tokens counted');
      hasLogged = true;
    };
    const uncounted = tables.filter(({ uncounted }) => uncounted > 0);
    if (uncounted.length === 0) onCounted();
    // More may be appended to the file.
    if (uncounted.length === 0 && !edition.dataset.file.mayGrow) return;
    this.counting = new CountingAhead(
      { tokens, pool, notices },
      edition.dataset.file,
      tables,
      this.requestedMs,
      () => {
        onCounted();
        this.saveCounts();
      },
    );
  }

  /** Saves the index again if more tokens were counted since it was saved. */
  private saveCounts(): void {
    const { segments, edition } = this.build;
    if (segments === undefined || !isCurrent(edition)) return;
    this.keeper.keepCounts(edition.dataset, segments, () => isCurrent(edition));
  }

  /**
   * Checks whether the file has changed. If it has grown, what was appended is indexed, else it is reopened. A timer also calls this every
   * `FILE_CHECK_MS`.
   */
  lookAtFile(): void {
    const now = this.identityNow;
    if (this.isClosed || now === undefined || this.isKnown(now)) return;
    const { file, source } = this.dataset;
    const mayHaveGrown = file.mayGrow && this.problem === undefined && this.spooling === undefined;
    if (!mayHaveGrown || !isGrown(now, source)) this.readAgain(now);
    else if (this.options.leavesGrowth) return;
    else if (this.engine === 'sweep') this.readAgain(now);
    else this.grow(now.size - source.size);
  }

  /** Compares the file with what was indexed of it, and reads it again if it was written in place, too. */
  private async compare(): Promise<void> {
    const { segments = [], edition } = this.build;
    const { reader, dataset } = edition;
    // While the file grows, its states share a reader.
    const isWanted = () =>
      !this.isClosed && this.problem === undefined && this.build.edition.reader === reader;
    const areIntact = !dataset.file.mayGrow || (await this.keeper.areIntact(dataset, segments, isWanted));
    const now = this.identityNow;
    if (!areIntact && isWanted() && now !== undefined) this.readAgain(now);
  }

  /** Reads the whole file, whatever has changed. */
  private readAgain(now: FileIdentity): void {
    try {
      const { shapes, isRecordings } = this.options;
      this.options.notices.info({ dataset: this.path }, 'dataset changed; reading it again');
      if (isRecordings) {
        this.replaceBy(recordingsAt(this.path));
        return;
      }
      const recognized = recognizeTogether(this.path, this.others, shapes);
      const dataset = servedAsIs(recognized, this.options);
      if (dataset === undefined) this.spoolAnew(recognized);
      else this.replaceBy(dataset);
    } catch (error) {
      this.fail(error, now);
    }
  }

  /** Indexes what was appended to the file, unless that is being done. @param bytes how much it is */
  private grow(bytes: number): void {
    if (this.growing !== undefined) return;
    const { build } = this;
    const isLong = bytes > GROWTH_AWAITED_BYTES || build.segments === undefined;
    const done = this.growFrom(build).finally(() => {
      this.growing = undefined;
    });
    this.growing = { done, isLong };
  }

  private async growFrom(build: Build): Promise<void> {
    // The first index has to be complete.
    if (build.segments === undefined) await this.walking;
    const now = this.identityNow;
    const { pool } = this.options;
    const isLeft = () => this.isClosed || this.build !== build || this.problem !== undefined;
    if (build.segments === undefined || now === undefined || isLeft()) return;
    let grown: Grown | undefined;
    let { segments } = build;
    try {
      grown = await growthOf(build, now, { pool, kernel: this.kernel, stop: this.growingStop });
      if (isLeft()) return;
      ({ segments } = build);
      if (grown?.added !== undefined)
        segments = await this.merger.arranged(grown.dataset, [...segments, grown.added]);
    } catch (error) {
      if (!(error instanceof DatasetError)) throw error;
      // Reading all of it says where it is invalid.
      grown = undefined;
    }
    if (isLeft()) return;
    if (grown === undefined || !isCurrent(build.edition)) this.readAgain(now);
    else this.adoptGrown(build, grown, segments);
  }

  /** Answers from the file with what was appended to it from now on. */
  private adoptGrown(build: Build, { dataset, added }: Grown, segments: readonly Segment[]): void {
    let next: Build;
    try {
      next = build.grown(dataset, segments, added);
    } catch (error) {
      if (!(error instanceof FileChangedError) && !isSystemError(error)) throw error;
      this.readAgain(dataset.file);
      return;
    }
    const { notices } = this.options;
    this.build = next;
    this.lookup.replaceBy(next.edition);
    this.rule(next, Promise.resolve());
    if (added === undefined) return;
    const { conversations, turns, skipped } = added.counts;
    notices.debug({ dataset: this.path, conversations, turns }, 'dataset has grown');
    this.useTables(next);
    this.keep(next);
    if (!this.options.isRecordings) this.comparing.want();
    notices.changed();
    if (!this.spoolIfMixed(next, added.counts)) this.warnOfSkipped(skipped, APPENDED_SKIPPED);
  }

  /** Answers from segments that were merged in the background, unless the file was replaced meanwhile. */
  private onMerged(merging: readonly Segment[], merged: Segment): void {
    const { build } = this;
    const { segments = [] } = build;
    const replaced = withMerged(segments, merging, merged);
    if (replaced === segments || this.isClosed) return;
    build.replace(replaced);
    this.rule(build, Promise.resolve());
    this.useTables(build);
    this.keep(build);
  }

  /** The tokens of the tables of a build are counted, and its turns sketched, as those before. */
  private useTables(build: Build): void {
    this.counting?.use(build.tables ?? []);
    if (this.options.sketchesAtOnce) void this.sketch(build, 1);
  }

  /** See `CurrentEvents.growth`. */
  private growth(isNeeded: boolean): Promise<void> | undefined {
    const { growing } = this;
    if (growing === undefined || (growing.isLong && !isNeeded)) return undefined;
    return this.grownTo(this.identityNow?.size ?? 0);
  }

  /** Resolves when all bytes of the file up to a size can be found, or the file isn't growing any more. */
  private async grownTo(size: number): Promise<void> {
    while (this.growing !== undefined) {
      await this.growing.done;
      if (this.dataset.source.size >= size) return;
      this.lookAtFile();
    }
  }

  private replaceBy(dataset: Dataset): void {
    const build = this.buildOf(dataset);
    this.adopt(build);
    this.beginAnew(build);
  }

  /** Answers from another state of the file from now on. */
  private adopt(build: Build): void {
    this.build.close();
    this.build = build;
    this.problem = undefined;
    this.unspooled = undefined;
    this.spooling = undefined;
    this.lookup.replaceBy(build.edition);
    this.options.notices.changed();
  }

  /** Spools the file as it is now, and serves the spool as soon as it can answer. Until then, what was served before is served. */
  private spoolAnew(recognized: Recognized): void {
    const { file } = recognized;
    const pool = this.takePool();
    const isWanted = () => this.spooling?.file === file && !this.isClosed;
    const spool = async () => {
      try {
        const spool = await this.spooler.make(recognized, pool);
        if (!isWanted()) return;
        this.options.notices.spooled(spool);
        const build = this.buildOf(datasetOfSpool(spool, file));
        const { walked } = await this.begin(build);
        if (!isWanted()) return build.close();
        this.adopt(build);
        walked.catch((error: unknown) => this.onFailed(build, error));
        // Otherwise the end of the walk does it.
        if (build.segments !== undefined) {
          this.workAhead(build);
          await this.leavePool();
        }
      } catch (error) {
        if (!isWanted()) return;
        this.spooling = undefined;
        this.onSpoolFailed(error, file);
        if (this.build.segments !== undefined) await this.leavePool();
      }
    };
    this.spooling = { file, done: Promise.resolve() };
    this.spooling = { file, done: spool() };
  }

  /** A file with records of several shapes is served as it is if it can't be spooled, for example because the disk is full. */
  private onSpoolFailed(error: unknown, file: FileIdentity): void {
    const isServed = this.problem === undefined && isSameFile(file, this.dataset.source);
    if (isServed && error instanceof DatasetError) {
      this.unspooled = error;
      this.options.notices.warn({ err: error }, 'records of other shapes are not served');
    } else this.fail(error, file);
  }

  private onFailed(build: Build, error: unknown): void {
    if (!this.isLeft(build)) this.fail(error, build.edition.dataset.source);
  }

  /**
   * Spools a file in which there are records that have to be converted.
   *
   * @param skippedAt where the first skipped records are, by default of all of the file
   * @returns true if it does
   */
  private spoolIfMixed(build: Build, { skippedAt } = build.counts): boolean {
    const { dataset } = build.edition;
    const isOwn = dataset.file === dataset.source && !dataset.skipsInvalid;
    if (!isOwn || skippedAt.length === 0 || this.isClosed || this.build !== build) return false;
    try {
      const { shapes } = this.options;
      const isMixed = withDataset(dataset, (fd) => hasConvertible(fd, dataset, skippedAt, shapes));
      if (isMixed) this.spoolAnew({ ...dataset, kind: 'list', isServedAsIs: false });
      return isMixed;
    } catch (error) {
      if (!(error instanceof DatasetError)) throw error;
      this.lookAtFile();
      return false;
    }
  }

  /** True if this state of the file is being served, or is known to be invalid. */
  private isKnown(file: FileIdentity): boolean {
    if (this.spooling !== undefined && isSameFile(file, this.spooling.file)) return true;
    if (this.problem === undefined) return isSameFile(file, this.dataset.source);
    const { error, file: tried, retry } = this.problem;
    // A file that couldn't be read may be readable now, even if it hasn't changed.
    const isDue = error.isTransient && performance.now() >= retry.atMs;
    return isSameFile(file, tried) && !isDue;
  }

  private async beginAnew(build: Build): Promise<void> {
    try {
      const { walked } = await this.begin(build);
      await walked;
    } catch (error) {
      this.onFailed(build, error);
    }
  }

  /** True if the file has changed since this edition of it was opened: the outcome of the edition doesn't matter then. */
  private isLeft(build: Build): boolean {
    this.lookAtFile();
    return this.build !== build || this.problem !== undefined;
  }

  /**
   * Records that the current file can't be served. It may change again.
   *
   * @param file the state that can't be served: the file may have changed since
   */
  private fail(problem: unknown, file: FileIdentity): void {
    if (this.isClosed) return;
    if (!(problem instanceof DatasetError)) throw problem;
    if (this.problem?.error.message !== problem.message) {
      this.options.notices.warn({ err: problem }, 'dataset unavailable');
    }
    this.problem = { error: problem, file, retry: nextRetry(this.problem?.retry, performance.now()) };
    this.lookup.problem = problem;
    this.options.notices.changed();
  }
}

const RECORDINGS_SKIPPED = 'lines of recordings that are not valid conversations are skipped';
const APPENDED_SKIPPED = 'appended records that are not conversations are skipped';
const TURNS_LEFT_OUT =
  'rules of NORMALIZE take too long for some turns, or make them too long; these match as they are only';
const SKETCHES_FAILED = 'sketches of turns not made; a miss that needs them tries again';
const RULES_FAILED = 'rules not applied; the next miss tries again';
const NOT_SEARCHED = 'The nearest turn could not be searched.';
const WAITING = 'waiting for another process that converts the dataset';

const NOTHING_ANSWERED = 'no turn of the file has a reply: it answers no prompt';

/** True if the last line of a file that is served as it is isn't complete: it isn't served yet. */
function hasHalfLine({ file, source, body, format }: Dataset): boolean {
  return file === source && format === 'lines' && body.end < file.size;
}

/** True if there is another file now, or another state of it. */
function isReplaced(file: FileIdentity, others: readonly string[]): boolean {
  const now = commonIdentityAt(file.path, others);
  return now !== undefined && !isSameFile(now, file);
}

/** Warns of a field map that the records of a file that is served as it is don't need. */
function warnIfUnmapped(dataset: Dataset, { shapes, notices }: ServedOptions): void {
  const unmapped = unmappedText(shapes.map, {});
  if (unmapped !== undefined) notices.warn({ dataset: dataset.source.path }, unmapped);
}

/**
 * The dataset that a file is, if it is served as it is.
 *
 * @throws DatasetError if it is another split than those that are served
 */
function servedAsIs(
  recognized: Recognized,
  { engine, splits, leavesGrowth }: ServedOptions,
): Dataset | undefined {
  if (recognized.kind !== 'list' || !recognized.isServedAsIs) return undefined;
  assertSplit(recognized.file.path, splits);
  const dataset = datasetOf(recognized);
  const waitsForHalfLine = dataset.file.mayGrow && engine !== 'sweep' && !leavesGrowth;
  return waitsForHalfLine ? withoutHalfLine(dataset) : dataset;
}

/** A file of recordings, which may be empty. @throws DatasetError */
function recordingsAt(path: string): Dataset {
  const file = assertFile(path);
  const body = { start: byteOffset(0), end: byteOffset(file.size) };
  return withoutHalfLine({ ...growing(datasetOf({ file, format: 'lines', body })), skipsInvalid: true });
}

/** A dataset whose file bytes may be appended to. */
function growing(dataset: Dataset): Dataset {
  const file: FileIdentity = { ...dataset.file, mayGrow: true };
  return { ...dataset, file, source: file };
}

/** True if the file of an edition has the bytes that it had, and perhaps more. */
function isCurrent(edition: Edition): boolean {
  return !edition.hasChanged || edition.hasOnlyGrown;
}

function spooledAs(spool: Spool | undefined, source: FileIdentity): Dataset | undefined {
  return spool && datasetOfSpool(spool, source);
}

function datasetOfSpool({ dataset, report }: Spool, source: FileIdentity): Dataset {
  return { ...dataset, source, skipped: report.skipped };
}
