import { randomBytes } from 'node:crypto';
import { readdirSync, renameSync, rmSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { LEFTOVER_AGE_MS } from '../core/limits.js';
import { DatasetError } from './dataset-error.js';
import { isSystemError, saysFull } from './file.js';

/** The temporary files of this process that aren't in their places. */
const unfinished = new Set<string>();

/** Removes the temporary files of all replacements that aren't finished. It is synchronous, for signals. */
export function removeUnfinished(): void {
  for (const path of unfinished) rmSync(path, { force: true });
  unfinished.clear();
}

/** A file that is written beside another, and takes its place once it is whole. */
export class Replacement {
  private readonly path: string;
  private readonly target: string;
  private readonly temporary: string;
  private readonly handle: FileHandle;

  private constructor(path: string, target: string, temporary: string, handle: FileHandle) {
    this.path = path;
    this.target = target;
    this.temporary = temporary;
    this.handle = handle;
  }

  /**
   * Creates the temporary file, and removes those that processes left long ago.
   *
   * @param path the file that is replaced, or created. Links are followed
   * @param mode the permissions; by default those of the file that is replaced
   * @throws DatasetError if something other than a regular file is there, or the system doesn't let it
   */
  static begin(path: string, mode?: number): Promise<Replacement> {
    return explained(path, async () => {
      const target = await targetOf(path);
      const replaced = statSync(target, { throwIfNoEntry: false });
      if (replaced !== undefined && !replaced.isFile())
        throw new DatasetError(path, "it isn't a regular file");
      removeLeftovers(target);
      const temporary = `${target}.partial-${randomBytes(NAME_BYTES).toString('hex')}`;
      const permissions = mode ?? (replaced && replaced.mode & PERMISSIONS);
      // Synchronously: a signal finds it either noted and there, or neither.
      writeFileSync(temporary, '', { flag: 'wx', ...(permissions !== undefined && { mode: 0o600 }) });
      unfinished.add(temporary);
      const handle = await open(temporary, 'r+');
      const replacement = new Replacement(path, target, temporary, handle);
      if (permissions !== undefined) await replacement.orDiscard(() => handle.chmod(permissions));
      return replacement;
    });
  }

  /**
   * Writes the next bytes.
   *
   * @throws DatasetError if the disk is full, for example
   */
  write(bytes: string | Uint8Array): Promise<void> {
    return explained(this.path, () => this.handle.appendFile(bytes));
  }

  /**
   * Puts the file in its place.
   *
   * @param replaced the state of the file whose place it must be: the new one gets its owner
   * @throws DatasetError if another file is there meanwhile, or the system doesn't let it
   */
  finish(replaced?: Stats): Promise<void> {
    return explained(this.path, async () => {
      if (replaced !== undefined) await this.own(replaced);
      await this.handle.sync();
      if (replaced !== undefined && (await stat(this.target)).ino !== replaced.ino)
        throw new DatasetError(this.path, 'it was replaced meanwhile; try again');
      await this.handle.close();
      renameSync(this.temporary, this.target);
      unfinished.delete(this.temporary);
    });
  }

  /** Removes the file if `act` fails, and throws what it throws. */
  async orDiscard(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      await this.discard();
      throw error;
    }
  }

  private async discard(): Promise<void> {
    rmSync(this.temporary, { force: true });
    unfinished.delete(this.temporary);
    await this.handle.close();
  }

  /** Gives it the owner of another file. That clears some permissions. */
  private async own({ uid, gid }: Stats): Promise<void> {
    const own = await this.handle.stat();
    if (own.uid === uid && own.gid === gid) return;
    await this.handle.chown(uid, gid);
    await this.handle.chmod(own.mode & PERMISSIONS);
  }
}

const NAME_BYTES = 6;
const PERMISSIONS = 0o7777;

/** Where a path leads to by its links, whether a file is there or not. */
async function targetOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'ENOENT') throw error;
  }
  const link = await readlink(path).catch(() => undefined);
  return link === undefined ? path : targetOf(resolve(await realpath(dirname(path)), link));
}

/** Removes temporary files for the same target that no process has written to for `LEFTOVER_AGE_MS`. */
function removeLeftovers(target: string): void {
  const folder = dirname(target);
  const start = `${basename(target)}.partial-`;
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(start) || !RANDOM_NAME.test(name.slice(start.length))) continue;
    const path = join(folder, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isFile() && Date.now() - stats.mtimeMs > LEFTOVER_AGE_MS) rmSync(path, { force: true });
  }
}

const RANDOM_NAME = /^[0-9a-f]{12}$/;

async function explained<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const problem = saysFull(error.code) ? 'the disk is full' : `it can't be written (${error.code})`;
    throw new DatasetError(path, problem, undefined, true);
  }
}
