/** Searches for the first place where something is true that stays true: between two places, of which the second is never asked. */

/** The first place from `low` on for which it is true, `high` if there is none before. */
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

/** The same, if it is not far from `low`: looked for in steps that double. */
export function firstFrom(low: number, high: number, isTrue: (place: number) => boolean): number {
  let from = low;
  let to = low;
  for (let step = 1; to < high && !isTrue(to); step *= 2) {
    from = to + 1;
    to = Math.min(high, to + step);
  }
  return firstBetween(from, to, isTrue);
}

/** The same, if it is not far from a guess, which is one of the places or `high`. */
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
