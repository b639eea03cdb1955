import { FILE_CHECK_MS } from '../core/limits.js';
import type { Counts } from '../dataset/counts.js';
import { type Dataset, openDataset } from '../dataset/dataset.js';
import { DatasetError } from '../dataset/dataset-error.js';
import {
  FileChangedError,
  type FileIdentity,
  identityAt,
  isSameFile,
  isSystemError,
} from '../dataset/file.js';
import { Kernel, kernelModule } from '../kernel/kernel.js';
import { CurrentLookup } from '../lookup/current.js';
import { Edition } from '../lookup/edition.js';
import type { SweepCount } from '../lookup/sweep.js';
import type { SharedPool } from '../workers/shared-pool.js';
import type { TokenPool } from '../workers/token-pool.js';
import { Build, type Engine } from './build.js';
import { CountingAhead } from './counting-ahead.js';
import { IndexKeeper } from './index-keeper.js';
import type { Notices } from './notices.js';

/** How a dataset is served. */
export interface ServedOptions {
  readonly engine: Engine;
  /** The threads that read it. */
  readonly pool: SharedPool;
  /** The folder for indexes: see `indexPaths`. */
  readonly indexDir: string | undefined;
  /** Counts the tokens of an index. Its creator closes it. */
  readonly tokens: TokenPool;
  /** True if tokens are counted before a request needs them. */
  readonly countsAhead: boolean;
  readonly notices: Notices;
}

/** The state of a served dataset. */
export interface Status {
  /** False while the file can't be served, and until an engine can answer. */
  readonly isAvailable: boolean;
  /** The engine that answers now. */
  readonly engine: 'sweep' | 'index';
  /** The walked share of the dataset: 0 to 1. */
  readonly progress: number;
  readonly counts: Counts;
}

/** The metrics of a served dataset. */
export interface DatasetFigures extends SweepCount {
  /** Lookups that wait for a sweep. */
  readonly waiting: number;
  /** Turns in the index (0 without an index), and how long it took to build it (0 if it was loaded). */
  readonly indexRows: number;
  readonly indexBuildSeconds: number;
  readonly datasetBytes: number;
}

/** The initial memory of the main thread's kernel, in bytes. */
const KERNEL_BYTES = 1 << 16;

/** The dataset at a path. The file may change: it is checked regularly, and reopened when it has changed. */
export class ServedDataset {
  /** Finds replies in the current state of the file. */
  readonly lookup: CurrentLookup;
  private readonly path: string;
  private readonly options: ServedOptions;
  private readonly keeper: IndexKeeper;
  private readonly kernel = new Kernel(kernelModule(), KERNEL_BYTES);
  /** True while the threads are needed. */
  private usesPool = false;
  private build: Build;
  /** Why the current file can't be served, and which file that is; undefined if it can. */
  private problem: { readonly error: DatasetError; readonly file: FileIdentity } | undefined;
  private walking: Promise<void> = Promise.resolve();
  private counting: CountingAhead | undefined;
  private readonly sweepCount: SweepCount = { sweeps: 0, lookups: 0 };
  private timer: NodeJS.Timeout | undefined;
  private closing: Promise<void> | undefined;

  /**
   * Opens the file. Lookups work only after `start`.
   *
   * @throws DatasetError
   */
  constructor(path: string, options: ServedOptions) {
    this.path = path;
    this.options = options;
    const { indexDir, tokens, notices } = options;
    this.keeper = new IndexKeeper(path, indexDir, tokens.tokenizer, notices);
    this.build = this.open();
    this.lookup = new CurrentLookup(this.build.edition, this.kernel, {
      lookAtFile: () => this.lookAtFile(),
      trapped: (trap) => notices.warn({ err: trap }, 'kernel trapped; replaced'),
    });
  }

  get dataset(): Dataset {
    return this.build.edition.dataset;
  }

  /** Identifies the file's current contents; undefined if the file can't be read. */
  get fingerprint(): string | undefined {
    return this.build.edition.fingerprint;
  }

  get status(): Status {
    const { edition, progress, counts } = this.build;
    const { canAnswer, engine } = edition;
    return { isAvailable: this.problem === undefined && canAnswer, engine, progress, counts };
  }

  /**
   * Resolves when the dataset can be served: immediately if there is a saved index, else after enough of the file was walked.
   *
   * @returns settles when the whole file was walked
   * @throws DatasetError if the file isn't a dataset, or if it was closed meanwhile
   */
  async start(): Promise<{ readonly walked: Promise<void> }> {
    const { build } = this;
    const { walked } = await this.begin(build);
    this.timer = setInterval(() => this.lookAtFile(), FILE_CHECK_MS);
    this.timer.unref();
    return {
      walked: walked.catch((error: unknown) => {
        if (this.isLeft(build)) return;
        if (!(error instanceof DatasetError && error.isTransient)) throw error;
        this.fail(error, build.edition.dataset.file);
      }),
    };
  }

  /** The dataset's metrics. */
  get figures(): DatasetFigures {
    const { edition, table, seconds } = this.build;
    return {
      ...this.sweepCount,
      waiting: edition.waiting,
      indexRows: table?.size.turns ?? 0,
      indexBuildSeconds: seconds,
      datasetBytes: edition.dataset.file.size,
    };
  }

