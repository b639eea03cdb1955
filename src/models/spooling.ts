/** Spools a dataset that can't be served as it is: writes it once, as JSON lines, and reads those from then on. */

import { rmSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { SPOOL_WAIT_MS } from '../core/limits.js';
import { DatasetError } from '../dataset/dataset-error.js';
import { FileChangedError, type FileIdentity, isSystemError, saysFull } from '../dataset/file.js';
import type { Recognized } from '../dataset/sources.js';
import { openSpool, type Spool, SpoolWriter } from '../dataset/spool.js';
import { spoolPaths } from '../dataset/spool-paths.js';
import { temporaryFolder } from '../dataset/temporary-folders.js';
import { indexPaths } from '../index/paths.js';
import type { WorkerPool } from '../workers/pool.js';
import { isStopped, newStopFlag, stopAll } from '../workers/stop-flag.js';
import { nameOf } from './joined-files.js';
import { DiskFullError, type SpoolOptions, SpoolWork } from './spool-work.js';

/** The spools of one dataset. */
export class Spooler {
  /** The dataset's file, or the first of several. */
  readonly path: string;
  readonly others: readonly string[];
  private readonly options: SpoolOptions;
  private readonly stop = newStopFlag();
  private temporary: string | undefined;

  /** @param others files that the conversations of the first one are spread over */
  constructor(path: string, others: readonly string[], options: SpoolOptions) {
    this.path = path;
    this.others = others;
    this.options = options;
  }

  /** The finished spool of that state of the dataset, if there is one. */
  find(source: FileIdentity): Spool | undefined {
    if (this.options.indexDir === 'none') return undefined;
    return this.paths.map((path) => openSpool(path, source)).find((spool) => spool !== undefined);
  }

  /** Removes the spools of a dataset that no longer needs them, and their indexes. */
  removeStale(): void {
    this.remove(this.path);
  }

  /** Removes the spools that the other files had when each was served alone, or was the first of some. */
  removeOthers(): void {
    for (const path of this.others) this.remove(path);
  }

  private remove(file: string): void {
    if (this.options.indexDir === 'none') return;
    const { indexDir } = this.options;
    const spools = this.pathsOf(file);
    for (const path of [...spools, ...spools.flatMap((spool) => indexPaths(spool, indexDir))]) {
      try {
        rmSync(path, { force: true });
      } catch (error) {
        // The folder may be missing, or not writable.
        if (!isSystemError(error)) throw error;
      }
    }
  }

  /**
   * Makes a spool, or waits for another process that makes the same one.
   *
   * @throws DatasetError if the dataset can't be read, nothing in it can be served, or the spool can't be written
   */
  async make(source: Recognized, pool: WorkerPool): Promise<Spool> {
    const problems: string[] = [];
    for (const path of this.paths) {
      try {
        const writer = await this.begin(path, source.file);
        if (!(writer instanceof SpoolWriter)) return writer;
        return await this.write(writer, source, pool);
      } catch (error) {
        problems.push(problemOf(error, path));
      }
    }
    const setting = this.options.indexDir === 'none' ? 'TMPDIR' : 'INDEX_DIR';
    const problem = `its spool can't be written: ${problems.join('; ')}; choose another folder with ${setting}`;
    throw new DatasetError(this.name, problem, undefined, true);
  }

  /** Ends all work, and removes what is temporary. */
  close(): void {
    stopAll(this.stop);
    if (this.temporary !== undefined) rmSync(this.temporary, { recursive: true, force: true });
    this.temporary = undefined;
  }

  private get paths(): readonly string[] {
    return this.pathsOf(this.path);
  }

  private pathsOf(file: string): readonly string[] {
    const { indexDir, shapes, splits } = this.options;
    if (indexDir === 'none') this.temporary ??= temporaryFolder();
    const isDefault = shapes.prefers === 'chosen' && shapes.map === undefined;
    const reading = splits.length > 0 ? { shapes, splits } : isDefault ? undefined : shapes;
    return spoolPaths(file, this.temporary ?? indexDir, reading === undefined ? '' : JSON.stringify(reading));
  }

  /** A writer, or the spool that another process has finished meanwhile. */
  private async begin(path: string, source: FileIdentity): Promise<SpoolWriter | Spool> {
    for (let tries = 0; ; tries++) {
      const writer = await SpoolWriter.begin(path, this.mode);
      const finished = openSpool(path, source);
      if (finished !== undefined) {
        await writer?.abandon();
        return finished;
      }
      if (writer !== undefined) return writer;
      if (tries === 0) this.options.onWaiting();
      await sleep(SPOOL_WAIT_MS);
      if (isStopped(this.stop, 0)) throw new DatasetError(this.name, 'it was closed', undefined, true);
    }
  }

  /** The permissions that all files have. */
  private get mode(): number {
    return [this.path, ...this.others].reduce((mode, path) => mode & statSync(path).mode, 0o666);
  }

  /** The dataset's name in messages. */
  private get name(): string {
    return nameOf(this);
  }

  private async write(writer: SpoolWriter, source: Recognized, pool: WorkerPool): Promise<Spool> {
    const work = new SpoolWork(this.name, writer, pool, this.stop, this.options);
    try {
      return await work.run(source);
    } catch (error) {
      throw isFull(error) ? work.diskFull() : error;
    } finally {
      await work.end();
    }
  }
}

const isFull = (error: unknown) => isSystemError(error) && saysFull(error.code);

/** Why a spool can't be at a path. Throws the error if it could be nowhere else. */
function problemOf(error: unknown, path: string): string {
  if (isFull(error)) return new DiskFullError(path).message;
  const isOfPlace =
    error instanceof DiskFullError || error instanceof FileChangedError || isSystemError(error);
  if (!isOfPlace) throw error;
  return error.message;
}
