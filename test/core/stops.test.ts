import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { STOPS_SEARCH_LENGTH } from '#dist/core/limits.js';
import { type CutText, cutAtStop, type Stops } from '#dist/core/stops.js';
import { runs } from '../support/factor.js';

/** The remaining text, the stop after it, and the number of steps to find it. */
function searched(text: string, stops: Stops): CutText & { readonly steps: number } {
  const steps = cutAtStop(text, stops);
  for (let count = 1; ; count++) {
    const { value, done } = steps.next();
    if (done === true) return { ...value, steps: count };
  }
}

const cutOf = (text: string, stops: Stops) => searched(text, stops).text;

describe('a text with stops', () => {
  it.each([
    ['none', [], 'one, two'],
    ['one that it lacks', ['three'], 'one, two'],
    ['one', [','], 'one'],
    ['several: the first in the text counts', ['two', ', ', 'o, '], 'one'],
    ['an empty one, which stops nothing', ['', 'two'], 'one, '],
    ['one that it begins with', ['one'], ''],
  ])('%s', (_what, texts, expected) => {
    expect(cutOf('one, two', { texts, areKept: false })).toBe(expected);
  });

  it('ends with its stop if that is included, the shorter of two at the same position', () => {
    expect(cutOf('one, two', { texts: ['two', ', '], areKept: true })).toBe('one, ');
    expect(cutOf('one, two', { texts: [', t', ','], areKept: true })).toBe('one,');
    expect(cutOf('one, two', { texts: [',', ', t'], areKept: true })).toBe('one,');
  });

  it('ends before the first stop, whatever the stops are', () => {
    const words = fc.array(fc.constantFrom('a', 'b', 'ab', 'ba', '😀'), { maxLength: 12 });
    const stops = fc.array(fc.constantFrom('', 'aa', 'ab', 'bb', 'b', '😀a'), { maxLength: 4 });
    // The first step ends inside the words.
    const before = fc.integer({ min: 0, max: 14 }).map((length) => 'x'.repeat(STOPS_SEARCH_LENGTH - length));
    fc.assert(
      fc.property(fc.oneof(before, fc.constant('')), words, stops, (beginning, list, texts) => {
        const text = beginning + list.join('');
        const { text: cut, stop } = searched(text, { texts, areKept: false });
        expect(text.startsWith(cut)).toBe(true);
        const real = texts.filter((stop) => stop !== '');
        expect(real.some((stop) => cut.includes(stop))).toBe(false);
        const there = real.filter((each) => text.startsWith(each, cut.length));
        expect(there.length > 0 || cut === text).toBe(true);
        expect(stop).toBe(there.sort((a, b) => a.length - b.length)[0]);
      }),
      runs(400),
    );
  });

  it('is searched in steps, and no further than the first stop', () => {
    const text = `${'x'.repeat(3 * STOPS_SEARCH_LENGTH)}stop${'x'.repeat(5 * STOPS_SEARCH_LENGTH)}`;
    expect(searched(text, { texts: ['none'], areKept: false }).steps).toBe(10);
    expect(searched(text, { texts: ['none', 'stop'], areKept: false }).steps).toBe(4);
  });
});
