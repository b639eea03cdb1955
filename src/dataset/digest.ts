import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { BLOCK_BYTES } from '../core/limits.js';
import { assertSameFile, changed, FileChangedError, type FileIdentity, readFully, withFile } from './file.js';

/** Bytes that the digest covers at each end of the dataset. */
const DIGEST_END_BYTES = 1 << 16;
/** Pieces that the digest covers between the ends, at equal distances, and their length. */
const DIGEST_PIECES = 64;
const DIGEST_PIECE_BYTES = 4096;

/** The bytes that the digest covers of a file, or of its start. Only one digest is made at a time. */
const pieces = Buffer.allocUnsafeSlow(2 * DIGEST_END_BYTES + DIGEST_PIECES * DIGEST_PIECE_BYTES);

/**
 * A digest of parts of a dataset's file, in hexadecimal. Files that differ only outside these parts have
 * the same digest.
 *
 * @throws what reading throws, also if the file has changed
 */
export function digestOf(file: FileIdentity): string {
  return withFile(file, (fd) => digestOfStart(fd, file.size));
}

/**
 * The digest that a file would have if it ended after `length` bytes.
 *
 * @throws what reading throws, also if the file is shorter
 */
export function digestOfStart(fd: number, length: number): string {
  let filled = 0;
  const add = (start: number, pieceLength: number) => {
    const count = Math.max(0, Math.min(pieceLength, length - start));
    readFully(fd, pieces, start, filled, count);
    filled += count;
  };
  add(0, DIGEST_END_BYTES);
  for (let i = 1; i <= DIGEST_PIECES; i++) {
    add(Math.floor((length * i) / (DIGEST_PIECES + 1)), DIGEST_PIECE_BYTES);
  }
  add(Math.max(0, length - DIGEST_END_BYTES), DIGEST_END_BYTES);
  return createHash('sha256').update(pieces.subarray(0, filled)).digest('hex');
}

/**
 * The CRC-32 of a dataset's file from a byte to another one, by default of all of it. Reads one block per turn of the event loop.
 *
 * @param isWanted ends it early
 * @throws what reading throws, also if the file has changed, or if it isn't wanted any more
 */
export async function checksumOf(
  file: FileIdentity,
  start = 0,
  end: number = file.size,
  isWanted: () => boolean = () => true,
): Promise<number> {
  const handle = await open(file.path);
  try {
    assertSameFile(handle.fd, file);
    const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    let checksum = 0;
    for (let at = start; at < end; ) {
      if (!isWanted()) throw changed();
      const { bytesRead } = await handle.read(block, 0, Math.min(block.length, end - at), at);
      if (bytesRead === 0) throw new FileChangedError('the file was cut while it was read');
      checksum = crc32(block.subarray(0, bytesRead), checksum);
      at += bytesRead;
    }
    assertSameFile(handle.fd, file);
    return checksum;
  } finally {
    await handle.close();
  }
}
