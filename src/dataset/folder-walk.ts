import type { BigIntStats } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { allInSteps } from '../core/steps.js';
import { DatasetError } from './dataset-error.js';
import { isSystemError } from './file.js';

/** File systems may store times this coarsely: a folder that was changed later than that before it was read may have changed again. */
const COARSEST_CLOCK_MS = 2000;
/** Some network file systems don't update the times of folders: each folder is read again after this time. */
const REREAD_MS = 60_000;
/** Entries that one call of the system reads. */
const ENTRIES_AT_ONCE = 1024;

/** A folder as it was read. */
interface Folder {
  readonly state: string;
  readonly readMs: number;
  /** False if it may have changed since without a change of `state`. */
  readonly isSettled: boolean;
  /** In the order of their names. */
  readonly entries: readonly Entry[];
  /** The paths of those that are folders. */
  readonly folders: readonly string[];
}

interface Entry {
  readonly path: string;
  readonly isFolder: boolean;
}

/** Finds the files of a folder, and of the folders in it. Reads only folders that have changed since the last time. */
export class FolderWalk {
  private readonly folder: string;
  private folders: ReadonlyMap<string, Folder> = new Map();
  private found: readonly string[] = [];

  constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * The files in the order of their names, without those whose name begins with a dot. A folder that is reached twice, by a link, is read once.
   *
   * @returns the same array as the last time if no folder was read
   * @throws DatasetError if a folder can't be read: files would be missing
   */
  async files(): Promise<readonly string[]> {
    const pass = new Pass(this.folders);
    await pass.visit(this.folder);
    const isSame = !pass.hasRead && pass.folders.size === this.folders.size;
    this.folders = pass.folders;
    if (!isSame) this.found = [...this.filesIn(this.folder)];
    return this.found;
  }

  private *filesIn(folder: string): Generator<string, void> {
    for (const { path, isFolder } of this.folders.get(folder)?.entries ?? []) {
      if (isFolder) yield* this.filesIn(path);
      else yield path;
    }
  }
}

/** One walk. */
class Pass {
  /** By their paths. */
  readonly folders = new Map<string, Folder>();
  /** True if a folder was read. */
  hasRead = false;
  private readonly known: ReadonlyMap<string, Folder>;
  /** The devices and inodes of folders. */
  private readonly seen = new Set<string>();

  constructor(known: ReadonlyMap<string, Folder>) {
    this.known = known;
  }

  async visit(path: string): Promise<void> {
    const stats = await stat(path, { bigint: true }).catch(() => undefined);
    if (stats === undefined) return;
    const id = `${stats.dev}:${stats.ino}`;
    if (this.seen.has(id)) return;
    this.seen.add(id);
    const folder = await this.folderAt(path, stats);
    this.folders.set(path, folder);
    for (const each of folder.folders) await this.visit(each);
  }

  private async folderAt(
    path: string,
    { dev, ino, mtimeNs, ctimeNs, mtimeMs }: BigIntStats,
  ): Promise<Folder> {
    const state = [dev, ino, mtimeNs, ctimeNs].join();
    const readMs = Date.now();
    const known = this.known.get(path);
    if (known?.isSettled && known.state === state && readMs - known.readMs < REREAD_MS) return known;
    this.hasRead = true;
    const isSettled = readMs - Number(mtimeMs) > COARSEST_CLOCK_MS;
    const entries = await entriesOf(path);
    const folders = entries.filter(({ isFolder }) => isFolder).map(({ path }) => path);
    return { state, readMs, isSettled, entries, folders };
  }
}

/** @throws DatasetError if the folder can't be read */
async function entriesOf(folder: string): Promise<readonly Entry[]> {
  const names: string[] = [];
  const folders = new Set<string>();
  try {
    for await (const each of await opendir(folder, { bufferSize: ENTRIES_AT_ONCE })) {
      const { name } = each;
      if (name.startsWith('.')) continue;
      names.push(name);
      const isFolder = each.isSymbolicLink() ? await isFolderAt(join(folder, name)) : each.isDirectory();
      if (isFolder) folders.add(name);
    }
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new DatasetError(folder, `the folder can't be read (${error.code})`, undefined, true);
  }
  return allInSteps(names.sort(), (name) => ({ path: join(folder, name), isFolder: folders.has(name) }));
}

async function isFolderAt(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isDirectory() ?? false;
}
