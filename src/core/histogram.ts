/** Histograms of a dataset, of 64 buckets each. */

/** The number of buckets. The last one has no end. */
export const HISTOGRAM_BUCKETS = 64;

/** How many of the conversations of a dataset have how many turns, and how many of its turns have texts of which length. */
export interface Histograms {
  /** A bucket for each number of turns. */
  readonly turns: readonly number[];
  /** Four buckets an octave of lengths, in bytes of the text as `JSON.stringify` spells it, without quotes. */
  readonly lengths: readonly number[];
}

/** The bucket of a conversation with that many turns. */
export function turnsBucket(turns: number): number {
  return Math.min(turns, HISTOGRAM_BUCKETS - 1);
}

/** The bucket of a text of that length. */
export function lengthBucket(length: number): number {
  if (length < 4) return length;
  const octave = 31 - Math.clz32(length);
  return Math.min(4 * (octave - 1) + ((length >>> (octave - 2)) & 3), HISTOGRAM_BUCKETS - 1);
}

/** The first number of turns of each bucket. */
export const TURNS_FROM: readonly number[] = Array.from({ length: HISTOGRAM_BUCKETS }, (_, i) => i);

/** The first length of each bucket. */
export const LENGTHS_FROM: readonly number[] = TURNS_FROM.map((i) =>
  i < 4 ? i : (4 + (i & 3)) * 2 ** (Math.floor(i / 4) - 1),
);
