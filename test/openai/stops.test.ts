import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutAtStop } from '#dist/openai/stops.js';
import { runs } from '../support/factor.js';

describe('a text with stops', () => {
  it.each([
    ['none', [], 'one, two'],
    ['one that it has not', ['three'], 'one, two'],
    ['one', [','], 'one'],
    ['several: the first in the text counts', ['two', ', ', 'o, '], 'one'],
    ['an empty one, which stops nothing', ['', 'two'], 'one, '],
    ['one that it begins with', ['one'], ''],
  ])('%s', (_what, texts, expected) => {
    expect(cutAtStop('one, two', { texts, areKept: false })).toBe(expected);
  });

  it('ends with its stop if that is kept, the shorter one of two at one place', () => {
    expect(cutAtStop('one, two', { texts: ['two', ', '], areKept: true })).toBe('one, ');
    expect(cutAtStop('one, two', { texts: [', t', ','], areKept: true })).toBe('one,');
    expect(cutAtStop('one, two', { texts: [',', ', t'], areKept: true })).toBe('one,');
  });

  it('is what stands before the first of them, whatever they are', () => {
    const words = fc.array(fc.constantFrom('a', 'b', 'ab', 'ba', '😀'), { maxLength: 12 });
    const stops = fc.array(fc.constantFrom('', 'aa', 'ab', 'bb', 'b', '😀a'), { maxLength: 4 });
    fc.assert(
      fc.property(words, stops, (list, texts) => {
        const text = list.join('');
        const cut = cutAtStop(text, { texts, areKept: false });
        expect(text.startsWith(cut)).toBe(true);
        const real = texts.filter((stop) => stop !== '');
        expect(real.some((stop) => cut.includes(stop))).toBe(false);
        const stopsThere = real.some((stop) => text.startsWith(stop, cut.length));
        expect(stopsThere || cut === text).toBe(true);
      }),
      runs(100),
    );
  });
});
