import { renameSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { DatasetError } from './dataset-error.js';
import { isSystemError, saysFull } from './file.js';

/** A file that is written beside another, and takes its place once it is whole. */
export class Replacement {
  private readonly path: string;
  private readonly temporary: string;
  private handle: FileHandle | undefined;

  /** @param path the file that is replaced, or created */
  constructor(path: string) {
    this.path = path;
    this.temporary = `${path}.partial-${process.pid}`;
  }

  /**
   * Creates the file.
   *
   * @throws DatasetError if the system doesn't let it
   */
  open(): Promise<void> {
    return this.explain(async () => {
      this.handle = await open(this.temporary, 'wx');
    });
  }

  /**
   * Writes the next bytes.
   *
   * @throws DatasetError if the disk is full, for example
   */
  write(text: string): Promise<void> {
    return this.explain(async () => this.handle?.appendFile(text));
  }

  /**
   * Puts the file in its place.
   *
   * @throws DatasetError if the system doesn't let it
   */
  finish(): Promise<void> {
    return this.explain(async () => {
      await this.handle?.close();
      renameSync(this.temporary, this.path);
    });
  }

  /** Removes the file, unless it is in its place. It is synchronous, for signals. */
  remove(): void {
    rmSync(this.temporary, { force: true });
  }

  private async explain(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      const problem = saysFull(error.code) ? 'the disk is full' : `it can't be written (${error.code})`;
      throw new DatasetError(this.path, problem, undefined, true);
    }
  }
}
