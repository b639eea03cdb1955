import { type ByteOffset, byteOffset } from '../core/bytes.js';
import { type TextPosition, textPositionAfter } from '../core/text-position.js';
import { readBlocks } from './file.js';

/**
 * The line and column of a byte. Reads the file up to that byte.
 *
 * @param fd the open file
 * @throws the error of a failed read
 */
export function positionOf(fd: number, offset: ByteOffset): TextPosition {
  return textPositionAfter(readBlocks(fd, { start: byteOffset(0), end: offset }));
}
