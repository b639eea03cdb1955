import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { piecesOf } from '#dist/openai/pieces.js';
import { text } from '../support/spelling.js';

describe('the pieces of a text', () => {
  it('are the text when they are joined, each of them small', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          fc.lorem(),
          fc.array(text).map((texts) => texts.join(' ')),
        ),
        (whole) => {
          const pieces = piecesOf(whole);
          expect(pieces.join('')).toBe(whole);
          for (const piece of pieces) expect(Array.from(piece.trim()).length).toBeLessThanOrEqual(16);
        },
      ),
    );
  });

  it('are about the words', () => {
    expect(piecesOf('One, two  three.\n\nFour ')).toEqual(['One,', ' two', '  three.', '\n\nFour', ' ']);
    expect(piecesOf('')).toEqual([]);
  });

  it('never end inside a code point', () => {
    const pieces = piecesOf(`a${'👩‍👩‍👧'.repeat(50)}`);
    expect(pieces.length).toBeGreaterThan(1);
    for (const piece of pieces) expect(piece.isWellFormed()).toBe(true);
  });
});
