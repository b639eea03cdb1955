import { type Block, BYTE } from './bytes.js';

/** The position of a byte, as editors show it. */
export interface TextPosition {
  /** From 1; a line feed ends a line. */
  readonly line: number;
  /** From 1, in characters (code points). */
  readonly column: number;
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
  for (const { bytes, offset } of blocks) {
    // At the start of a dataset, only a byte order mark begins with this byte.
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
