/**
 * Cuts a dataset into shards. The cuts are a guess, made from the first bytes of equal ranges; walking a shard finds where its last record
 * really ends, and so whether the next cut is right. See docs/decisions/0004.
 */

import { BYTE, type ByteOffset, type ByteRange, byteOffset, lengthOf } from '../core/bytes.js';
import { SHARD_BYTES } from '../core/limits.js';

/** A byte range of the dataset. Walking it reads the records that begin in it, the last one to its end. */
export interface Shard {
  /** Its index in file order, from 0. */
  readonly index: number;
  readonly range: ByteRange;
}

/** How many ranges a body of that length is cut into: at least one per worker, and none much longer than `SHARD_BYTES`. */
export function rangeCount(body: ByteRange, workers: number): number {
  return Math.max(workers, Math.ceil(lengthOf(body) / SHARD_BYTES));
}

/**
 * The edges between `count` ranges of about the same length; fewer if the body is too short for that many. No edge follows a backslash: it
 * moves right until it doesn't, so that no range begins in the middle of an escape.
 *
 * @param byteAt reads one byte of the file
 */
export function edgesOf(
  body: ByteRange,
  count: number,
  byteAt: (offset: ByteOffset) => number,
): ByteOffset[] {
  const edges: ByteOffset[] = [];
  for (let i = 1; i < count; i++) {
    let edge = body.start + Math.round((lengthOf(body) * i) / count);
    while (edge > body.start && edge < body.end && byteAt(byteOffset(edge - 1)) === BYTE.backslash) edge++;
    if (edge > (edges.at(-1) ?? body.start) && edge < body.end) edges.push(byteOffset(edge));
  }
  return edges;
}

/** The shards between cuts, which are sorted by offset. */
export function shardsBetween(body: ByteRange, cuts: readonly ByteOffset[]): Shard[] {
  const starts = [body.start, ...cuts];
  return starts.map((start, index) => ({ index, range: { start, end: starts[index + 1] ?? body.end } }));
}
