/** Decompressors of buffers that are held in memory, and whose length is known before. */

import zlib, { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { decompress as decompressByFzstd } from 'fzstd';
import { TABLE_BUFFER_BYTES_MAX } from '../core/limits.js';
import { DamagedError } from './damaged.js';

/**
 * Decompresses a buffer.
 *
 * @param length the length of its content
 * @throws if it is damaged, or holds more
 */
type Decompress = (bytes: Uint8Array, length: number) => Uint8Array;

/** Node has a decompressor for Zstandard since 22.15. */
const zstdByNode = (zlib as { zstdDecompressSync?: typeof gunzipSync }).zstdDecompressSync;

export const decompressGzip: Decompress = limited((bytes, length) =>
  gunzipSync(bytes, { maxOutputLength: Math.max(1, length) }),
);

export const decompressBrotli: Decompress = limited((bytes, length) =>
  brotliDecompressSync(bytes, { maxOutputLength: Math.max(1, length) }),
);

export const decompressZstd: Decompress = limited((bytes, length) =>
  zstdByNode === undefined
    ? decompressByFzstd(bytes, new Uint8Array(length))
    : zstdByNode(bytes, { maxOutputLength: Math.max(1, length) }),
);

/** The same, for a buffer of at most `TABLE_BUFFER_BYTES_MAX`. */
export function limited(decompress: Decompress): Decompress {
  return (bytes, length) => {
    if (length >= 0 && length <= TABLE_BUFFER_BYTES_MAX) return decompress(bytes, length);
    throw new DamagedError(`a compressed buffer says that it holds ${length} bytes`);
  };
}
