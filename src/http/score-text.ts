/** Less than the difference of two scores of texts: it makes up for the rounding of binary fractions. */
const EPSILON = 1e-9;

/** A score with two decimals, never rounded up: only a score that is at least the minimum looks like it. */
export function scoreText(score: number): string {
  return (Math.floor(score * 100 + EPSILON) / 100).toFixed(2);
}
