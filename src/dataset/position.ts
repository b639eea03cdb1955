import { type ByteOffset, byteOffset } from '../core/bytes.js';
import { type TextPosition, textPositionAfter } from '../core/text-position.js';
import { readBlocks } from './file.js';

/**
 * The line and column of a byte. Finding them takes reading the file up to there.
 *
 * @param fd the open file
 * @throws what reading throws
 */
export function positionOf(fd: number, offset: ByteOffset): TextPosition {
  return textPositionAfter(readBlocks(fd, { start: byteOffset(0), end: offset }));
}
