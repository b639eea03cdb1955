/** Where a dataset is cut: first into equal ranges, blindly, then, by what their surveys say, into shards. */

import { BYTE, type ByteOffset, type ByteRange, byteOffset, lengthOf } from './bytes.js';
import { SHARD_BYTES } from './limits.js';
import type { RangeSurvey, Reading } from './survey.js';

/**
 * A byte range of the dataset that one task reads. It begins where an element of the list begins (the first one: right
 * after the `[`) and ends where the next shard begins, so every element stands in exactly one shard.
 */
export interface Shard {
  /** Its place in file order, from 0. */
  readonly index: number;
  readonly range: ByteRange;
  /** True for the shard that must hold the end of the list. */
  readonly last: boolean;
}

/** The shards of a dataset. */
export interface ShardPlan {
  readonly shards: readonly Shard[];
  /** False if the nesting doesn't come out even: then the dataset is not valid, and some shard's reader will say where. */
  readonly sound: boolean;
}

/** How many ranges a body of that length is cut into: one a worker at least, and none much longer than `SHARD_BYTES`. */
export function rangeCount(body: ByteRange, workers: number): number {
  return Math.max(workers, Math.ceil(lengthOf(body) / SHARD_BYTES));
}

/**
 * Cuts `body` into `count` ranges of about the same length; fewer where the body is too short for that many. An edge
 * never follows a backslash: it moves right until it doesn't, so that no range begins in the middle of an escape.
 *
 * @param byteAt reads one byte of the file
 */
export function cutRanges(
  body: ByteRange,
  count: number,
  byteAt: (offset: ByteOffset) => number,
): ByteRange[] {
  const ranges: ByteRange[] = [];
  let start = body.start;
  for (let i = 1; i <= count; i++) {
    let end = Math.max(start, body.start + Math.round((lengthOf(body) * i) / count));
    while (end > body.start && end < body.end && byteAt(byteOffset(end - 1)) === BYTE.backslash) end++;
    if (end === start) continue;
    ranges.push({ start, end: byteOffset(end) });
    start = byteOffset(end);
  }
  return ranges;
}

/**
 * Composes the surveys of an array's ranges, left to right: with the state at a range's start known, its survey tells
 * the state at its end, and where its first record begins.
 *
 * @param body what was cut: from after the `[` to the end of the file
 * @param surveys one a range, in file order
 */
export function planArrayShards(body: ByteRange, surveys: readonly RangeSurvey[]): ShardPlan {
  const cuts: number[] = [];
  let depth = 1;
  let inString = false;
  for (const [i, survey] of surveys.entries()) {
    const reading: Reading | undefined = inString ? survey.inside : survey.outside;
    if (reading === undefined || depth + reading.lowestDepth < 0) {
      return { shards: toShards(body, cuts), sound: false };
    }
    const lowest = depth + reading.lowestDepth;
    // A record begins where something opens directly inside the list, at depth 1. The first range needs no cut.
    const cut = lowest === 1 ? reading.firstAtLowest : lowest === 0 ? reading.firstAboveLowest : undefined;
    if (i > 0 && cut !== undefined) cuts.push(cut);
    depth += reading.depthChange;
    inString = reading.endsInString;
  }
  return { shards: toShards(body, cuts), sound: depth === 0 && !inString };
}

/**
 * Cuts JSON lines, which need no survey: a raw line feed never stands inside a string.
 *
 * @param lineStarts for each range the offset after its first line feed, undefined if it holds none
 */
export function planLineShards(body: ByteRange, lineStarts: readonly (number | undefined)[]): ShardPlan {
  // The first range begins with a line; a cut at the file's end would leave a shard without bytes.
  const cuts = lineStarts
    .slice(1)
    .filter((start): start is number => start !== undefined && start < body.end);
  return { shards: toShards(body, cuts), sound: true };
}

function toShards(body: ByteRange, cuts: readonly number[]): Shard[] {
  const starts = [body.start, ...cuts];
  return starts.map((start, index) => ({
    index,
    range: { start: byteOffset(start), end: byteOffset(starts[index + 1] ?? body.end) },
    last: index === starts.length - 1,
  }));
}
