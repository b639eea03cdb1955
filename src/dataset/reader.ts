import { closeSync, openSync } from 'node:fs';
import { type ByteRange, lengthOf, type Room } from '../core/bytes.js';
import { AppError } from '../core/errors.js';
import { digestOfStart } from './digest.js';
import {
  assertSameFile,
  changed,
  FileChangedError,
  type FileIdentity,
  isGrown,
  isSameFile,
  isSystemError,
  readFully,
  stateOf,
} from './file.js';

/** Size of the buffer that is reused. Longer reads allocate their own. */
const BUFFER_BYTES = 1 << 18;
const CLOSED = -1;

/** Reads places of a dataset. */
export interface PlaceReader {
  /** Memory to read `length` bytes into. The next call may return the same memory. */
  roomFor(length: number): Room;
  /**
   * Reads a range and, if given, another one, and puts the second right after the first.
   *
   * @param at offset in `into` of the first
   * @throws AppError if they can't be read
   */
  read(into: Buffer, at: number, range: ByteRange, other?: ByteRange): void;
}

/**
 * Reads single places of the dataset, on the calling thread. If bytes may be appended to its file, it can be read on after that, as long as
 * the digest of the bytes before them is the same.
 */
export class DatasetReader implements PlaceReader {
  private file: FileIdentity;
  private fd: number;
  private readonly buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  /** The digest of the file if it may grow: see `digestOf`. */
  private start: string | undefined;
  /** A later state of the file that has the same first bytes. */
  private grown: FileIdentity | undefined;

  /** @throws FileChangedError, or what `node:fs` throws */
  constructor(file: FileIdentity) {
    this.file = file;
    this.fd = openSync(file.path, 'r');
    try {
      this.takeDigest();
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
  }

  /** The digest of the file, if it had to be computed. */
  get digest(): string | undefined {
    return this.start;
  }

  /** True if bytes were appended to the file, and that was noticed by a read. */
  get hasGrown(): boolean {
    return this.grown !== undefined;
  }

  /**
   * True if a state of the file has the bytes of the state that is read, and perhaps more.
   *
   * @throws what `node:fs` throws
   */
  hasOnlyGrown(now: FileIdentity): boolean {
    if (isSameFile(now, this.grown ?? this.file)) return true;
    if (this.fd === CLOSED || this.start === undefined || !isGrown(now, this.file)) return false;
    if (digestOfStart(this.fd, this.file.size) !== this.start) return false;
    this.grown = now;
    return true;
  }

  /**
   * Reads a longer state of the file from now on: see `hasOnlyGrown`.
   *
   * @throws FileChangedError if the file has changed since, or what `node:fs` throws
   */
  follow(file: FileIdentity): void {
    if (this.fd === CLOSED) throw changed();
    this.file = file;
    this.grown = undefined;
    this.takeDigest();
  }

  private takeDigest(): void {
    assertSameFile(this.fd, this.file);
    if (!this.file.mayGrow) return;
    this.start = digestOfStart(this.fd, this.file.size);
    // The digest must be that of the expected state.
    assertSameFile(this.fd, this.file);
  }

  /** Memory to read `length` bytes into. Unless the read is long, the same memory as the last call returned. */
  roomFor(length: number): Room {
    return { bytes: length <= BUFFER_BYTES ? this.buffer : Buffer.allocUnsafeSlow(length), at: 0 };
  }

  /**
   * Reads a range and, if given, another one, and puts the second right after the first. One check that the file wasn't written to covers
   * both; a check takes half as long as a read.
   *
   * @param at offset in `into` of the first
   * @throws AppError if they can't be read, or if the file was written to since it was opened
   */
  read(into: Buffer, at: number, range: ByteRange, other?: ByteRange): void {
    this.within((fd) => {
      const length = lengthOf(range);
      readFully(fd, into, range.start, at, length);
      if (other !== undefined) readFully(fd, into, other.start, at + length, lengthOf(other));
    });
  }

  /**
   * Runs `read` on the open file.
   *
   * @throws AppError if it can't be read, or if the file was written to since it was opened; or what `read` throws
   */
  within<T>(read: (fd: number) => T): T {
    if (this.fd === CLOSED) throw new AppError('dataset_changed');
    try {
      const result = read(this.fd);
      const now = stateOf(this.fd, this.file);
      if (now !== undefined && !this.hasOnlyGrown(now)) throw changed();
      return result;
    } catch (cause) {
      throw explained(cause);
    }
  }

  /** Closes the file. */
  close(): void {
    if (this.fd !== CLOSED) closeSync(this.fd);
    // The descriptor's number may soon belong to another file.
    this.fd = CLOSED;
  }
}

/** The error that a client gets for what reading has thrown. */
function explained(cause: unknown): unknown {
  if (cause instanceof FileChangedError) return new AppError('dataset_changed', { cause });
  return isSystemError(cause) ? new AppError('dataset_unreadable', { cause }) : cause;
}
