import { describe, expect, it } from 'vitest';
import { INDEX_SEGMENTS_LEFT, INDEX_SEGMENTS_MAX } from '#dist/core/limits.js';
import { firstToMerge } from '#dist/index/merging.js';
import { chance } from '../support/chance.js';

/** Adds segments one after the other, and merges them as planned. Returns the sizes, and how many turns were merged. */
function grown(first: number, added: Iterable<number>, left = INDEX_SEGMENTS_LEFT) {
  let sizes = [first];
  let merged = 0;
  let most = 0;
  for (const size of added) {
    sizes.push(size);
    const from = firstToMerge(sizes, left, true);
    const sum = sizes.slice(from).reduce((total, each) => total + each, 0);
    if (from < sizes.length - 1) merged += sum;
    sizes = [...sizes.slice(0, from), sum];
    most = Math.max(most, sizes.length);
  }
  return { sizes, merged, most };
}

describe('merging segments', () => {
  it('leaves few of them, and merges a turn only now and then, if lines come one by one', () => {
    const count = 100_000;
    const { sizes, merged, most } = grown(600_000, Array(count).fill(4));
    expect(most).toBeLessThanOrEqual(INDEX_SEGMENTS_LEFT);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(600_000 + 4 * count);
    expect(merged / (4 * count)).toBeLessThan(40);
  });

  it('leaves few of them, whatever their sizes', () => {
    const random = chance(5);
    for (let round = 0; round < 200; round++) {
      const added = Array.from({ length: 300 }, () => random(2 ** random(20)));
      for (const left of [1, 2, INDEX_SEGMENTS_LEFT, INDEX_SEGMENTS_MAX])
        expect(grown(random(1_000_000), added, left).most).toBeLessThanOrEqual(Math.max(2, left));
    }
  });

  it('takes the first one only once the others have half of its turns', () => {
    expect(firstToMerge([1000, 300, 199], INDEX_SEGMENTS_LEFT, true)).toBe(1);
    expect(firstToMerge([1000, 300, 200], INDEX_SEGMENTS_LEFT, true)).toBe(0);
    expect(firstToMerge([1000, 200], INDEX_SEGMENTS_LEFT, true)).toBe(1);
    expect(firstToMerge([0, 1], INDEX_SEGMENTS_LEFT, true)).toBe(0);
  });
});
