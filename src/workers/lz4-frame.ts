/**
 * Decompresses frames of LZ4, as Arrow has them:
 *
 *     | magic number | flags | size of blocks | [size of content] | [dictionary] | checksum | blocks | 0 | [checksum] |
 *
 * Checksums are not verified.
 */

import { DamagedError } from './damaged.js';

/** The first bytes of a frame. */
export const FRAME_MAGIC = 0x184d2204;
/** The flags of a frame. */
export const FRAME_FLAG = { hasBlockChecksums: 0x10, hasSize: 0x08, hasDictionary: 0x01 } as const;
/** The bit in the size of a block that isn't compressed. */
export const FRAME_IS_STORED = 0x80000000;
const MATCH_MIN = 4;
/** A length of 15 continues in the next bytes, each of which may be followed by another if it is 255. */
const LENGTH_CONTINUES = 15;

/**
 * Decompresses a frame.
 *
 * @param length the length of its content
 * @throws DamagedError if it isn't valid, or its content has another length
 */
export function decompressLz4Frame(frame: Uint8Array, length: number): Uint8Array {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
  if (bytes.readUInt32LE(0) !== FRAME_MAGIC) throw new DamagedError('not a frame of LZ4');
  const flags = bytes.readUInt8(4);
  const has = (flag: number) => (flags & flag) !== 0;
  const out = new Uint8Array(length);
  let end = 0;
  let at = 7 + (has(FRAME_FLAG.hasSize) ? 8 : 0) + (has(FRAME_FLAG.hasDictionary) ? 4 : 0);
  for (;;) {
    const size = bytes.readUInt32LE(at);
    at += 4;
    if (size === 0) break;
    const blockEnd = at + (size & ~FRAME_IS_STORED);
    if (blockEnd > bytes.length) throw new DamagedError('a block of LZ4 ends too early');
    const block = bytes.subarray(at, blockEnd);
    end = size >= FRAME_IS_STORED ? copy(block, out, end) : decompressBlock(block, out, end);
    at = blockEnd + (has(FRAME_FLAG.hasBlockChecksums) ? 4 : 0);
  }
  if (end !== length) throw new DamagedError(`expected ${length} bytes in a frame of LZ4, got ${end}`);
  return out;
}

/** Returns where the next byte goes. A block may repeat bytes of the blocks before it. */
function decompressBlock(block: Buffer, out: Uint8Array, start: number): number {
  let end = start;
  let at = 0;
  const lengthFrom = (short: number) => {
    let length = short;
    if (short < LENGTH_CONTINUES) return length;
    for (let byte = 255; byte === 255; length += byte) byte = block.readUInt8(at++);
    return length;
  };
  while (at < block.length) {
    const token = block.readUInt8(at++);
    const literals = lengthFrom(token >> 4);
    if (at + literals > block.length) throw new DamagedError('a block of LZ4 ends too early');
    end = copy(block.subarray(at, at + literals), out, end);
    at += literals;
    if (at === block.length) break;
    const offset = block.readUInt16LE(at);
    at += 2;
    end = repeat(out, end, offset, lengthFrom(token & LENGTH_CONTINUES) + MATCH_MIN);
  }
  return end;
}

function copy(bytes: Uint8Array, out: Uint8Array, end: number): number {
  // Throws a RangeError if there are too many.
  out.set(bytes, end);
  return end + bytes.length;
}

function repeat(out: Uint8Array, end: number, offset: number, length: number): number {
  if (offset === 0 || offset > end || end + length > out.length) {
    throw new DamagedError('a block of LZ4 is damaged');
  }
  if (offset >= length) out.copyWithin(end, end - offset, end - offset + length);
  else for (let i = 0; i < length; i++) out[end + i] = out[end + i - offset] as number;
  return end + length;
}
