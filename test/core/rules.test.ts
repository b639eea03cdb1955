import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalizeSpace } from '#dist/core/keys.js';
import { normalizerOf, type Rule } from '#dist/core/rules.js';
import { runs } from '../support/factor.js';

const SOURCES = [
  'b',
  'a*',
  '(a)|(?<name>b)',
  '(?=(.*))',
  '(?<=(a))(b)(c)?',
  '(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)',
  '$',
];
const PIECES = [
  '$',
  '$$',
  '$&',
  '$`',
  "$'",
  '$0',
  '$1',
  '$2',
  '$01',
  '$10',
  '$11',
  '$12',
  '$<name>',
  '$<',
  '>',
  '3',
  'x',
];
const rule = fc.record<Rule>({
  source: fc.constantFrom(...SOURCES),
  flags: fc.constantFrom('', 'g', 'i', 'u', 'y', 'gs'),
  replacement: fc.array(fc.constantFrom(...PIECES), { maxLength: 5 }).map((pieces) => pieces.join('')),
});

describe('rules', () => {
  it('replace as String.prototype.replace does', () => {
    const text = fc.oneof(
      fc.constant('abcdefghijkl'),
      fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' ', '😀') }),
    );
    fc.assert(
      fc.property(text, rule, (text, rule) => {
        const { source, flags, replacement } = rule;
        const expected = text.replace(new RegExp(source, `${flags.replace('g', '')}g`), replacement);
        expect(normalizerOf([rule])(text)).toBe(normalizeSpace(expected));
      }),
      runs(500),
    );
  });

  it.each<[string, Partial<Rule>, string]>([
    ['a match that is repeated', { source: 'e', replacement: '$&'.repeat(20) }, 'e'.repeat(1000)],
    ['a group', { source: '(?=(.*))', replacement: '$1' }, 'e'.repeat(1000)],
    ['a text', { source: '', replacement: 'long '.repeat(5) }, 'e'.repeat(1000)],
    ['the text after each match', { source: 'e', replacement: "$'" }, 'e'.repeat(1000)],
  ])('don’t make a text more than 16 times as long: %s', (_what, given, text) => {
    const growing = { source: '', flags: '', replacement: '', ...given };
    expect(normalizerOf([growing])(text)).toBeUndefined();
    expect(normalizerOf([growing])('e')).toBeTypeOf('string');
  });

  it('may make a short text 1024 characters long', () => {
    const twice = { source: '.*', flags: '', replacement: '$&$&' };
    expect(normalizerOf(Array(9).fill(twice))('ee')).toHaveLength(1024);
    expect(normalizerOf(Array(10).fill(twice))('ee')).toBeUndefined();
  });
});
