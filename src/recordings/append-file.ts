import { type FileHandle, open, stat } from 'node:fs/promises';
import { isSystemError } from '../dataset/file.js';
import { overwrite } from './lines.js';

/** A file of lines that several processes may append to, and that may be replaced meanwhile. */
export class AppendFile {
  readonly path: string;
  private handle: FileHandle;

  /** Opens a file, or creates it for this user alone. */
  static async open(path: string): Promise<AppendFile> {
    return new AppendFile(path, await openToAppend(path));
  }

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.handle = handle;
  }

  /**
   * Appends lines. Only one call may run at a time.
   *
   * @param lines with their line feeds
   * @throws what the system says; what was written of the lines until then is blank, unless another process has appended since
   */
  async append(lines: Buffer): Promise<void> {
    do {
      if (!(await this.isCurrent())) await this.reopen();
      await this.write(lines);
      // If the file was replaced meanwhile, the lines may be in the replaced one alone. A recording that is there twice does no harm.
    } while (!(await this.isCurrent()));
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  /** True if the path still names the file that is open. */
  private async isCurrent(): Promise<boolean> {
    try {
      const [named, opened] = await Promise.all([stat(this.path), this.handle.stat()]);
      return named.ino === opened.ino && named.dev === opened.dev;
    } catch (error) {
      if (isSystemError(error) && error.code === 'ENOENT') return false;
      throw error;
    }
  }

  private async reopen(): Promise<void> {
    const next = await openToAppend(this.path);
    await this.handle.close();
    this.handle = next;
  }

  /** Writes all bytes in one call. Another process may have died within a line: then the first line begins with a line feed. */
  private async write(lines: Buffer): Promise<void> {
    const { size } = await this.handle.stat();
    const bytes = (await this.endsLine(size)) ? lines : Buffer.concat([LINE_FEED, lines]);
    const { bytesWritten } = await this.handle.write(bytes);
    if (bytesWritten === bytes.length) return;
    // Without room for all of it, the system takes a part, and says why only when the next write fails.
    await this.undo(bytes.subarray(0, bytesWritten));
    await this.write(lines);
  }

  private async endsLine(size: number): Promise<boolean> {
    if (size === 0) return true;
    const last = Buffer.alloc(1);
    await this.handle.read(last, 0, 1, size - 1);
    return last[0] === LINE_FEED[0];
  }

  /** Overwrites the last bytes of the file with spaces, if they are these: cutting them off could cut what another process appends. */
  private async undo(bytes: Buffer): Promise<void> {
    const file = await open(this.path, 'r+');
    try {
      const { size } = await file.stat();
      const last = Buffer.alloc(bytes.length);
      const start = size - bytes.length;
      await file.read(last, 0, last.length, Math.max(0, start));
      const kept = bytes[0] === LINE_FEED[0] ? 1 : 0;
      if (last.equals(bytes)) await overwrite(file, start + kept, bytes.length - kept);
    } finally {
      await file.close();
    }
  }
}

const LINE_FEED = Buffer.from('\n');

function openToAppend(path: string): Promise<FileHandle> {
  return open(path, 'a+', 0o600);
}
