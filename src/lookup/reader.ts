import { closeSync, openSync } from 'node:fs';
import { type ByteRange, lengthOf } from '../core/bytes.js';
import { AppError } from '../core/errors.js';
import { assertSameFile, FileChangedError, type FileIdentity, readFully } from '../workers/file.js';

/** What is kept for reading into. Longer reads get memory of their own. */
const BUFFER_BYTES = 1 << 18;
const CLOSED = -1;

/** Reads single places of the dataset, on the thread that asks. */
export class DatasetReader {
  private readonly file: FileIdentity;
  private fd: number;
  private readonly buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);

  /** @throws FileChangedError, or what `node:fs` throws */
  constructor(file: FileIdentity) {
    this.file = file;
    this.fd = openSync(file.path, 'r');
    try {
      assertSameFile(this.fd, file);
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
  }

  /**
   * The bytes of a range, valid until the next call.
   *
   * @throws AppError if it can't be read, or if the file was written to since it was opened
   */
  read(range: ByteRange): Buffer {
    return this.readAll(range)[0] as Buffer;
  }

  /** The same of several ranges: to look whether the file was written to takes half as long as a read, and once is enough. */
  readAll(...ranges: readonly ByteRange[]): readonly Buffer[] {
    const length = ranges.reduce((sum, range) => sum + lengthOf(range), 0);
    const bytes = length <= BUFFER_BYTES ? this.buffer : Buffer.allocUnsafeSlow(length);
    if (this.fd === CLOSED) throw new AppError('dataset_changed');
    try {
      let end = 0;
      const read = ranges.map((range) => {
        const part = bytes.subarray(end, end + lengthOf(range));
        end += part.length;
        readFully(this.fd, part, range.start);
        return part;
      });
      assertSameFile(this.fd, this.file);
      return read;
    } catch (cause) {
      const code = cause instanceof FileChangedError ? 'dataset_changed' : 'dataset_unreadable';
      throw new AppError(code, { cause });
    }
  }

  /** Lets go of the file. */
  close(): void {
    if (this.fd !== CLOSED) closeSync(this.fd);
    // The number may soon be another file's.
    this.fd = CLOSED;
  }
}
