/** The value below which that share of the numbers lies, 0 to 1; not a number if there are none. */
export function percentile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** The middle one of an odd count of numbers. */
export function median(numbers: readonly number[]): number {
  return percentile(numbers, 1 / 2);
}
