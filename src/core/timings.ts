/** The recorded times of a reply's chunks, as datasets have them in the field `timings` of a turn. */

import { DELAY_MS_MAX, TIMINGS_MAX } from './limits.js';

/** A chunk of a recorded stream: ms from the request to the chunk, and the number of UTF-16 code units of its text. */
export type Timing = readonly [ms: number, length: number];

/** V8 stores a timing as an array of two numbers, with its elements apart, and a reference to it. */
const TIMING_BYTES = 72;

/**
 * Parses the times of a reply.
 *
 * @param value of the field `timings`, parsed
 * @returns the list itself; undefined if it isn't a list of pairs of numbers, is empty or too long, or if a number is impossible: a time
 *     that is negative, longer than a day, or less than the one before, or a length that isn't a whole number
 */
export function parseTimings(value: unknown): readonly Timing[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > TIMINGS_MAX) return undefined;
  let before = 0;
  for (const entry of value) {
    if (!isTiming(entry) || entry[0] < before) return undefined;
    before = entry[0];
  }
  return value;
}

function isTiming(entry: unknown): entry is Timing {
  if (!Array.isArray(entry) || entry.length !== 2) return false;
  const [ms, length] = entry as readonly unknown[];
  const isTime = typeof ms === 'number' && ms >= 0 && ms <= DELAY_MS_MAX;
  return isTime && Number.isSafeInteger(length) && (length as number) >= 0;
}

/** The approximate memory of a reply's times, in bytes. */
export function bytesOfTimings(timings: readonly Timing[] | undefined): number {
  return (timings?.length ?? 0) * TIMING_BYTES;
}

/** The UTF-16 code units of all chunks together. */
export function timedLength(timings: readonly Timing[]): number {
  return timings.reduce((sum, [, length]) => sum + length, 0);
}
