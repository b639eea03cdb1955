/**
 * Searches for the first place in a range where a condition holds. The condition must hold at all places after the first one, too; it is
 * never evaluated at the end of the range.
 */

/** The first place from `low` on where the condition holds, or `high`. */
export function firstBetween(low: number, high: number, isTrue: (place: number) => boolean): number {
  let from = low;
  let to = high;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (isTrue(middle)) to = middle;
    else from = middle + 1;
  }
  return from;
}

/** The same result, found faster near `low`: searches in steps that double. */
export function firstFrom(low: number, high: number, isTrue: (place: number) => boolean): number {
  let from = low;
  let to = low;
  for (let step = 1; to < high && !isTrue(to); step *= 2) {
    from = to + 1;
    to = Math.min(high, to + step);
  }
  return firstBetween(from, to, isTrue);
}

/** The same result, found faster near a guess, which is between `low` and `high` (inclusive). */
export function firstNear(
  guess: number,
  low: number,
  high: number,
  isTrue: (place: number) => boolean,
): number {
  let from = guess;
  let to = guess;
  for (let step = 1; from > low && isTrue(from - 1); step *= 2) {
    to = from - 1;
    from = Math.max(low, to - step);
  }
  return to < guess ? firstBetween(from, to, isTrue) : firstFrom(guess, high, isTrue);
}
