import { describe, expect, it } from 'vitest';
import { allFoldings, fold, foldOf } from '#dist/core/folding.js';

/** All characters that have a case, or that letters of the other case change to. */
const cased = Array.from({ length: 0x1_1000 }, (_, code) => code)
  .concat(Array.from({ length: 0xf000 }, (_, i) => 0x1_1000 + i))
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code))
  .filter((character) => /[\p{Cased}\p{Changes_When_Casemapped}]/u.test(character));

describe('foldOf', () => {
  it('gives letters the same that a regular expression takes for equal, and no others', () => {
    const differing = cased.filter((character) => {
      const expression = new RegExp(`^${character}$`, 'iu');
      const others = [character.toLowerCase(), character.toUpperCase(), foldOf(character)];
      return others.some(
        (other) =>
          [...other].length === 1 && expression.test(other) !== (foldOf(other) === foldOf(character)),
      );
    });
    expect(cased.length).toBeGreaterThan(2500);
    expect(differing).toEqual([]);
  });

  it('gives some letters several: those of CaseFolding.txt with the status F', () => {
    const several = {
      ß: 'ss',
      ẞ: 'ss',
      '\u0130': 'i\u0307',
      '\u0149': '\u02bcn',
      '\u01f0': 'j\u030c',
      '\u0390': '\u03b9\u0308\u0301',
      '\u0587': '\u0565\u0582',
      ﬃ: 'ffi',
      '\u1fb3': '\u03b1\u03b9',
      '\u1fbc': '\u03b1\u03b9',
    };
    for (const [letter, folded] of Object.entries(several)) expect(foldOf(letter)).toBe(folded);
  });

  it('leaves the Turkic i without a dot, and what has no case', () => {
    expect(['ı', '世', '😀', '\ud83d', '1'].map(foldOf)).toEqual(['ı', '世', '😀', '\ud83d', '1']);
  });

  it('gives what folds no further', () => {
    for (const { to } of allFoldings()) expect(Array.from(to, foldOf).join('')).toBe(to);
  });
});

describe('fold', () => {
  it('knows the place that each unit of the folded text comes from', () => {
    const { text, placeOf } = fold('aßİ𐐀z');
    expect(text).toBe('assi\u0307𐐨z');
    expect(Array.from({ length: text.length + 1 }, (_, at) => placeOf(at))).toEqual([
      0, 1, 1, 2, 2, 3, 3, 5, 6,
    ]);
  });
});
