import { type Block, BYTE } from './bytes.js';

/** Where a byte stands as editors tell it. */
export interface TextPosition {
  /** Counted from 1; a line feed ends a line. */
  readonly line: number;
  /** Counted from 1, in characters (code points). */
  readonly column: number;
}

const BYTE_ORDER_MARK_LEAD = 0xef;

/**
 * The position right after some text.
 *
 * @param blocks a dataset from its start, in UTF-8. A byte order mark at its start counts for nothing
 */
export function textPositionAfter(blocks: Iterable<Block>): TextPosition {
  let line = 1;
  let column = 1;
  for (const { bytes, offset } of blocks) {
    // Nothing else in a dataset begins with this byte at its start.
    if (offset === 0 && bytes[0] === BYTE_ORDER_MARK_LEAD) column--;
    let lineStart = 0;
    for (let end = bytes.indexOf(BYTE.lineFeed); end >= 0; end = bytes.indexOf(BYTE.lineFeed, lineStart)) {
      lineStart = end + 1;
      line++;
      column = 1;
    }
    for (let i = lineStart; i < bytes.length; i++) if (!isContinuation(bytes[i] as number)) column++;
  }
  return { line, column };
}

/** True for the bytes of a character after its first one. */
function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}
