import { createWriteStream, rmSync, statSync, type WriteStream } from 'node:fs';
import { dirname, join } from 'node:path';
import { isSystemError, saysFull } from './file.js';
import { temporaryFolder } from './temporary-folders.js';

/** A file in a temporary folder of its own. If the process is killed, a later one removes both. */
export class TemporaryFile {
  readonly path: string;

  constructor(name: string) {
    this.path = join(temporaryFolder(), name);
  }

  /** Its size in bytes. */
  get size(): number {
    return statSync(this.path).size;
  }

  /** A stream that creates and fills it. Only this user can read it. */
  writer(): WriteStream {
    return createWriteStream(this.path, { flags: 'wx', mode: 0o600 });
  }

  /**
   * Why it couldn't be written.
   *
   * @throws the error itself if the system didn't cause it
   */
  problemOf(error: unknown): string {
    if (!isSystemError(error)) throw error;
    const problem = saysFull(error.code) ? 'the disk is full' : `it can't be saved (${error.code})`;
    return `${problem}: ${dirname(this.path)}; choose another folder with TMPDIR`;
  }

  /** Removes the file and the folder. */
  remove(): void {
    rmSync(dirname(this.path), { recursive: true, force: true });
  }
}
