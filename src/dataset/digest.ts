import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { BLOCK_BYTES } from '../core/limits.js';
import { assertSameFile, FileChangedError, type FileIdentity, readFully, withFile } from './file.js';

/** Bytes that the digest covers at each end of the dataset. */
const DIGEST_END_BYTES = 1 << 16;
/** Pieces that the digest covers between the ends, at equal distances, and their length. */
const DIGEST_PIECES = 64;
const DIGEST_PIECE_BYTES = 4096;

/**
 * A digest of parts of a dataset's file, in hexadecimal. Files that differ only outside these parts have
 * the same digest.
 *
 * @throws what reading throws, also if the file has changed
 */
export function digestOf(file: FileIdentity): string {
  return withFile(file, (fd) => {
    const hash = createHash('sha256');
    const add = (start: number, length: number) => {
      const bytes = Buffer.alloc(Math.max(0, Math.min(length, file.size - start)));
      readFully(fd, bytes, start);
      hash.update(bytes);
    };
    add(0, DIGEST_END_BYTES);
    for (let i = 1; i <= DIGEST_PIECES; i++) {
      add(Math.floor((file.size * i) / (DIGEST_PIECES + 1)), DIGEST_PIECE_BYTES);
    }
    add(Math.max(0, file.size - DIGEST_END_BYTES), DIGEST_END_BYTES);
    return hash.digest('hex');
  });
}

/**
 * The CRC-32 of a whole dataset file. Reads one block per turn of the event loop.
 *
 * @throws what reading throws, also if the file has changed
 */
export async function checksumOf(file: FileIdentity): Promise<number> {
  const handle = await open(file.path);
  try {
    assertSameFile(handle.fd, file);
    const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    let checksum = 0;
    for (let at = 0; at < file.size; ) {
      const { bytesRead } = await handle.read(block, 0, block.length, at);
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
