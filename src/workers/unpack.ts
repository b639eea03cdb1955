/** Unpacks a file: decompresses it, or converts it to UTF-8. */

import { writeSync } from 'node:fs';
import { pipeline, Readable, type Transform } from 'node:stream';
import zlib, { createBrotliDecompress, createGunzip } from 'node:zlib';
import { Decompress } from 'fzstd';
import { byteOffset } from '../core/bytes.js';
import { DatasetSyntaxError } from '../core/errors.js';
import { UNPACKED_BYTES_FREE, UNPACKED_BYTES_MAX, UNPACKED_RATIO_MAX } from '../core/limits.js';
import { type FileIdentity, readBlocks } from '../dataset/file.js';
import type { Packing } from '../dataset/sources.js';

const READ_BYTES = 1 << 18;

/**
 * Unpacks a file.
 *
 * @param fd the open file
 * @param into the open file to write to, from `at` on
 * @param onRead called with the number of packed bytes unpacked so far; what it throws ends the work
 * @param bytesMax the most bytes that the file may hold
 * @returns where the next byte would go
 * @throws DatasetSyntaxError if the packed data are damaged or cut off, or hold too much; what reading and writing throw
 */
export async function unpack(
  fd: number,
  { size }: FileIdentity,
  packing: Packing,
  into: number,
  at: number,
  onRead: (bytes: number) => void,
  bytesMax: number = UNPACKED_BYTES_MAX,
): Promise<number> {
  let end = at;
  let read = 0;
  let unpacking: Unpacking | undefined;
  const report = () => onRead(unpacking?.taken?.() ?? read);
  const packed = bytesOf(fd, size, (bytes) => {
    read += bytes;
    report();
  });
  try {
    unpacking = UNPACKERS[packing](packed);
    for await (const chunk of unpacking.chunks) {
      assertNoBomb(end - at + chunk.length, read, bytesMax);
      for (let done = 0; done < chunk.length; )
        done += writeSync(into, chunk, done, chunk.length - done, end + done);
      end += chunk.length;
      report();
    }
  } catch (error) {
    throw isDamage(error)
      ? new DatasetSyntaxError(byteOffset(Math.min(read, size)), damageText(packing, error))
      : error;
  }
  return end;
}

/**
 * The first bytes of what a packed file holds, as far as they can be unpacked.
 *
 * @param fd the open file
 * @param bytesMax how many bytes are wanted; there may be more
 * @throws what reading throws
 */
export async function unpackedHead(
  fd: number,
  { size }: FileIdentity,
  packing: Packing,
  bytesMax: number,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of UNPACKERS[packing](bytesOf(fd, size)).chunks) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= bytesMax) break;
    }
  } catch (error) {
    if (!isDamage(error)) throw error;
  }
  return Buffer.concat(chunks);
}

type Chunks = AsyncIterable<Uint8Array>;

/** The bytes of an open file. A stream of `node:fs` would close it when it is destroyed. */
async function* bytesOf(
  fd: number,
  size: number,
  onRead?: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const range = { start: byteOffset(0), end: byteOffset(size) };
  for (const { bytes } of readBlocks(fd, range, READ_BYTES)) {
    onRead?.(bytes.length);
    yield Buffer.from(bytes);
  }
}

interface Unpacking {
  readonly chunks: Chunks;
  /** How many packed bytes the chunks so far were made of, if more may have been read. */
  readonly taken?: () => number;
}

const UNPACKERS: Readonly<Record<Packing, (packed: Chunks) => Unpacking>> = {
  gzip: (packed) => throughStream(createGunzip({ chunkSize: READ_BYTES }), packed),
  brotli: (packed) => throughStream(createBrotliDecompress({ chunkSize: READ_BYTES }), packed),
  zstd,
  'utf-16le': (packed) => ({ chunks: decoded(packed, 'utf-16le') }),
  'utf-16be': (packed) => ({ chunks: decoded(packed, 'utf-16be') }),
};

/** Node has a decompressor for Zstandard since 22.15; it takes a third of the time. */
const createZstd = (zlib as { createZstdDecompress?: () => ZlibStream }).createZstdDecompress;

function zstd(packed: Chunks): Unpacking {
  return createZstd === undefined ? { chunks: zstdByFzstd(packed) } : throughStream(createZstd(), packed);
}

async function* zstdByFzstd(packed: Chunks): AsyncGenerator<Uint8Array> {
  let out: Uint8Array[] = [];
  const decompress = new Decompress((chunk) => out.push(chunk));
  const take = () => {
    const taken = out;
    out = [];
    return taken;
  };
  for await (const chunk of packed) {
    decompress.push(chunk);
    yield* take();
  }
  decompress.push(new Uint8Array(), true);
  yield* take();
}

async function* decoded(packed: Chunks, encoding: string): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder(encoding);
  for await (const chunk of packed) yield Buffer.from(decoder.decode(chunk, { stream: true }));
  yield Buffer.from(decoder.decode());
}

type ZlibStream = Transform & { readonly bytesWritten: number };

function throughStream(stream: ZlibStream, packed: Chunks): Unpacking {
  // The error arrives where the chunks are read.
  const chunks = pipeline(Readable.from(packed, { objectMode: false }), stream, () => undefined);
  return { chunks, taken: () => stream.bytesWritten };
}

/** @throws DatasetSyntaxError if the bytes read hold more than the limits allow: the file seems to be made to fill the disk */
function assertNoBomb(unpacked: number, read: number, bytesMax: number): void {
  const isTooMuch = unpacked > bytesMax;
  if (!isTooMuch && (unpacked <= UNPACKED_BYTES_FREE || unpacked <= UNPACKED_RATIO_MAX * read)) return;
  const limit = isTooMuch ? `${bytesMax} bytes` : `${UNPACKED_RATIO_MAX} times their own length`;
  throw new DatasetSyntaxError(
    byteOffset(read),
    `the first ${read} bytes hold more than ${limit}; unpack it yourself`,
  );
}

/** True if an error says that the packed data are wrong, not that reading or writing failed. */
function isDamage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  // fzstd numbers its errors.
  return (
    typeof code === 'number' ||
    (typeof code === 'string' && /^(?:Z_|ERR__ERROR_|ZSTD_|ERR_.*BROTLI|ERR_PADDING|ERR__)/.test(code))
  );
}

function damageText(packing: Packing, error: unknown): string {
  const { code, message } = error as { code?: unknown; message: string };
  const isCut = code === 'Z_BUF_ERROR' || /unexpected (?:end|EOF)/i.test(message);
  return isCut ? `the ${packing} data end too early` : `the ${packing} data are damaged: ${message}`;
}
