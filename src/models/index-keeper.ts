import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { SEGMENTS_SAVED_MS } from '../core/limits.js';
import type { Dataset } from '../dataset/dataset.js';
import { FileChangedError, identityAt, isSystemError } from '../dataset/file.js';
import { temporaryFolder } from '../dataset/temporary-folders.js';
import { indexPaths, segmentPath } from '../index/paths.js';
import {
  checksumUpTo,
  type LoadedIndex,
  loadIndex,
  removeSegments,
  saveIndex,
} from '../index/saved-index.js';
import type { IndexTable } from '../index/table.js';
import type { Notices } from './notices.js';
import { Segment } from './segment.js';

/** The name of an index in a temporary folder. */
const TEMPORARY_NAME = 'index';

/** What is to be saved. */
interface Wanted {
  readonly dataset: Dataset;
  readonly segments: readonly Segment[];
  /** False once the dataset's file has changed, other than by growing. */
  readonly isCurrent: () => boolean;
  /** True if segments of which more tokens were counted since they were saved are saved again. */
  readonly savesCounts: boolean;
}

/** Where the index of a segment is saved. */
interface Place {
  readonly path: string;
  /** How many of its turns had no token count then. */
  readonly uncounted: number;
}

/**
 * Saves the index of a dataset's file for later starts, each segment at the first path that works, and logs the outcome. What is appended to
 * the file one by one is saved together.
 */
export class IndexKeeper {
  private readonly indexDir: string | undefined;
  private readonly tokenizer: string;
  private readonly isPublished: boolean;
  private readonly notices: Notices;
  private saving: Promise<void> = Promise.resolve();
  private wanted: Wanted | undefined;
  private timer: NodeJS.Timeout | undefined;
  private savedAtMs = Number.NEGATIVE_INFINITY;
  /** Where the index was saved or loaded last. The first log line about a path is for people, later ones are for debugging. */
  private path: string | undefined;
  /** The paths of all segments that were saved or loaded last. */
  private paths: readonly string[] = [];
  /** Why the index couldn't be saved last, a reason for each path; undefined if it was. */
  private problems: readonly string[] | undefined;
  private readonly places = new WeakMap<IndexTable, Place>();
  /** See `checksumUpTo`. */
  private readonly checksums = new WeakMap<IndexTable, number>();
  /** True if an index was loaded that the file has outgrown, so that it was compared with the file only in parts. */
  hasLoadedOutgrown = false;
  private temporary: string | undefined;

  /**
   * @param indexDir see `indexPaths`
   * @param tokenizer the id of the tokenizer of the index's token counts
   * @param isPublished true if an index that can't be saved in its place is saved in a temporary folder, for other processes
   */
  constructor(indexDir: string | undefined, tokenizer: string, isPublished: boolean, notices: Notices) {
    this.indexDir = indexDir;
    this.tokenizer = tokenizer;
    this.isPublished = isPublished;
    this.notices = notices;
  }

  /**
   * Loads the saved index of the file's current state, or of its beginning if bytes may be appended to it; undefined if no saved index can
   * be used.
   *
   * @returns its segments, in file order; the last one may end before the dataset does
   */
  async load(dataset: Dataset): Promise<readonly Segment[] | undefined> {
    for (const path of this.pathsOf(dataset)) {
      const loaded = await loadIndex(path, dataset, this.tokenizer);
      if (loaded === undefined) continue;
      if (typeof loaded === 'string') {
        this.rejected(path, loaded);
        continue;
      }
      this.path = path;
      const segments = [this.loaded(path, dataset, loaded)];
      for (let next = true; next; ) {
        const later = await this.loadAfter(dataset, segments.at(-1) as Segment);
        if (later !== undefined) segments.push(later);
        next = later !== undefined;
      }
      this.notices.info({ index: path }, 'saved index loaded');
      await this.removeOthers(dataset, segments);
      return segments;
    }
    return undefined;
  }

