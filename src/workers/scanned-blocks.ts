import { firstBetween } from '../core/first.js';
import { BLOCK_BYTES, RECORD_BYTES_MAX } from '../core/limits.js';
import { readFully } from '../dataset/file.js';
import type { Marks } from '../index/marks.js';
import type { Kernel } from '../kernel/kernel.js';
import type { BlockRange } from './tasks.js';

/** How many blocks are walked together, at most, where each has the anchor. */
const TOGETHER_MAX = 64;

/**
 * Finds the blocks that may have the anchor of a search, and need to be walked: their bytes are scanned, as many at a time as one read has.
 * The caller may use the kernel between two of them.
 *
 * @param kernel knows the anchor
 * @param beforeRead is called before each read; what it throws ends the scan
 * @throws what reading throws
 */
export function* scannedBlocks(
  kernel: Kernel,
  fd: number,
  marks: Marks,
  { from, to }: BlockRange,
  beforeRead: () => void,
): Generator<BlockRange, void> {
  /** How many blocks are scanned, and walked, together: fewer after a block with the anchor, more after others. */
  let scanned = TOGETHER_MAX;
  let walked = 1;
  for (let at = from; at < to; ) {
    let end = at + 1;
    const isLong = sizeOf(marks, at, end) > RECORD_BYTES_MAX + BLOCK_BYTES;
    if (isLong || !marks.isPlain(at)) {
      while (end < to && !marks.isPlain(end)) end++;
      yield { from: at, to: end };
      at = end;
      continue;
    }
    while (end < to && end - at < scanned && marks.isPlain(end) && sizeOf(marks, at, end + 1) <= BLOCK_BYTES)
      end++;
    const size = sizeOf(marks, at, end);
    beforeRead();
    kernel.reserve(size);
    readFully(fd, kernel.input.subarray(0, size), marks.offsetAt(at));
    const found = kernel.scan(0, size);
    if (found === undefined) {
      at = end;
      scanned = Math.min(2 * scanned, TOGETHER_MAX);
      walked = 1;
      continue;
    }
    const first = blockAt(marks, marks.offsetAt(at) + found, at, end);
    if (first > at) walked = 1;
    const last = Math.min(first + walked, to);
    yield { from: first, to: last };
    at = last;
    scanned = 1;
    walked = Math.min(2 * walked, TOGETHER_MAX);
  }
}

function sizeOf(marks: Marks, from: number, to: number): number {
  return marks.offsetAt(to) - marks.offsetAt(from);
}

/** The block that has a byte, among those from `from` to before `to`. */
function blockAt(marks: Marks, offset: number, from: number, to: number): number {
  return firstBetween(from + 1, to, (i) => marks.offsetAt(i) > offset) - 1;
}
