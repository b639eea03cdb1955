/** Reading the dataset, as every thread does it: open, prove that it is still the same file, read blocks. */

import { closeSync, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { type Block, type ByteCount, type ByteRange, byteCount, byteOffset } from '../core/bytes.js';
import { BLOCK_BYTES } from '../core/limits.js';

/** What tells one state of a file from another. */
export interface FileIdentity {
  readonly path: string;
  readonly size: ByteCount;
  /** Last change, in ms since 1970, with what fraction the file system gives. */
  readonly mtimeMs: number;
  readonly inode: number;
}

/** The file is not the one that the shards were cut from, or not as long as it was. */
export class FileChangedError extends Error {
  override readonly name = 'FileChangedError';
}

/** The identity of the file behind `path`, from its `stat`. */
export function identityOf(path: string, stats: Stats): FileIdentity {
  return { path, size: byteCount(stats.size), mtimeMs: stats.mtimeMs, inode: stats.ino };
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

function assertSameFile(fd: number, expected: FileIdentity): void {
  const { size, mtimeMs, inode } = identityOf(expected.path, fstatSync(fd));
  if (size !== expected.size || mtimeMs !== expected.mtimeMs || inode !== expected.inode) {
    throw new FileChangedError('the file was changed while it was read');
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
  let offset: number = range.start;
  while (offset < range.end) {
    const length = readSync(fd, buffer, 0, Math.min(buffer.length, range.end - offset), offset);
    if (length === 0) throw new FileChangedError('the file was cut while it was read');
    yield { bytes: buffer.subarray(0, length), offset: byteOffset(offset) };
    offset += length;
  }
}
