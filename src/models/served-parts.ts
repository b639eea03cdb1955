import { createHash } from 'node:crypto';
import { FILE_CHECK_MS } from '../core/limits.js';
import { firstFound, type MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import { type Counts, NOTHING_COUNTED } from '../dataset/counts.js';
import { DatasetError } from '../dataset/dataset-error.js';
import { type FileIdentity, identityAt, isSameFile } from '../dataset/file.js';
import { noneServed, type Parts, partsOf } from '../dataset/parts.js';
import { LayeredLookup } from '../lookup/layered.js';
import type { Lookup, NearestQuery, NearMatch, Sharing, Similar } from '../lookup/lookup.js';
import { nearestOf, sharingOf } from '../lookup/nearest-layers.js';
import type { DatasetFigures, Served, Status } from './served.js';
import { ServedDataset, type ServedOptions } from './served-dataset.js';

/** Why a file is left out, and which state of it. */
interface Refusal {
  readonly error: DatasetError;
  readonly file: FileIdentity | undefined;
}

/** A dataset of several files: its parts are layers, in the order of their names. Files that can't be served are left out. */
export class ServedParts implements Served {
  readonly lookup: Lookup;
  readonly path: string;
  private readonly options: ServedOptions;
  /** At least one. */
  private parts: readonly ServedDataset[] = [];
  private readonly refused = new Map<string, Refusal>();
  private timer: NodeJS.Timeout | undefined;
  private updating: Promise<void> | undefined;
  private readonly closing = new AbortController();

  private constructor(path: string, options: ServedOptions) {
    this.path = path;
    this.options = options;
    this.lookup = new LayeredLookup(() => this.parts);
  }

  /**
   * Opens the files.
   *
   * @param path a folder, or a pattern
   * @param signal gives up
   * @throws DatasetError if no file can be served
   */
  static async open(path: string, options: ServedOptions, signal?: AbortSignal): Promise<ServedParts> {
    const served = new ServedParts(path, options);
    try {
      const { files, splits } = partsOf(path, options.splits);
      for (const file of files) await served.add(file, splits, signal);
    } catch (error) {
      await served.close();
      throw error;
    }
    if (served.parts.length === 0) throw served.noneServed();
    return served;
  }

  async start(): Promise<{ readonly walked: Promise<void> }> {
    const walks: Promise<void>[] = [];
    for (const part of this.parts) {
      const before = identityAt(part.path);
      const leaveOut = (error: unknown) => this.leaveOut(part, error, before);
      const started = await part.start().catch(leaveOut);
      const walked = started?.walked.catch(leaveOut) ?? Promise.resolve();
      walked.catch(() => undefined);
      walks.push(walked);
    }
    this.timer = setInterval(() => this.lookForFiles(), FILE_CHECK_MS);
    this.timer.unref();
    return { walked: Promise.all(walks).then(() => undefined) };
  }

  get bytes(): number {
    return this.parts.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get modifiedMs(): number {
    return Math.max(...this.parts.map(({ modifiedMs }) => modifiedMs));
  }

  get fingerprint(): string | undefined {
    const all = this.parts.map(({ fingerprint }) => fingerprint);
    if (all.includes(undefined)) return undefined;
    return `fp_${createHash('sha256').update(all.join()).digest('hex').slice(0, 10)}`;
  }

  get status(): Status {
    const all = this.parts.map(({ status }) => status);
    const read = this.parts.reduce((sum, { bytes, status }) => sum + bytes * status.progress, 0);
    return {
      isAvailable: all.every(({ isAvailable }) => isAvailable),
      engine: all.every(({ engine }) => engine === 'index') ? 'index' : 'sweep',
      progress: read / Math.max(1, this.bytes),
      counts: all.map(({ counts }) => counts).reduce(addCounts, NOTHING_COUNTED),
    };
  }

  get figures(): DatasetFigures {
    return this.parts.map(({ figures }) => figures).reduce(addFigures);
  }

  similar(query: Query, signal?: () => AbortSignal): MaybePromise<Similar | undefined> {
    return firstFound(this.parts, (part) => part.similar(query, signal));
  }

  sharing(query: Query, signal?: () => AbortSignal): MaybePromise<Sharing | undefined> {
    return sharingOf(
      this.parts.map((lookup) => ({ lookup })),
      query,
      signal,
    );
  }

  nearest(asked: NearestQuery, signal?: () => AbortSignal): MaybePromise<readonly NearMatch[]> {
    return nearestOf(
      this.parts.map((lookup) => ({ lookup })),
      asked,
      signal,
    );
  }

  pauseBackgroundWork(): void {
    for (const part of this.parts) part.pauseBackgroundWork();
  }

  lookAtFile(): void {
    for (const part of this.parts) part.lookAtFile();
    this.lookForFiles();
  }

  /** Checks whether files were added or removed. Each part has a timer that checks its own file. */
  private lookForFiles(): void {
    this.updating ??= this.update().finally(() => {
      this.updating = undefined;
    });
  }

  async close(): Promise<void> {
    this.closing.abort();
    clearInterval(this.timer);
    await this.updating;
    await Promise.all(this.parts.map((part) => part.close()));
  }

  private async update(): Promise<void> {
    const { notices } = this.options;
    let found: Parts;
    try {
      found = partsOf(this.path, this.options.splits);
    } catch {
      // Keep serving the current parts.
      return;
    }
    const { files, splits } = found;
    for (const file of this.refused.keys()) if (!files.includes(file)) this.refused.delete(file);
    const known = new Map(this.parts.map((part) => [part.path, part]));
    const opened: ServedDataset[] = [];
    for (const file of files) {
      const part = known.get(file) ?? (this.isRefused(file) ? undefined : await this.opened(file, splits));
      if (part !== undefined) opened.push(part);
    }
    // A part may have been left out meanwhile.
    const next = opened.filter(({ path }) => !this.refused.has(path));
    const left = new Set(next);
    const removed = this.parts.filter((part) => !left.has(part));
    const isSame = removed.length === 0 && next.length === this.parts.length;
    // Keep serving the current parts.
    if (isSame || next.length === 0 || this.closing.signal.aborted) {
      for (const part of next) if (!known.has(part.path)) await part.close();
      return;
    }
    this.parts = next;
    notices.info({ dataset: this.path, files: next.length }, 'dataset has other files now');
    notices.changed();
    for (const part of removed) await part.close();
  }

  /** Opens a file; leaves it out if it can't be served. */
  private async add(file: string, splits: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    const before = identityAt(file);
    try {
      this.parts = [...this.parts, await ServedDataset.open(file, { ...this.options, splits }, signal)];
    } catch (error) {
      if (signal?.aborted) throw error;
      this.refuse(file, error, before);
    }
  }

  /**
   * Leaves out a part that can't be served after all.
   *
   * @throws DatasetError if it is the only one, or if the dataset was closed
   */
  private async leaveOut(
    part: ServedDataset,
    error: unknown,
    file: FileIdentity | undefined,
  ): Promise<undefined> {
    if (this.closing.signal.aborted) throw error;
    this.refuse(part.path, error, file);
    if (this.parts.length === 1 && this.parts[0] === part) throw this.noneServed();
    this.parts = this.parts.filter((each) => each !== part);
    this.options.notices.changed();
    await part.close();
  }

  /** A file that was added, ready to answer; undefined if it can't be served. */
  private async opened(file: string, splits: readonly string[]): Promise<ServedDataset | undefined> {
    const before = identityAt(file);
    let part: ServedDataset | undefined;
    try {
      part = await ServedDataset.open(file, { ...this.options, splits }, this.closing.signal);
      const { walked } = await part.start();
      this.refused.delete(file);
      const added = part;
      walked.catch((error) => this.leaveOut(added, error, before)).catch(() => undefined);
      return added;
    } catch (error) {
      await part?.close();
      if (!this.closing.signal.aborted) this.refuse(file, error, before);
      return undefined;
    }
  }

  /** Records that a file is left out. The log has each reason once. */
  private refuse(path: string, error: unknown, file: FileIdentity | undefined): void {
    if (!(error instanceof DatasetError)) throw error;
    if (this.refused.get(path)?.error.message !== error.message)
      this.options.notices.warn({ err: error }, 'a file of the dataset is not served');
    this.refused.set(path, { error, file });
  }

  /** True if that state of the file is known to be invalid. */
  private isRefused(path: string): boolean {
    const refusal = this.refused.get(path);
    if (refusal === undefined || refusal.error.isTransient) return false;
    const now = identityAt(path);
    return now !== undefined && refusal.file !== undefined && isSameFile(now, refusal.file);
  }

  private noneServed(): DatasetError {
    return noneServed(
      this.path,
      [...this.refused.values()].map(({ error }) => error),
    );
  }
}

function addCounts(one: Counts, other: Counts): Counts {
  return {
    conversations: one.conversations + other.conversations,
    turns: one.turns + other.turns,
    replies: one.replies + other.replies,
    leftOut: one.leftOut + other.leftOut,
    skipped: one.skipped + other.skipped,
    skippedAt: one.skippedAt.length > 0 ? one.skippedAt : other.skippedAt,
    example: one.example ?? other.example,
  };
}

function addFigures(one: DatasetFigures, other: DatasetFigures): DatasetFigures {
  return {
    sweeps: one.sweeps + other.sweeps,
    lookups: one.lookups + other.lookups,
    waiting: one.waiting + other.waiting,
    indexRows: one.indexRows + other.indexRows,
    indexBuildSeconds: one.indexBuildSeconds + other.indexBuildSeconds,
    datasetBytes: one.datasetBytes + other.datasetBytes,
  };
}
