import { statSync } from 'node:fs';
import { AppError } from '../core/errors.js';
import { FILE_CHECK_MS } from '../core/limits.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import type { Counts } from '../dataset/counts.js';
import { DatasetError, openDataset } from '../dataset/dataset.js';
import {
  FileChangedError,
  type FileIdentity,
  identityOf,
  isSameFile,
  isSystemError,
} from '../dataset/file.js';
import type { IndexTable } from '../index/table.js';
import { Kernel, kernelModule } from '../kernel/kernel.js';
import type { Alike, Lookup, Match } from '../lookup/lookup.js';
import type { SweepCount } from '../lookup/sweep.js';
import type { SharedPool } from '../workers/shared-pool.js';
import type { TokenPool } from '../workers/token-pool.js';
import { CountingAhead } from './counting-ahead.js';
import { Edition, type Engine } from './edition.js';
import { IndexKeeper } from './index-keeper.js';
import type { Notices } from './notices.js';

/** How a dataset is served. */
export interface ServedOptions {
  readonly engine: Engine;
  /** The threads that read it. */
  readonly pool: SharedPool;
  /** Where indexes are kept: see `indexPaths`. */
  readonly indexDir: string | undefined;
  /** Counts the tokens of an index. It ends with whoever has made it. */
  readonly tokens: TokenPool;
  /** True if they are counted before anybody asks. */
  readonly countsAhead: boolean;
  readonly notices: Notices;
}

/** How far the dataset is known. */
export interface Status {
  /** False while the file is none that can be served, and while nothing of it can be answered yet. */
  readonly isAvailable: boolean;
  /** The engine that answers now. */
  readonly engine: 'sweep' | 'index';
  /** How much of the dataset was walked: 0 to 1. */
  readonly progress: number;
  readonly counts: Counts;
}

/** What is counted of a dataset that is served. */
export interface DatasetFigures extends SweepCount {
  /** Lookups that wait for a sweep. */
  readonly waiting: number;
  /** Turns in the index, 0 while there is none, and how long it took to make it, 0 if it was loaded. */
  readonly indexRows: number;
  readonly indexBuildSeconds: number;
  readonly datasetBytes: number;
}

/** What main memory the kernel of the main thread begins with, in bytes. */
const KERNEL_BYTES = 1 << 16;

/** The dataset behind a path, whatever becomes of the file: it is looked at again and again, and opened anew when it changed. */
export class ServedDataset implements Lookup {
  private readonly path: string;
  private readonly options: ServedOptions;
  private readonly keeper: IndexKeeper;
  private readonly kernel = new Kernel(kernelModule(), KERNEL_BYTES);
  /** True while the threads are needed. */
  private usesPool = false;
  private edition: Edition;
  /** True once another state of the file was opened than the one at the start. */
  private hasChanged = false;
  /** Why the file can't be served as it is now, and which file that is; undefined if it can. */
  private problem: { readonly error: DatasetError; readonly file: FileIdentity } | undefined;
  private walking: Promise<void> = Promise.resolve();
  private counting: CountingAhead | undefined;
  /** How many turns of the index had their tokens still to be counted when it was saved or loaded. */
  private savedUncounted = 0;
  private readonly sweepCount: SweepCount = { sweeps: 0, riders: 0 };
  private timer: NodeJS.Timeout | undefined;
  private closing: Promise<void> | undefined;

  /**
   * Opens the file. Nothing of it is answered yet: see `start`.
   *
   * @throws DatasetError
   */
  constructor(path: string, options: ServedOptions) {
    this.path = path;
    this.options = options;
    const { indexDir, tokens, notices } = options;
    this.keeper = new IndexKeeper(path, indexDir, tokens.tokenizer, notices);
    this.edition = this.openEdition();
  }

  get dataset(): Edition['dataset'] {
    return this.edition.dataset;
  }

  /** A name for what the file holds now; undefined if it can't be read. */
  get fingerprint(): string | undefined {
    return this.edition.fingerprint;
  }

  get status(): Status {
    const { canAnswer, engine, progress, counts } = this.edition;
    return { isAvailable: this.problem === undefined && canAnswer, engine, progress, counts };
  }

  /**
   * Comes back when the dataset can be served: at once if there is a saved index, else when enough of the file was walked.
   *
   * @returns settles when all of the file was walked
   * @throws DatasetError if the file holds no dataset, or when it was closed meanwhile
   */
  async start(): Promise<{ readonly walked: Promise<void> }> {
    const { edition } = this;
    const { walked } = await this.begin(edition);
    this.timer = setInterval(() => this.lookAtFile(), FILE_CHECK_MS);
    this.timer.unref();
    return {
      walked: walked.catch((error: unknown) => {
        if (this.isLeft(edition)) return;
        if (!(error instanceof DatasetError && error.isTransient)) throw error;
        this.fail(error, edition.dataset.file);
      }),
    };
  }