  /** The segment after another one; undefined if none was saved. */
  private async loadAfter(dataset: Dataset, before: Segment): Promise<Segment | undefined> {
    const start = before.range.end;
    if (start === dataset.body.end) return undefined;
    const { seed } = before.table;
    for (const path of this.pathsOf(dataset)) {
      const at = segmentPath(path, start);
      const loaded = await loadIndex(
        at,
        { ...dataset, body: { start, end: dataset.body.end } },
        this.tokenizer,
      );
      if (typeof loaded === 'string') this.rejected(at, loaded);
      if (loaded === undefined || typeof loaded === 'string') continue;
      const { table, recordsBefore } = loaded;
      const isNext = recordsBefore === before.recordsBefore + before.counts.records;
      if (isNext && table.seed.low === seed.low && table.seed.high === seed.high)
        return this.loaded(at, dataset, loaded, start);
    }
    return undefined;
  }

  private rejected(path: string, reason: string): void {
    this.notices.warn({ index: path }, `saved index rejected, building it again: ${reason}`);
  }

  private loaded(path: string, { body }: Dataset, index: LoadedIndex, start = body.start): Segment {
    const { table, checksum, end, recordsBefore, hasGrown } = index;
    this.hasLoadedOutgrown ||= hasGrown;
    this.places.set(table, { path, uncounted: table.uncounted });
    this.checksums.set(table, checksum);
    this.paths = [...this.paths, path];
    return new Segment({ start, end }, recordsBefore, index);
  }

