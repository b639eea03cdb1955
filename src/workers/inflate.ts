/** Decompresses large pages of Parquet and buffers of Arrow a piece at a time. */

import { Decompress as DecompressZstd } from 'fzstd';
import type { CompressionCodec } from 'hyparquet';
import { ByteWindow, type Fill } from './byte-window.js';
import { DamagedError } from './damaged.js';
import { FRAME_FLAG, FRAME_IS_STORED, FRAME_MAGIC } from './lz4-frame.js';
import type { Read } from './parquet-pages.js';

/** Compressed bytes that are read at once. */
const READ_BYTES = 1 << 18;
/** Compressed bytes of Zstandard that are decompressed at once: a few bytes may hold a block of 128 KiB. */
const ZSTD_BYTES = 1 << 9;
/** Bytes that are decompressed at once. */
const PIECE_BYTES = 1 << 18;
/** Shorter copies are faster byte by byte. */
const SHORT_BYTES = 48;
/** A length of LZ4 that continues in the next bytes, and the least length of a copy. */
const LZ4_LENGTH_CONTINUES = 15;
const LZ4_COPY_MIN = 4;

/**
 * The bytes of a compressed page; undefined if its codec can decompress whole pages only.
 *
 * @param read reads the file
 * @param start where the compressed bytes begin
 * @param end where they end
 * @param length how many bytes they hold
 */
export function inflated(
  read: Read,
  start: number,
  end: number,
  length: number,
  codec: CompressionCodec,
): ByteWindow | undefined {
  const input = new ByteWindow(end - start, fileSource(read, start, end));
  switch (codec) {
    case 'UNCOMPRESSED':
      return input;
    case 'SNAPPY':
      return new ByteWindow(length, snappySource(input, length), true);
    case 'LZ4_RAW':
      return new ByteWindow(length, lz4Source(input), true);
    case 'ZSTD':
      return new ByteWindow(length, zstdSource(input));
    default:
      return undefined;
  }
}

/** Bytes of a file. */
export function fileSource(read: Read, start: number, end: number): Fill {
  let at = start;
  return (window) => {
    const bytes = new Uint8Array(read(at, Math.min(end, at + READ_BYTES)));
    append(window, bytes);
    at += bytes.length;
  };
}

function append(window: ByteWindow, bytes: Uint8Array): void {
  window.reserve(bytes.length);
  window.bytes.set(bytes, window.end);
  window.appended(bytes.length);
}

/** Decompresses Zstandard. */
export function zstdSource(input: ByteWindow): Fill {
  let appended = 0;
  let into: ByteWindow | undefined;
  const decompress = new DecompressZstd((bytes) => {
    appended += bytes.length;
    if (into !== undefined && bytes.length <= into.left) append(into, bytes);
  });
  return (window) => {
    into = window;
    for (appended = 0; appended === 0 && input.left > 0; ) {
      decompress.push(input.take(Math.min(input.left, ZSTD_BYTES)).slice());
    }
  };
}

/** https://github.com/google/snappy/blob/main/format_description.txt */
function snappySource(input: ByteWindow, length: number): Fill {
  let hasBegun = false;
  /** Bytes of a literal that were not copied yet. */
  let literal = 0;
  return (out) => {
    if (!hasBegun && varintOf(input) !== length)
      throw new DamagedError('a compressed page has another length');
    hasBegun = true;
    const copier = new Copier(input, out);
    while (copier.goesOn) {
      if (literal > 0) {
        literal -= copier.copy(literal);
        continue;
      }
      const tag = copier.byte();
      const high = tag >> 2;
      const kind = tag & 3;
      if (kind === 0) literal = 1 + (high < 60 ? high : copier.number(high - 59));
      else if (kind === 1) copier.repeat(((tag >> 5) << 8) + copier.byte(), 4 + (high & 7));
      else copier.repeat(copier.number(kind === 2 ? 2 : 4), 1 + high);
    }
    copier.finish();
  };
}

function varintOf(input: ByteWindow): number {
  let value = 0;
  for (let factor = 1; ; factor *= 128) {
    const byte = input.take(1)[0] as number;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
  }
}

/** https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md */
function lz4Source(input: ByteWindow): Fill {
  let literal = 0;
  /** The start of the length of the copy after the literal; undefined before a sequence. */
  let short: number | undefined;
  let offset = 0;
  let copy = 0;
  return (out) => {
    const copier = new Copier(input, out);
    while (copier.goesOn) {
      if (literal > 0) {
        literal -= copier.copy(literal);
      } else if (copy > 0) {
        copy -= copier.repeat(offset, copy);
      } else if (short === undefined) {
        const token = copier.byte();
        literal = copier.length(token >> 4);
        short = token & LZ4_LENGTH_CONTINUES;
      } else {
        offset = copier.number(2);
        copy = LZ4_COPY_MIN + copier.length(short);
        short = undefined;
      }
    }
    copier.finish();
  };
}