  /** What is counted, for who looks after the server. */
  get figures(): DatasetFigures {
    const { dataset, table, buildSeconds, waiting } = this.edition;
    return {
      ...this.sweepCount,
      waiting,
      indexRows: table?.size.turns ?? 0,
      indexBuildSeconds: buildSeconds,
      datasetBytes: dataset.file.size,
    };
  }

  /** Somebody asks something: what is done while nobody does gives way. */
  giveWay(): void {
    this.counting?.giveWay();
  }

  get isImmediate(): boolean {
    return this.edition.isImmediate;
  }

  find(query: Query, signal?: () => AbortSignal): MaybePromise<Match | undefined> {
    if (this.problem !== undefined) throw new AppError('dataset_changed', { cause: this.problem.error });
    const asked = this.edition;
    const again = (error: unknown) => this.findAgain(asked, error, query, signal);
    try {
      const found = asked.find(query, signal);
      return found instanceof Promise ? found.catch(again) : found;
    } catch (error) {
      return again(error);
    }
  }

  /** Looks whether the file is why a lookup has failed: in another file, it may succeed. */
  private async findAgain(
    asked: Edition,
    error: unknown,
    query: Query,
    signal: (() => AbortSignal) | undefined,
  ): Promise<Match | undefined> {
    if (error instanceof WebAssembly.RuntimeError) throw this.replaceKernel(error);
    if (!(error instanceof AppError) || !FILE_ERRORS.has(error.code)) throw error;
    this.lookAtFile();
    if (this.edition === asked) throw this.explained(error);
    try {
      return await this.edition.find(query, signal);
    } catch (again) {
      throw this.explained(again);
    }
  }

  /** A turn that is like the prompt of a query that finds nothing; undefined if none is known at once. */
  alike(query: Query): Alike | undefined {
    try {
      return this.edition.alike(query);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      this.replaceKernel(error);
      return undefined;
    }
  }

  /** After a trap the kernel's memory is undefined: replaces the instance. Returns what the request that met it is told. */
  private replaceKernel(trap: WebAssembly.RuntimeError): AppError {
    this.options.notices.warn({ err: trap }, 'the kernel trapped; replaced');
    this.kernel.renew();
    return new AppError('worker_failed', { cause: trap });
  }

  /** A file that was valid once may be again: unlike at the start, one that isn't doesn't end the server. */
  private explained(error: unknown): unknown {
    const isInvalid = error instanceof AppError && error.code === 'dataset_invalid';
    return isInvalid && this.hasChanged ? new AppError('dataset_changed', { cause: error }) : error;
  }

  /** Ends the threads, and lets go of the file. */
  close(): Promise<void> {
    this.closing ??= this.closeOnce();
    return this.closing;
  }

  private async closeOnce(): Promise<void> {
    clearInterval(this.timer);
    this.edition.close();
    await this.walking;
    await this.counting?.stop();
    this.saveCounts();
    await this.keeper.settled;
    await this.leavePool();
  }

  private get isClosed(): boolean {
    return this.closing !== undefined;
  }

  /** @throws DatasetError */
  private openEdition(): Edition {
    const dataset = openDataset(this.path);
    try {
      return new Edition(dataset, this.kernel, this.sweepCount);
    } catch (error) {
      if (!(error instanceof FileChangedError) && !isSystemError(error)) throw error;
      throw new DatasetError(this.path, error.message, undefined, true);
    }
  }

  /** Comes back as soon as the edition can be served; the promise inside settles when all of it was walked. */
  private async begin(edition: Edition): Promise<{ readonly walked: Promise<void> }> {
    if (this.loadIndex(edition)) {
      this.countAhead(edition);
      return { walked: this.leavePool() };
    }
    const pool = this.usesPool ? this.options.pool.start() : this.options.pool.take();
    this.usesPool = true;
    let onBegun = () => {};
    const begun = new Promise<void>((resolve) => {
      onBegun = resolve;
    });
    const { engine, notices } = this.options;
    const walked = edition
      .walk(pool, engine, engine === 'index' ? () => {} : onBegun, (progress) => notices.progress(progress))
      .then((table) => this.onWalked(edition, table));
    this.walking = walked.catch(() => undefined);
    await Promise.race([begun, walked]);
    return { walked };
  }

