import { rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { SPOOL_TOUCH_MS } from '../core/limits.js';
import { isSystemError } from './file.js';
import { makeFolder } from './make-folder.js';
import { removeAbandoned, thisOwner } from './spool-owner.js';

/**
 * A file that only one process has at a time, of any machine that shares the folder. It keeps several processes from doing the
 * same work, but doesn't protect what they write. A process whose machine is suspended may lose its claim to another one.
 */
export class Claim {
  readonly path: string;
  private readonly timer: NodeJS.Timeout;

  private constructor(path: string) {
    this.path = path;
    this.timer = setInterval(() => this.touch(), SPOOL_TOUCH_MS);
    this.timer.unref();
  }

  /**
   * Takes a claim; undefined while another process has it.
   *
   * @throws what `node:fs` throws if the file can't be created
   */
  static async take(path: string): Promise<Claim | undefined> {
    makeFolder(dirname(path));
    await removeAbandoned(path);
    try {
      writeFileSync(path, JSON.stringify(thisOwner()), { flag: 'wx' });
    } catch (error) {
      if (isSystemError(error) && error.code === 'EEXIST') return undefined;
      throw error;
    }
    return new Claim(path);
  }

  /** Lets another process have it. */
  release(): void {
    clearInterval(this.timer);
    rmSync(this.path, { force: true });
  }

  /** Shows other processes that this one still works. */
  private touch(): void {
    const now = new Date();
    try {
      utimesSync(this.path, now, now);
    } catch (error) {
      // The claim is lost, or the disk fails: then the work fails, too, and says why.
      if (!isSystemError(error)) throw error;
    }
  }
}
