import { type Block, type ByteOffset, byteOffset } from '../core/bytes.js';
import { type TextPosition, textPositionAfter } from '../core/text-position.js';
import { readBlocks } from './file.js';

/**
 * The line and column of a byte. Reads the file up to that byte.
 *
 * @param fd the open file
 * @param from where the text begins: positions count from there
 * @throws the error of a failed read
 */
export function positionOf(fd: number, offset: ByteOffset, from = byteOffset(0)): TextPosition {
  return textPositionAfter(blocksFrom(fd, from, offset));
}

/** The blocks of the text before `end`, with offsets in the text. */
function* blocksFrom(fd: number, from: ByteOffset, end: ByteOffset): Generator<Block, void> {
  for (const { bytes, offset } of readBlocks(fd, { start: from, end })) {
    yield { bytes, offset: byteOffset(offset - from) };
  }
}
