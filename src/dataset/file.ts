/** Reading the dataset, as every thread does it: open, verify that it is still the same file, read. */

import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { type Block, type ByteCount, type ByteRange, byteCount, byteOffset } from '../core/bytes.js';
import { BLOCK_BYTES } from '../core/limits.js';

/** How the records of a dataset are strung together: one JSON array, or a JSON text a line. */
export type DatasetFormat = 'array' | 'lines';

/** What tells one state of a file from another. */
export interface FileIdentity {
  readonly path: string;
  readonly size: ByteCount;
  /** Last change, in ms since 1970, with what fraction the file system gives. */
  readonly mtimeMs: number;
  /** The same of the last change of anything about it: unlike `mtimeMs`, no program can put it back. */
  readonly ctimeMs: number;
  readonly inode: number;
}

/** A file that begins as a dataset does. */
export interface DatasetFile {
  readonly file: FileIdentity;
  readonly format: DatasetFormat;
  /** The bytes that hold the list's elements, to the end of the file. */
  readonly body: ByteRange;
}

/** The file is not the one that was meant, or not as long as it was. */
export class FileChangedError extends Error {
  override readonly name = 'FileChangedError';
}

/** True if the system could not do what it was asked to. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

/** The identity of the file behind `path`, from its `stat`. */
export function identityOf(path: string, stats: Stats): FileIdentity {
  const { mtimeMs, ctimeMs, ino } = stats;
  return { path, size: byteCount(stats.size), mtimeMs, ctimeMs, inode: ino };
}

/** The identity of the file behind `path` as it is now; undefined if there is none to be seen. */
export function identityAt(path: string): FileIdentity | undefined {
  try {
    return identityOf(path, statSync(path));
  } catch {
    return undefined;
  }
}

/** True if both are the same state of the same file. */
export function isSameFile(one: FileIdentity, other: FileIdentity): boolean {
  return isSameContent(one, other) && one.ctimeMs === other.ctimeMs;
}

/** True if both seem to hold the same: a program that puts the time of the last change back can make it seem so. */
function isSameContent(one: FileIdentity, other: FileIdentity): boolean {
  return one.size === other.size && one.mtimeMs === other.mtimeMs && one.inode === other.inode;
}

/**
 * Opens the file, hands it to `use`, and closes it. Its identity is checked before and after, so that what `use`
 * returns was read from the file that was meant, whole.
 *
 * @throws FileChangedError, or what `node:fs` throws
 */
export function withFile<T>(identity: FileIdentity, use: (fd: number) => T): T {
  const fd = openSync(identity.path, 'r');
  try {
    assertSameFile(fd, identity);
    try {
      return use(fd);
    } finally {
      // What came of a file that was written to meanwhile, a result or an error, says nothing.
      assertSameFile(fd, identity);
    }
  } finally {
    closeSync(fd);
  }
}

/** @throws FileChangedError if the open file is not as it was */
export function assertSameFile(fd: number, expected: FileIdentity): void {
  const stats = fstatSync(fd);
  // Removing a file changes its ctime, and nothing that was read from it.
  const isSame = stats.nlink === 0 ? isSameContent : isSameFile;
  if (!isSame(identityOf(expected.path, stats), expected)) {
    throw new FileChangedError('the file was changed while it was read');
  }
}

/**
 * Reads from a place of the file: as many bytes as `into` holds, or so many, and puts them there from `at` on.
 *
 * @throws FileChangedError when the file ends before
 */
export function readFully(
  fd: number,
  into: Uint8Array,
  position: number,
  at = 0,
  length = into.length - at,
): void {
  for (let done = 0; done < length; ) {
    const read = readSync(fd, into, at + done, length - done, position + done);
    if (read === 0) throw new FileChangedError('the file was cut while it was read');
    done += read;
  }
}

/**
 * Yields the bytes of a range, a block at a time. One buffer serves all blocks: a block is valid until the next one.
 *
 * @throws FileChangedError when the file ends before the range does
 */
export function* readBlocks(
  fd: number,
  range: ByteRange,
  blockBytes: number = BLOCK_BYTES,
): Generator<Block, void> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(blockBytes, range.end - range.start));
  for (let offset: number = range.start; offset < range.end; offset += buffer.length) {
    const bytes = buffer.subarray(0, Math.min(buffer.length, range.end - offset));
    readFully(fd, bytes, offset);
    yield { bytes, offset: byteOffset(offset) };
  }
}