  /**
   * Saves the segments that aren't saved yet, now or, shortly after an earlier save, in a while. It never fails: if the index can't be saved
   * anywhere, a warning gives the reasons.
   *
   * @param isCurrent false once the dataset's file has changed, other than by growing
   */
  keep(dataset: Dataset, segments: readonly Segment[], isCurrent: () => boolean): void {
    const savesCounts = this.wanted?.savesCounts ?? false;
    this.wanted = { dataset, segments, isCurrent, savesCounts };
    const dueMs = this.savedAtMs + SEGMENTS_SAVED_MS - performance.now();
    if (dueMs <= 0) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), dueMs).unref();
  }

  /** The same, but segments of which more tokens were counted since they were saved are saved again, at once. */
  keepCounts(dataset: Dataset, segments: readonly Segment[], isCurrent: () => boolean): void {
    this.wanted = { dataset, segments, isCurrent, savesCounts: true };
    this.flush();
  }

  /** Removes what was saved in a temporary folder, once nothing is being saved any more. */
  async close(): Promise<void> {
    this.flush();
    await this.saving;
    if (this.temporary !== undefined) rmSync(this.temporary, { recursive: true, force: true });
  }

  /** Where the index of a segment is saved; undefined if it isn't. */
  pathOf({ table }: Segment): string | undefined {
    return this.places.get(table)?.path;
  }

  /** The paths of the last index once it is saved, or the reasons why it couldn't be. */
  async saved(): Promise<{ readonly paths: readonly string[] } | { readonly problems: readonly string[] }> {
    this.flush();
    await this.saving;
    return this.problems === undefined ? { paths: this.paths } : { problems: this.problems };
  }

  /**
   * Compares what segments were made of with the file, by checksums. Those of segments that were neither saved nor loaded aren't known.
   *
   * @param isWanted ends it early
   * @returns false if the bytes of a segment are other ones now
   */
  async areIntact(dataset: Dataset, segments: readonly Segment[], isWanted: () => boolean): Promise<boolean> {
    try {
      for (const segment of segments) {
        const expected = this.checksums.get(segment.table);
        if (expected === undefined) continue;
        if ((await checksumUpTo(segment.in(dataset), segment.recordsBefore, isWanted)) !== expected)
          return false;
      }
    } catch (error) {
      if (!(error instanceof FileChangedError) && !isSystemError(error)) throw error;
      // A look at the file finds out what has happened to it.
    }
    return true;
  }

  /** Saves what is to be saved, after what is being saved. */
  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { wanted } = this;
    if (wanted === undefined) return;
    this.wanted = undefined;
    this.savedAtMs = performance.now();
    this.saving = this.saving.then(() => this.saveAll(wanted));
  }

  /** The possible paths of the index, the preferred one first. */
  private pathsOf({ file }: Dataset): readonly string[] {
    return indexPaths(file.path, this.indexDir);
  }

  private async saveAll({ dataset, segments, isCurrent, savesCounts }: Wanted): Promise<void> {
    const unsaved = segments.filter(({ table }) => {
      const place = this.places.get(table);
      return place === undefined || (savesCounts && table.uncounted < place.uncounted);
    });
    const before = this.problems;
    const problems: string[] = [];
    try {
      for (const segment of unsaved) {
        if (!(await this.save(dataset, segment, isCurrent, problems))) break;
      }
    } catch (error) {
      if (!(error instanceof FileChangedError)) throw error;
      // It will be read again.
      return;
    }
    this.problems = problems.length === 0 ? undefined : problems;
    this.paths = segments.flatMap((segment) => this.pathOf(segment) ?? []);
    if (this.paths.length === segments.length && unsaved.length > 0) {
      await this.removeOthers(dataset, segments);
      this.notices.saved();
    }
    if (problems.length === 0) return;
    // A spool is removed as soon as another one replaces it. What is appended one by one needs no warning each time.
    const isKnown = identityAt(dataset.file.path) === undefined || before !== undefined;
    this.notices[isKnown ? 'debug' : 'warn']({ problems }, 'index not saved; the next start builds it again');
  }

  /**
   * Saves a segment.
   *
   * @param problems gets the reason for each path at which it can't be saved, if it can be saved at none
   * @returns false if it isn't saved for other processes, either
   * @throws FileChangedError
   */
  private async save(
    dataset: Dataset,
    segment: Segment,
    isCurrent: () => boolean,
    problems: string[],
  ): Promise<boolean> {
    const isFirst = segment.range.start === dataset.body.start;
    const reasons: string[] = [];
    const attempt = async (path: string) => {
      const at = isFirst ? path : segmentPath(path, segment.range.start);
      try {
        await this.saveAt(at, dataset, segment, isCurrent);
        return true;
      } catch (error) {
        if (error instanceof FileChangedError && dataset.file.mayGrow) throw error;
        reasons.push(error instanceof Error ? error.message : String(error));
        return false;
      }
    };
    for (const path of this.pathsOf(dataset)) {
      if (!(await attempt(path))) continue;
      if (isFirst) {
        this.notices[path === this.path ? 'debug' : 'info']({ index: path }, 'index saved');
        this.path = path;
      }
      return true;
    }
    problems.push(...reasons);
    if (!this.isPublished) return false;
    reasons.length = 0;
    this.temporary ??= temporaryFolder();
    const isSaved = await attempt(join(this.temporary, TEMPORARY_NAME));
    problems.push(...reasons);
    return isSaved;
  }

  /** @throws the errors of the file system */
  private async saveAt(
    path: string,
    dataset: Dataset,
    segment: Segment,
    isCurrent: () => boolean,
  ): Promise<void> {
    const { table, recordsBefore, marks, counts } = segment;
    const own = segment.in(dataset);
    const checksum = this.checksums.get(table) ?? (await checksumUpTo(own, recordsBefore));
    this.checksums.set(table, checksum);
    const { uncounted } = table;
    await saveIndex(path, own, { table, marks, counts, checksum, recordsBefore }, this.tokenizer, isCurrent);
    this.places.set(table, { path, uncounted });
  }

  /** Removes the indexes of earlier segments, which were merged. Those that can't be removed do no harm. */
  private async removeOthers(dataset: Dataset, segments: readonly Segment[]): Promise<void> {
    if (!dataset.file.mayGrow) return;
    const ranges = segments.map(({ range }) => range);
    for (const path of this.pathsOf(dataset)) await removeSegments(path, ranges).catch(() => undefined);
  }
}