  private async onWalked(edition: Edition, table: IndexTable | undefined): Promise<void> {
    this.options.notices.walked(edition.counts);
    if (table === undefined) return;
    const { turns, conversations } = edition.counts;
    this.options.notices.info({ conversations, turns }, 'the index stands');
    this.keeper.keep(edition.dataset, { table, counts: edition.counts });
    this.countAhead(edition);
    await edition.sweepsEnded();
    if (this.edition === edition && !this.isClosed) await this.leavePool();
  }

  /** An index needs no threads: they cost memory. */
  private async leavePool(): Promise<void> {
    if (!this.usesPool) return;
    this.usesPool = false;
    await this.options.pool.give();
  }

  private loadIndex(edition: Edition): boolean {
    const loaded = this.options.engine === 'sweep' ? undefined : this.keeper.load(edition.dataset);
    if (loaded !== undefined) edition.use(loaded);
    return loaded !== undefined;
  }

  /** Counts the tokens of an edition while there is nothing else to do, and saves their counts. */
  private countAhead(edition: Edition): void {
    const { table } = edition;
    // A walk may be through after the file has changed: it must not stop the counting of what came since.
    if (table === undefined || this.isClosed || this.edition !== edition) return;
    this.counting?.stop();
    this.counting = undefined;
    this.savedUncounted = table.uncounted;
    const { tokens, countsAhead, notices } = this.options;
    if (!countsAhead) return;
    const tell = () => notices.info({ turns: edition.counts.turns }, 'all tokens are counted');
    if (this.savedUncounted === 0) {
      tell();
      return;
    }
    this.counting = new CountingAhead(tokens, edition.dataset.file, table, () => {
      tell();
      this.saveCounts();
    });
  }

  /** Saves the index again if more tokens were counted since. */
  private saveCounts(): void {
    const { edition } = this;
    const { table, dataset } = edition;
    const now = this.identity();
    if (table === undefined || now === undefined || !isSameFile(now, dataset.file)) return;
    const { uncounted } = table;
    if (uncounted === this.savedUncounted) return;
    this.savedUncounted = uncounted;
    this.keeper.keep(dataset, { table, counts: edition.counts });
  }

  /** Looks whether the file is still the one that is served, and opens it anew if it isn't. It does so every second by itself. */
  lookAtFile(): void {
    const now = this.identity();
    if (this.isClosed || now === undefined || this.isKnown(now)) return;
    try {
      const edition = this.openEdition();
      this.options.notices.info({ dataset: this.path }, 'the dataset has changed: it is read anew');
      this.edition.close();
      this.edition = edition;
      this.hasChanged = true;
      this.problem = undefined;
      this.options.notices.changed();
      this.beginAnew(edition);
    } catch (error) {
      this.fail(error, now);
    }
  }

  /** True if the file is the one that is served, or one of which it is known that it can't be. */
  private isKnown(file: FileIdentity): boolean {
    if (this.problem === undefined) return isSameFile(file, this.edition.dataset.file);
    const { error, file: tried } = this.problem;
    // What could not be read once may be read now, though nothing else has changed.
    return !error.isTransient && isSameFile(file, tried);
  }

  private async beginAnew(edition: Edition): Promise<void> {
    try {
      const { walked } = await this.begin(edition);
      await walked;
    } catch (error) {
      if (!this.isLeft(edition)) this.fail(error, edition.dataset.file);
    }
  }

  /** True if the file has changed since that edition of it was opened: what became of the edition doesn't matter then. */
  private isLeft(edition: Edition): boolean {
    this.lookAtFile();
    return this.edition !== edition || this.problem !== undefined;
  }

  /**
   * The file can't be served as it is now. It may change again.
   *
   * @param file the state of it that can't: it may have changed already since it was tried
   */
  private fail(problem: unknown, file: FileIdentity): void {
    if (this.isClosed) return;
    if (!(problem instanceof DatasetError)) throw problem;
    if (this.problem?.error.message !== problem.message) {
      this.options.notices.warn({ err: problem }, 'the dataset cannot be served as it is now');
    }
    this.problem = { error: problem, file };
    this.options.notices.changed();
  }

  private identity(): FileIdentity | undefined {
    try {
      return identityOf(this.path, statSync(this.path));
    } catch {
      return undefined;
    }
  }
}

/** Failures that a file which changed may be the reason for. */
const FILE_ERRORS: ReadonlySet<string> = new Set([
  'dataset_changed',
  'dataset_unreadable',
  'dataset_invalid',
]);
