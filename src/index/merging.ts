/** How many times larger a segment is at least than all after it together. If it were more, there would be fewer segments and more merges. */
const FACTOR = 4;

/** The file's first segment is merged once all others together have this share of its size. */
const FIRST_SHARE = 0.5;

/**
 * Which segments of a file to merge into one, so that few remain: those from the returned one to the last one; the last one alone if none.
 * As sizes differ by a factor, a turn is merged only as often as the number of turns after it has multiplied.
 *
 * @param sizes the sizes of the segments, in file order; at least one
 * @param max how many may remain: at least one, and one more than the file's first
 * @param hasFirst true if the first of them is the file's first one
 */
export function firstToMerge(sizes: readonly number[], max: number, hasFirst: boolean): number {
  const most = Math.max(max, hasFirst ? 2 : 1);
  for (let factor = FACTOR; ; factor *= 2) {
    const first = firstBelow(sizes, factor, hasFirst);
    if (first < most) return first;
  }
}

function firstBelow(sizes: readonly number[], factor: number, hasFirst: boolean): number {
  let first = sizes.length - 1;
  let after = 0;
  for (let i = sizes.length - 1; i >= 0; i--) {
    const size = Math.max(1, sizes[i] as number);
    const isBelow = hasFirst && i === 0 ? after >= FIRST_SHARE * size : size < factor * after;
    if (isBelow) first = i;
    after += size;
  }
  return first;
}