  /** Pauses background work when a request arrives. */
  pauseBackgroundWork(): void {
    this.counting?.pauseBackgroundWork();
  }

  /** Stops all work, releases the threads, and closes the file. */
  close(): Promise<void> {
    this.closing ??= this.closeOnce();
    return this.closing;
  }

  private async closeOnce(): Promise<void> {
    clearInterval(this.timer);
    this.build.close();
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
  private open(): Build {
    const dataset = openDataset(this.path);
    try {
      return new Build(new Edition(dataset, this.kernel), this.kernel);
    } catch (error) {
      if (!(error instanceof FileChangedError) && !isSystemError(error)) throw error;
      throw new DatasetError(this.path, error.message, undefined, true);
    }
  }

  /** Resolves as soon as the edition can be served. `walked` settles when the whole file was walked. */
  private async begin(build: Build): Promise<{ readonly walked: Promise<void> }> {
    const { engine, notices } = this.options;
    // Checking whether a saved index fits a changed file may take long: sweeps answer sooner.
    const isStart = this.timer === undefined;
    const saved = isStart && engine !== 'sweep' ? await this.keeper.load(build.edition.dataset) : undefined;
    if (this.isClosed) throw new DatasetError(this.path, 'it was closed', undefined, true);
    if (saved !== undefined) {
      build.use(saved);
      this.countAhead(build);
      return { walked: this.leavePool() };
    }
    const pool = this.usesPool ? this.options.pool.start() : this.options.pool.take();
    this.usesPool = true;
    let onBegun = () => {};
    const begun = new Promise<void>((resolve) => {
      onBegun = resolve;
    });
    const walked = build
      .walk(pool, engine, this.sweepCount, engine === 'index' ? () => {} : onBegun, (progress) =>
        notices.progress(progress),
      )
      .then(() => this.onWalked(build));
    this.walking = walked.catch(() => undefined);
    await Promise.race([begun, walked]);
    return { walked };
  }

  private async onWalked(build: Build): Promise<void> {
    const { edition, table, counts } = build;
    this.options.notices.walked(counts);
    const { turns, conversations } = counts;
    if (table === undefined) {
      this.options.notices.info({ conversations, turns }, 'dataset read');
      return;
    }
    this.options.notices.info(
      { conversations, turns, seconds: Number(build.seconds.toFixed(3)) },
      'index ready',
    );
    this.keeper.keep(edition.dataset, { table, counts });
    this.countAhead(build);
    await edition.sweepsEnded();
    if (this.build === build && !this.isClosed) await this.leavePool();
  }

  /** Releases the threads: an index doesn't need them, and they take memory. */
  private async leavePool(): Promise<void> {
    if (!this.usesPool) return;
    this.usesPool = false;
    await this.options.pool.give();
  }

  /** Counts the tokens of an edition while the server is idle, and saves the counts. */
  private countAhead(build: Build): void {
    const { table, edition, counts } = build;
    // A walk may end after the file has changed: it must not stop the counting for a newer edition.
    if (table === undefined || this.isClosed || this.build !== build) return;
    this.counting?.stop();
    this.counting = undefined;
    const { tokens, countsAhead, notices } = this.options;
    if (!countsAhead) return;
    const logCounted = () => notices.info({ turns: counts.turns }, 'tokens counted');
    if (table.uncounted === 0) {
      logCounted();
      return;
    }
    this.counting = new CountingAhead(tokens, edition.dataset.file, table, () => {
      logCounted();
      this.saveCounts();
    });
  }

  /** Saves the index again if more tokens were counted since it was saved. */
  private saveCounts(): void {
    const { table, edition, counts } = this.build;
    const now = identityAt(this.path);
    if (table === undefined || now === undefined || !isSameFile(now, edition.dataset.file)) return;
    this.keeper.keepCounts(edition.dataset, { table, counts });
  }

  /** Checks whether the file has changed, and reopens it if so. A timer also calls this every `FILE_CHECK_MS`. */
  lookAtFile(): void {
    const now = identityAt(this.path);
    if (this.isClosed || now === undefined || this.isKnown(now)) return;
    try {
      const build = this.open();
      this.options.notices.info({ dataset: this.path }, 'dataset changed; reading it again');
      this.build.close();
      this.build = build;
      this.problem = undefined;
      this.lookup.replaceBy(build.edition);
      this.options.notices.changed();
      this.beginAnew(build);
    } catch (error) {
      this.fail(error, now);
    }
  }

  /** True if this state of the file is being served, or is known to be invalid. */
  private isKnown(file: FileIdentity): boolean {
    if (this.problem === undefined) return isSameFile(file, this.dataset.file);
    const { error, file: tried } = this.problem;
    // A file that couldn't be read may be readable now, even if it hasn't changed.
    return !error.isTransient && isSameFile(file, tried);
  }

  private async beginAnew(build: Build): Promise<void> {
    try {
      const { walked } = await this.begin(build);
      await walked;
    } catch (error) {
      if (!this.isLeft(build)) this.fail(error, build.edition.dataset.file);
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
    this.problem = { error: problem, file };
    this.lookup.problem = problem;
    this.options.notices.changed();
  }
}
