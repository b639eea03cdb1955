import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Dataset } from '../dataset/dataset.js';
import { checksumOf } from '../dataset/digest.js';
import { identityAt } from '../dataset/file.js';
import { temporaryFolder } from '../dataset/spool.js';
import { indexPaths } from '../index/paths.js';
import { type KeptIndex, loadIndex, type SavedIndex, saveIndex } from '../index/saved-index.js';
import type { Notices } from './notices.js';

/** The name of an index in a temporary folder. */
const TEMPORARY_NAME = 'index';

/** Saves the index of a dataset's file for later starts, at the first path that works, and logs the outcome. */
export class IndexKeeper {
  private readonly indexDir: string | undefined;
  private readonly tokenizer: string;
  private readonly isPublished: boolean;
  private readonly notices: Notices;
  private saving: Promise<void> = Promise.resolve();
  /** How many turns of the index had no token count when it was last saved or loaded. */
  private uncounted = 0;
  /** Where the index was saved or loaded last. The first log line about a path is for people, later ones are for debugging. */
  private path: string | undefined;
  /** Why the index couldn't be saved last, a reason for each path; undefined if it was. */
  private problems: readonly string[] | undefined;
  /** Where the indexes of dataset files were saved, or loaded from. */
  private readonly paths = new WeakMap<Dataset, string>();
  private temporary: string | undefined;
  /** The checksums of dataset files whose indexes were saved or loaded. */
  private readonly checksums = new WeakMap<Dataset, number>();

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

  /** Loads the saved index of the file's current state; undefined if no saved index can be used. */
  async load(dataset: Dataset): Promise<SavedIndex | undefined> {
    for (const path of this.pathsOf(dataset)) {
      const loaded = await loadIndex(path, dataset, this.tokenizer);
      if (loaded === undefined) continue;
      if (typeof loaded === 'string') {
        this.notices.warn({ index: path }, `saved index rejected, building it again: ${loaded}`);
        continue;
      }
      this.notices.info({ index: path }, 'saved index loaded');
      this.path = path;
      this.uncounted = loaded.table.uncounted;
      this.checksums.set(dataset, loaded.checksum);
      this.paths.set(dataset, path);
      return loaded;
    }
    return undefined;
  }

  /** Saves an index after those before it. It never fails: if the index can't be saved anywhere, a warning gives the reasons. */
  keep(dataset: Dataset, index: KeptIndex): void {
    this.uncounted = index.table.uncounted;
    this.saving = this.saving.then(() => this.save(dataset, index));
  }

  /** Saves an index again if more of its tokens were counted since it was saved. */
  keepCounts(dataset: Dataset, index: KeptIndex): void {
    if (index.table.uncounted !== this.uncounted) this.keep(dataset, index);
  }

  /** Removes what was saved in a temporary folder, once nothing is being saved any more. */
  async close(): Promise<void> {
    await this.saving;
    if (this.temporary !== undefined) rmSync(this.temporary, { recursive: true, force: true });
  }

  /** Where the index of a dataset's file is saved; undefined if it isn't. */
  pathOf(dataset: Dataset): string | undefined {
    return this.paths.get(dataset);
  }

  /** The path of the last index once it is saved, or the reasons why it couldn't be. */
  async saved(): Promise<string | readonly string[]> {
    await this.saving;
    return this.problems ?? this.path ?? [];
  }

  /** The possible paths of the index, the preferred one first. */
  private pathsOf({ file }: Dataset): readonly string[] {
    return indexPaths(file.path, this.indexDir);
  }

  private async save(dataset: Dataset, index: KeptIndex): Promise<void> {
    const problems: string[] = [];
    for (const path of this.pathsOf(dataset)) {
      try {
        await this.saveAt(path, dataset, index);
        this.notices[path === this.path ? 'debug' : 'info']({ index: path }, 'index saved');
        this.path = path;
        this.problems = undefined;
        this.notices.saved();
        return;
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error));
      }
    }
    this.problems = problems;
    if (this.isPublished) await this.saveTemporarily(dataset, index, problems);
    if (problems.length > 0) {
      // A spool is removed as soon as another one replaces it.
      const isGone = identityAt(dataset.file.path) === undefined;
      this.notices[isGone ? 'debug' : 'warn'](
        { problems },
        'index not saved; the next start builds it again',
      );
    }
  }

  private async saveTemporarily(dataset: Dataset, index: KeptIndex, problems: string[]): Promise<void> {
    try {
      this.temporary ??= temporaryFolder();
      await this.saveAt(join(this.temporary, TEMPORARY_NAME), dataset, index);
      this.notices.saved();
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }

  /** @throws the errors of the file system */
  private async saveAt(path: string, dataset: Dataset, index: KeptIndex): Promise<void> {
    const checksum = this.checksums.get(dataset) ?? (await checksumOf(dataset.file));
    this.checksums.set(dataset, checksum);
    await saveIndex(path, dataset, { ...index, checksum }, this.tokenizer);
    this.paths.set(dataset, path);
  }
}
