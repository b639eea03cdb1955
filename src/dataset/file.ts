/** Reads the dataset, on any thread: opens the file, verifies that it is still the same file, reads. */

import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { type Block, type ByteCount, type ByteRange, byteCount, byteOffset } from '../core/bytes.js';
import { BLOCK_BYTES } from '../core/limits.js';

/** As many bytes of a digest as a number holds exactly. */
const DIGEST_BYTES = 6;

/** The layout of a dataset's records: one JSON array, or one JSON text per line. */
export type DatasetFormat = 'array' | 'lines';

/** Identifies one state of a file. */
export interface FileIdentity {
  readonly path: string;
  readonly size: ByteCount;
  /** Time of the last modification, in ms since 1970, with the precision of the file system. */
  readonly mtimeMs: number;
  /** Time of the last change of data or metadata. Unlike `mtimeMs`, no program can set it back. */
  readonly ctimeMs: number;
  readonly inode: number;
  /** True if bytes may be appended to the file while it is read: see `isGrown`. */
  readonly mayGrow?: boolean;
}

/** A file that begins as a dataset does. */
export interface DatasetFile {
  readonly file: FileIdentity;
  readonly format: DatasetFormat;
  /** The bytes of the list's elements, to the end of the file, or of its last whole line. */
  readonly body: ByteRange;
  /** True if lines that aren't valid JSON are skipped like other records that aren't conversations. */
  readonly skipsInvalid?: boolean;
}

/** The file was replaced, written to, or is shorter than it was. */
export class FileChangedError extends Error {
  override readonly name = 'FileChangedError';
}

/** True if a system call failed. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

/** True if an open file is a folder. */
export function isFolder(fd: number): boolean {
  return fstatSync(fd).isDirectory();
}

/** True if a system call's code says that there is no room for more bytes. */
export function saysFull(code: string | undefined): boolean {
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** The identity of the file at `path`, from its `stat`. */
export function identityOf(path: string, stats: Stats): FileIdentity {
  const { mtimeMs, ctimeMs, ino } = stats;
  return { path, size: byteCount(stats.size), mtimeMs, ctimeMs, inode: ino };
}

/** The current identity of the file at `path`; undefined if there is no file or it isn't accessible. */
export function identityAt(path: string): FileIdentity | undefined {
  try {
    return identityOf(path, statSync(path));
  } catch {
    return undefined;
  }
}

/** One identity for several files, which changes with each of them: `inode` is a digest of their own identities. */
export function commonIdentity(first: FileIdentity, others: readonly FileIdentity[]): FileIdentity {
  if (others.length === 0) return first;
  const files = [first, ...others];
  const states = files.map(({ size, mtimeMs, ctimeMs, inode }) => [size, mtimeMs, ctimeMs, inode]);
  return {
    path: first.path,
    size: byteCount(files.reduce((sum, { size }) => sum + size, 0)),
    mtimeMs: Math.max(...files.map(({ mtimeMs }) => mtimeMs)),
    ctimeMs: Math.max(...files.map(({ ctimeMs }) => ctimeMs)),
    inode: createHash('sha256').update(JSON.stringify(states)).digest().readUIntBE(0, DIGEST_BYTES),
  };
}

/** The current identity of a file and others; undefined if one of them isn't accessible. */
export function commonIdentityAt(path: string, others: readonly string[]): FileIdentity | undefined {
  const first = identityAt(path);
  const rest = others.map(identityAt).filter((file) => file !== undefined);
  return first === undefined || rest.length < others.length ? undefined : commonIdentity(first, rest);
}

/** True if both are the same state of the same file. */
export function isSameFile(one: FileIdentity, other: FileIdentity): boolean {
  return isSameContent(one, other) && one.ctimeMs === other.ctimeMs;
}

/**
 * True if one is a longer state of the same file. Its first bytes may be other ones: see `DatasetReader.hasOnlyGrown`.
 *
 * @param before the earlier state
 */
export function isGrown(now: FileIdentity, before: FileIdentity): boolean {
  return now.inode === before.inode && now.size > before.size;
}

/** True if both seem to have the same contents. A program that sets the modification time back can feign that. */
function isSameContent(one: FileIdentity, other: FileIdentity): boolean {
  return one.size === other.size && one.mtimeMs === other.mtimeMs && one.inode === other.inode;
}

/**
 * Opens the file, passes it to `use`, and closes it. Checks the file's identity before and after, so that everything `use` returns was read
 * from the expected file, unchanged.
 *
 * @throws FileChangedError, or what `node:fs` throws
 */
export function withFile<T>(identity: FileIdentity, use: (fd: number) => T): T {
  const fd = openExpected(identity);
  try {
    return use(fd);
  } finally {
    closeExpected(fd, identity);
  }
}

/** The same for a function that reads in steps. */
export function* withFileInSteps<T>(
  identity: FileIdentity,
  use: (fd: number) => Generator<void, T>,
): Generator<void, T> {
  const fd = openExpected(identity);
  try {
    return yield* use(fd);
  } finally {
    closeExpected(fd, identity);
  }
}

/** The same for a function that reads asynchronously. */
export async function withOpenFile<T>(identity: FileIdentity, use: (fd: number) => Promise<T>): Promise<T> {
  const fd = openExpected(identity);
  try {
    return await use(fd);
  } finally {
    closeExpected(fd, identity);
  }
}

function openExpected(identity: FileIdentity): number {
  const fd = openSync(identity.path, 'r');
  try {
    assertSameFile(fd, identity);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** @throws FileChangedError if the file was written to meanwhile: neither a result nor an error can be trusted then */
function closeExpected(fd: number, identity: FileIdentity): void {
  try {
    assertSameFile(fd, identity);
  } finally {
    closeSync(fd);
  }
}

/** @throws FileChangedError if the open file has changed, other than by bytes that may be appended to it */
export function assertSameFile(fd: number, expected: FileIdentity): void {
  const now = stateOf(fd, expected);
  if (now !== undefined && !(expected.mayGrow && isGrown(now, expected))) throw changed();
}

/** The identity of an open file; undefined if it is the expected one. */
export function stateOf(fd: number, expected: FileIdentity): FileIdentity | undefined {
  const stats = fstatSync(fd);
  const now = identityOf(expected.path, stats);
  // Removing a file changes its ctime, but nothing that was read from it.
  const isSame = stats.nlink === 0 ? isSameContent : isSameFile;
  return isSame(now, expected) ? undefined : now;
}

/** The error for a file that has changed. */
export function changed(): FileChangedError {
  return new FileChangedError('the file was changed while it was read');
}

/**
 * Reads `length` bytes of the file from `position` on into `into`, at `at`. By default fills the rest of `into`.
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
