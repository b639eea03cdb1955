/** The quantile: the value below which that share (0 to 1) of the numbers lies. NaN if there are no numbers. */
export function percentile(numbers: Iterable<number>, share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** The middle one of an odd count of numbers. */
export function median(numbers: Iterable<number>): number {
  return percentile(numbers, 1 / 2);
}

/** Each number of one list divided by that of another: numbers of the same round share its disturbances. */
export function ratios(numbers: readonly number[], bases: readonly number[]): number[] {
  return numbers.map((number, i) => number / (bases[i] ?? Number.NaN));
}