/** Decompresses a frame of LZ4: see `lz4-frame.ts`. */
export function lz4FrameSource(input: ByteWindow): Fill {
  let skipped = 0;
  let block: ByteWindow | undefined;
  let source: Fill | undefined;
  return (out) => {
    if (block === undefined) skipped = skipFrameHead(input);
    if (block === undefined || source === undefined || block.left === 0) {
      const size = input.take(4).readUInt32LE();
      block = ByteWindow.of(new Uint8Array(input.take(size & ~FRAME_IS_STORED)));
      input.take(skipped);
      source = size >= FRAME_IS_STORED ? storedSource(block) : lz4Source(block);
    }
    source(out);
  };
}

function storedSource(block: ByteWindow): Fill {
  return (out) => append(out, block.take(block.left));
}

/** Reads the head of a frame, and returns how many bytes there are after each of its blocks. */
function skipFrameHead(input: ByteWindow): number {
  if (input.take(4).readUInt32LE() !== FRAME_MAGIC) throw new DamagedError('not a frame of LZ4');
  const flags = input.take(1)[0] as number;
  const has = (flag: number) => (flags & flag) !== 0;
  input.take(2 + (has(FRAME_FLAG.hasSize) ? 8 : 0) + (has(FRAME_FLAG.hasDictionary) ? 4 : 0));
  return has(FRAME_FLAG.hasBlockChecksums) ? 4 : 0;
}

/** Copies bytes from one window to another until there are enough. */
class Copier {
  private readonly input: ByteWindow;
  private readonly out: ByteWindow;
  private from: Buffer;
  private at: number;
  private fromEnd: number;
  private readonly to: Buffer;
  private end: number;
  private readonly goal: number;

  constructor(input: ByteWindow, out: ByteWindow) {
    // The last step may add as much as all before.
    out.reserve(2 * PIECE_BYTES);
    this.input = input;
    this.out = out;
    this.from = input.bytes;
    this.at = input.at;
    this.fromEnd = input.end;
    this.to = out.bytes;
    this.end = out.end;
    this.goal = out.end + PIECE_BYTES;
  }

  get goesOn(): boolean {
    return this.end < this.goal && (this.at < this.fromEnd || this.hasMore());
  }

  /** Updates both windows. */
  finish(): void {
    this.input.at = this.at;
    this.out.appended(this.end - this.out.end);
  }

  byte(): number {
    if (this.at === this.fromEnd) this.refill();
    return this.from[this.at++] as number;
  }

  /** A number of a few bytes, the lowest first. */
  number(bytes: number): number {
    let value = 0;
    for (let factor = 1, i = 0; i < bytes; i++, factor *= 256) value += this.byte() * factor;
    return value;
  }

  /** A length of LZ4. */
  length(short: number): number {
    let length = short;
    if (short < LZ4_LENGTH_CONTINUES) return length;
    for (let byte = 255; byte === 255; length += byte) byte = this.byte();
    return length;
  }

  /** Copies at most `length` bytes of the input, and returns how many. */
  copy(length: number): number {
    if (this.at === this.fromEnd) this.refill();
    const { from, at, to, end } = this;
    const count = Math.min(length, this.fromEnd - at, PIECE_BYTES);
    if (count < SHORT_BYTES) for (let i = 0; i < count; i++) to[end + i] = from[at + i] as number;
    else from.copy(to, end, at, at + count);
    this.at += count;
    this.end += count;
    return count;
  }

  /** Repeats at most `length` bytes before the end, and returns how many. They may overlap those that are written. */
  repeat(offset: number, length: number): number {
    const { to, end } = this;
    if (offset === 0 || offset > end) throw new DamagedError('a compressed page repeats bytes that it lacks');
    const count = Math.min(length, PIECE_BYTES);
    if (count < SHORT_BYTES || offset < count) {
      for (let i = end; i < end + count; i++) to[i] = to[i - offset] as number;
    } else {
      to.copyWithin(end, end - offset, end - offset + count);
    }
    this.end += count;
    return count;
  }

  private hasMore(): boolean {
    this.input.at = this.at;
    return this.input.left > 0;
  }

  private refill(): void {
    const { input } = this;
    input.at = this.at;
    input.need(Math.max(1, Math.min(input.left, READ_BYTES)));
    this.from = input.bytes;
    this.at = input.at;
    this.fromEnd = input.end;
  }
}
