import { createHash } from 'node:crypto';
import { FILE_CHECK_MS } from '../core/limits.js';
import { firstFound, type MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import { type Counts, NOTHING_COUNTED } from '../dataset/counts.js';
import { type Parts, partsOf } from '../dataset/parts.js';
import { LayeredLookup } from '../lookup/layered.js';
import type { Lookup, Similar } from '../lookup/lookup.js';
import type { DatasetFigures, Served, Status } from './served.js';
import { ServedDataset, type ServedOptions } from './served-dataset.js';

/** A dataset of several files: its parts are layers, in the order of their names. */
export class ServedParts implements Served {
  readonly lookup: Lookup;
  readonly path: string;
  private readonly options: ServedOptions;
  private parts: readonly ServedDataset[];
  private timer: NodeJS.Timeout | undefined;
  private updating: Promise<void> | undefined;
  private readonly closing = new AbortController();

  private constructor(path: string, options: ServedOptions, parts: readonly ServedDataset[]) {
    this.path = path;
    this.options = options;
    this.parts = parts;
    this.lookup = new LayeredLookup(() => this.parts);
  }

  /**
   * Opens the files.
   *
   * @param path a folder, or a pattern
   * @param signal gives up
   * @throws DatasetError
   */
  static async open(path: string, options: ServedOptions, signal?: AbortSignal): Promise<ServedParts> {
    const parts: ServedDataset[] = [];
    try {
      const { files, splits } = partsOf(path, options.splits);
      for (const file of files) parts.push(await ServedDataset.open(file, { ...options, splits }, signal));
    } catch (error) {
      for (const part of parts) part.close();
      throw error;
    }
    return new ServedParts(path, options, parts);
  }

  async start(): Promise<{ readonly walked: Promise<void> }> {
    const walks: Promise<void>[] = [];
    for (const part of this.parts) {
      const { walked } = await part.start();
      walked.catch(() => undefined);
      walks.push(walked);
    }
    this.timer = setInterval(() => this.lookAtFile(), FILE_CHECK_MS);
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

  pauseBackgroundWork(): void {
    for (const part of this.parts) part.pauseBackgroundWork();
  }

  /** Checks whether files were added or removed. Each part looks after its own file. */
  lookAtFile(): void {
    for (const part of this.parts) part.lookAtFile();
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
      // What was served is served on until there is something else.
      return;
    }
    const { files, splits } = found;
    const known = new Map(this.parts.map((part) => [part.path, part]));
    const isSame = files.length === known.size && files.every((file) => known.has(file));
    if (isSame) return;
    const next: ServedDataset[] = [];
    for (const file of files) {
      const part = known.get(file) ?? (await this.opened(file, splits));
      if (part !== undefined) next.push(part);
    }
    const removed = this.parts.filter((part) => !next.includes(part));
    if (this.closing.signal.aborted || (removed.length === 0 && next.length === this.parts.length)) {
      for (const part of next) if (!known.has(part.path)) await part.close();
      return;
    }
    this.parts = next;
    notices.info({ dataset: this.path, files: next.length }, 'dataset has other files now');
    notices.changed();
    for (const part of removed) await part.close();
  }

  /** A file that was added, ready to answer; undefined if it can't be served. */
  private async opened(file: string, splits: readonly string[]): Promise<ServedDataset | undefined> {
    try {
      const part = await ServedDataset.open(file, { ...this.options, splits }, this.closing.signal);
      const { walked } = await part.start();
      walked.catch(() => undefined);
      return part;
    } catch (error) {
      if (!this.refused.has(file))
        this.options.notices.warn({ err: error }, 'a file of the dataset is not served');
      this.refused.add(file);
      return undefined;
    }
  }

  /** Files that were added and can't be served: the log has each once. */
  private readonly refused = new Set<string>();
}

function addCounts(one: Counts, other: Counts): Counts {
  return {
    conversations: one.conversations + other.conversations,
    turns: one.turns + other.turns,
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
