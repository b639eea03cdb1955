import { type Block, BYTE, type ByteOffset, byteOffset } from './bytes.js';

/** The position of a byte, as editors count it. */
export interface TextPosition {
  /** From 1; a line feed ends a line. */
  readonly line: number;
  /** From 1, in characters (code points). */
  readonly column: number;
  /** Counted from 0, in bytes. */
  readonly offset: ByteOffset;
}

const BYTE_ORDER_MARK_LEAD = 0xef;

/**
 * The position right after some text.
 *
 * @param blocks a dataset from its start, in UTF-8. A byte order mark at its start isn't counted
 */
export function textPositionAfter(blocks: Iterable<Block>): TextPosition {
  let line = 1;
  let column = 1;
  let end = byteOffset(0);
  for (const { bytes, offset } of blocks) {
    // At the start of a dataset, only a byte order mark begins with this byte.
    if (offset === 0 && bytes[0] === BYTE_ORDER_MARK_LEAD) column--;
    let lineStart = 0;
    for (let at = bytes.indexOf(BYTE.lineFeed); at >= 0; at = bytes.indexOf(BYTE.lineFeed, lineStart)) {
      lineStart = at + 1;
      line++;
      column = 1;
    }
    column += countCharacters(bytes, lineStart);
    end = byteOffset(offset + bytes.length);
  }
  return { line, column, offset: end };
}

/** How many characters begin at `from` or after it. Counts four bytes at a time: a line may have hundreds of megabytes. */
function countCharacters(bytes: Uint8Array, from: number): number {
  const { buffer, byteOffset, length } = bytes;
  let continuations = 0;
  let i = from;
  for (; i < length && ((byteOffset + i) & 3) !== 0; i++) continuations += isContinuation(bytes[i] as number);
  if (length - i >= 4) {
    const words = new Int32Array(buffer, byteOffset + i, (length - i) >>> 2);
    for (let at = 0; at < words.length; at++) {
      const word = words[at] as number;
      // In each byte, the lowest bit says whether the two highest are 10.
      const flags = (word >>> 7) & ~(word >>> 6) & 0x01010101;
      continuations += Math.imul(flags, 0x01010101) >>> 24;
    }
    i += 4 * words.length;
  }
  for (; i < length; i++) continuations += isContinuation(bytes[i] as number);
  return length - from - continuations;
}

/** 1 for the bytes of a character after its first one, 0 for others. */
function isContinuation(byte: number): number {
  return (byte & 0xc0) === 0x80 ? 1 : 0;
}
