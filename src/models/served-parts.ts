import { createHash } from 'node:crypto';
import { FILE_CHECK_MS } from '../core/limits.js';
import { firstFound, type MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import type { Corpus } from '../corpus/corpus.js';
import { PartsCorpus } from '../corpus/parts-corpus.js';
import { addCounts, type Counts, NOTHING_COUNTED } from '../dataset/counts.js';
import type { Dataset } from '../dataset/dataset.js';
import { DatasetError } from '../dataset/dataset-error.js';
import { commonIdentityAt, type FileIdentity, identityAt } from '../dataset/file.js';
import { noneServed, type Parts, PartsFinder } from '../dataset/parts.js';
import { LayeredLookup } from '../lookup/layered.js';
import type { Candidates, Lookup, NearestQuery, Sharing, Similar } from '../lookup/lookup.js';
import { candidatesOf, sharingOf } from '../lookup/nearest-layers.js';
import {
  alone,
  type FileGroup,
  identityOfGroup,
  JoinedFiles,
  keyOf,
  withoutFailed,
  withoutFiles,
} from './joined-files.js';
import { Refusals } from './refusals.js';
import type { DatasetFigures, DatasetSize, Published, Saved, Served, Status } from './served.js';
import { ServedDataset, type ServedOptions } from './served-dataset.js';

/**
 * A dataset of several files: its parts are layers, in the order of their names. Files that can't be served are left out. A part has several
 * files if conversations are spread over them.
 */
export class ServedParts implements Served {
  readonly lookup: Lookup;
  readonly corpus: Corpus;
  readonly path: string;
  private readonly options: ServedOptions;
  /** At least one. */
  private parts: readonly ServedDataset[] = [];
  private readonly refused = new Refusals();
  /** Files that are left out of groups. */
  private readonly leftOut = new Refusals();
  private readonly joined: JoinedFiles;
  private readonly finder: PartsFinder;
  /** The files when they were last opened. */
  private found: Parts | undefined;
  private timer: NodeJS.Timeout | undefined;
  private updating: Promise<void> | undefined;
  private readonly closing = new AbortController();

  private constructor(path: string, options: ServedOptions) {
    this.path = path;
    this.finder = new PartsFinder(path, options.splits);
    this.options = options;
    this.joined = new JoinedFiles(options.shapes);
    this.lookup = new LayeredLookup(() => this.parts);
    this.corpus = new PartsCorpus(() => this.parts.map(({ corpus }) => corpus));
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
      const { files, splits } = await served.finder.find();
      for (const group of await served.joined.groups(files)) {
        const open = ({ path, others }: FileGroup) =>
          ServedDataset.open(path, { ...options, splits }, signal, others);
        const part = await served.openedOf(group, open, signal);
        if (part !== undefined) served.parts = [...served.parts, part];
      }
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
      const before = identityOfGroup(part);
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

  get datasets(): readonly Dataset[] {
    return this.parts.map(({ dataset }) => dataset);
  }

  get bytes(): number {
    return this.parts.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get modifiedMs(): number {
    return this.parts.reduce((latest, { modifiedMs }) => Math.max(latest, modifiedMs), 0);
  }

  get fingerprint(): string | undefined {
    const all = this.parts.map(({ fingerprint }) => fingerprint);
    if (all.includes(undefined)) return undefined;
    return `fp_${createHash('sha256').update(all.join()).digest('hex').slice(0, 10)}`;
  }

  get state(): Published | undefined {
    const states = this.parts.map(({ state }) => state);
    const parts = states.flatMap((state) => state?.parts ?? []);
    if (states.includes(undefined)) return undefined;
    const { fingerprint, modifiedMs } = this;
    return { parts, fingerprint, modifiedMs, counts: this.status.counts };
  }

  get status(): Status {
    let isAvailable = true;
    let engine: Status['engine'] = 'index';
    let read = 0;
    let counts = NOTHING_COUNTED;
    for (const { status, bytes } of this.parts) {
      isAvailable &&= status.isAvailable;
      if (status.engine === 'sweep') engine = 'sweep';
      read += bytes * status.progress;
      counts = addPart(counts, status.counts);
    }
    return { isAvailable, engine, progress: read / Math.max(1, this.bytes), counts };
  }

  get size(): DatasetSize {
    const sizes = this.parts.map(({ size }) => size);
    const indexes = sizes.map(({ indexBytes }) => indexBytes);
    return {
      bytes: this.bytes,
      files: sizes.reduce((sum, { files }) => sum + files, 0),
      indexBytes: indexes.includes(undefined)
        ? undefined
        : indexes.reduce<number>((sum, each) => sum + (each ?? 0), 0),
      modifiedMs: this.modifiedMs,
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

  candidates(asked: NearestQuery, signal?: () => AbortSignal): MaybePromise<Candidates> {
    return candidatesOf(
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

  async save(onCounted?: (share: number) => void): Promise<Saved> {
    const { parts, bytes } = this;
    const indexes: string[] = [];
    let turnsCounted = 0;
    let bytesBefore = 0;
    for (const part of parts) {
      const before = bytesBefore;
      const onPart =
        onCounted && ((share: number) => onCounted((before + share * part.bytes) / Math.max(1, bytes)));
      const saved = await part.save(onPart);
      indexes.push(...saved.indexes);
      turnsCounted += saved.turnsCounted;
      bytesBefore += part.bytes;
    }
    return { indexes, turnsCounted };
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
      found = await this.finder.find();
    } catch {
      // Keep serving the current parts.
      return;
    }
    if (found === this.found && !this.joined.isGrouping && !(await this.hasDue())) return;
    this.found = found;
    const { files, splits } = found;
    for (const refusals of [this.refused, this.leftOut]) refusals.forgetOthers(files);
    const known = new Map(this.parts.map((part) => [keyOf(part), part]));
    const opened: ServedDataset[] = [];
    for (const group of await this.joined.groups(files)) {
      const part = await this.openedOf(
        group,
        async (some) => known.get(keyOf(some)) ?? this.opened(some, splits),
      );
      if (part !== undefined) opened.push(part);
    }
    // A part may have been left out meanwhile.
    const next = opened.filter((part) => !this.refused.hasAny(part));
    const left = new Set(next);
    const removed = this.parts.filter((part) => !left.has(part));
    const isSame = removed.length === 0 && next.length === this.parts.length;
    // Keep serving the current parts.
    if (isSame || next.length === 0 || this.closing.signal.aborted) {
      for (const part of next) if (!known.has(keyOf(part))) await part.close();
      return;
    }
    this.parts = next;
    notices.info(
      { dataset: this.path, files: next.reduce((sum, { others }) => sum + 1 + others.length, 0) },
      'dataset has other files now',
    );
    notices.changed();
    for (const part of removed) {
      await part.close();
      if (isLeft(part.path, next)) part.removeSpools();
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
    this.refuse(this.refused, part, error, file);
    if (this.parts.length === 1 && this.parts[0] === part) throw this.noneServed();
    this.parts = this.parts.filter((each) => each !== part);
    this.options.notices.changed();
    await part.close();
  }

  /**
   * The part that `open` makes of a group; undefined if it can't be served. If only one of its files can't be read, the others are served.
   *
   * @param signal gives up
   * @throws what `open` throws, unless it is a DatasetError
   */
  private async openedOf(
    group: FileGroup,
    open: (group: FileGroup) => Promise<ServedDataset>,
    signal?: AbortSignal,
  ): Promise<ServedDataset | undefined> {
    let wanted = withoutFiles(group, (path) => this.leftOut.has(alone(path)));
    while (wanted !== undefined && !this.refused.has(wanted)) {
      const some: FileGroup = wanted;
      const before = identityOfGroup(some);
      try {
        return await open(some);
      } catch (error) {
        if (signal?.aborted) throw error;
        if (this.closing.signal.aborted) return undefined;
        if (!(error instanceof DatasetError)) throw error;
        wanted = withoutFailed(some, error);
        if (wanted === undefined) this.refuse(this.refused, some, error, before);
        else this.refuse(this.leftOut, alone(error.path), error, commonIdentityAt(error.path, []));
      }
    }
    return undefined;
  }

  /** Some files that were added, ready to answer. */
  private async opened(group: FileGroup, splits: readonly string[]): Promise<ServedDataset> {
    const before = identityOfGroup(group);
    const { signal } = this.closing;
    const part = await ServedDataset.open(group.path, { ...this.options, splits }, signal, group.others);
    try {
      const { walked } = await part.start();
      this.refused.delete(group);
      walked.catch((error) => this.leaveOut(part, error, before)).catch(() => undefined);
      return part;
    } catch (error) {
      await part.close();
      throw error;
    }
  }

  /** Records that files are left out. The log has each reason once. */
  private refuse(refusals: Refusals, group: FileGroup, error: unknown, file: FileIdentity | undefined): void {
    if (!(error instanceof DatasetError)) throw error;
    if (refusals.add(group, { error, file }))
      this.options.notices.warn({ err: error }, 'a file of the dataset is not served');
  }

  /** True if a file that was left out is to be tried again. */
  private async hasDue(): Promise<boolean> {
    return (await this.refused.hasDue()) || (await this.leftOut.hasDue());
  }

  private noneServed(): DatasetError {
    return noneServed(this.path, [...this.leftOut.errors, ...this.refused.errors]);
  }
}

/** True if a file is gone, or is served together with one before it: spools are beside the first file of a part. */
function isLeft(path: string, parts: readonly FileGroup[]): boolean {
  if (parts.some((part) => part.path === path)) return false;
  return identityAt(path) === undefined || parts.some(({ others }) => others.includes(path));
}

/** The counts of two parts. Offsets are those of one file. */
function addPart(one: Counts, other: Counts): Counts {
  const { skippedAt } = one.skippedAt.length > 0 ? one : other;
  return { ...addCounts(one, other), skippedAt };
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
