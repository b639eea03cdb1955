/** The letters in which two texts differ. */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { differenceOf, type Part } from '../../src/web/difference.js';
import { runs } from '../support/factor.js';

const without = (kind: Part['kind'], parts: readonly Part[]) =>
  parts
    .filter((part) => part.kind !== kind)
    .map(({ text }) => text)
    .join('');

it('has both texts in it, whatever they are', () => {
  const letters = fc.string({
    unit: fc.constantFrom('a', 'b', ' ', 'é', '\u{1f600}', '\ud800'),
    maxLength: 40,
  });
  fc.assert(
    fc.property(letters, letters, (one, other) => {
      const parts = differenceOf(one, other);
      expect(without('added', parts)).toBe(one);
      expect(without('removed', parts)).toBe(other);
    }),
    runs(500),
  );
});

it('marks what differs, and no more', () => {
  expect(differenceOf('on 2031-04-05 at noon', 'on 2031-07-05 at noon')).toEqual([
    { kind: 'equal', text: 'on 2031-0' },
    { kind: 'removed', text: '4' },
    { kind: 'added', text: '7' },
    { kind: 'equal', text: '-05 at noon' },
  ]);
});

it('of two long texts is at most all of them', () => {
  const [one, other] = ['a'.repeat(5000), 'b'.repeat(5000)];
  expect(differenceOf(one, other)).toEqual([
    { kind: 'removed', text: one },
    { kind: 'added', text: other },
  ]);
});
