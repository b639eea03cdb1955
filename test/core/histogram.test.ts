import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  HISTOGRAM_BUCKETS,
  LENGTHS_FROM,
  lengthBucket,
  TURNS_FROM,
  turnsBucket,
} from '#dist/core/histogram.js';
import { runs } from '../support/factor.js';

describe.each([
  ['turns', TURNS_FROM, turnsBucket],
  ['lengths', LENGTHS_FROM, lengthBucket],
] as const)('a histogram of %s', (_, from, bucketOf) => {
  it('has buckets that follow each other', () => {
    expect(from).toHaveLength(HISTOGRAM_BUCKETS);
    expect(from.slice(0, 9)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    for (const [i, first] of from.entries()) {
      expect(bucketOf(first)).toBe(i);
      if (i > 0) expect(bucketOf(first - 1)).toBe(i - 1);
    }
  });

  it('has a bucket for every number', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 30 - 1), (number) => {
        const bucket = bucketOf(number);
        expect(from[bucket]).toBeLessThanOrEqual(number);
        expect(from[bucket + 1] ?? Number.POSITIVE_INFINITY).toBeGreaterThan(number);
      }),
      runs(500),
    );
  });
});
