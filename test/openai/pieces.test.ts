import fc from 'fast-check';
import * as cl100k from 'gpt-tokenizer/encoding/cl100k_base';
import * as o200k from 'gpt-tokenizer/encoding/o200k_base';
import { CL100K_TOKEN_SPLIT_REGEX, O200K_TOKEN_SPLIT_REGEX } from 'gpt-tokenizer/encodingParams/constants';
import { describe, expect, it } from 'vitest';
import { TOKENIZERS } from '#dist/core/tokens.js';
import { piecesOf } from '#dist/openai/pieces.js';
import { runs } from '../support/factor.js';
import { partsOf } from '../support/long-words.js';
import { text } from '../support/spelling.js';

/** Treats special tokens as ordinary text. */
const SPECIAL = { disallowedSpecial: new Set<string>() };

const texts = fc.oneof(
  text,
  fc.lorem(),
  fc.array(text).map((parts) => parts.join(' ')),
);

describe.each(TOKENIZERS)('the pieces of a text by %s', (name) => {
  const { encode } = name === 'o200k_base' ? o200k : cl100k;

  it('are the text when they are joined', () => {
    fc.assert(
      fc.property(texts, (whole) => {
        expect([...piecesOf(whole, name)].join('')).toBe(whole);
      }),
      runs(100),
    );
  });

  it('are whole tokens', () => {
    fc.assert(
      fc.property(texts, (whole) => {
        const each = [...piecesOf(whole, name)].flatMap((piece) => encode(piece, SPECIAL));
        expect(each).toEqual(encode(whole, SPECIAL));
      }),
      runs(100),
    );
  });

  // The expressions of the tokenizers overflow the stack at some 10,000,000 characters that aren't ASCII.
  it.each([
    ['一A', 10_000_000],
    ['日本', 10_000_000],
    ...['a', ' ', '\n', "'", '!'].map((part): [string, number] => [part, 2_000_000]),
  ])('are limited in length for a very long word: %j', (part, characters) => {
    const whole = part.repeat(characters / part.length);
    let length = 0;
    let cut = 0;
    for (const piece of piecesOf(whole, name)) {
      if (!piece.isWellFormed()) cut++;
      length += piece.length;
    }
    expect({ length, cut }).toEqual({ length: whole.length, cut: 0 });
  });

  it('never end inside a code point', () => {
    const pieces = [...piecesOf('a👩‍👩‍👧 '.repeat(50), name)];
    expect(pieces.length).toBeGreaterThan(1);
    for (const piece of pieces) expect(piece.isWellFormed()).toBe(true);
  });
});

it('are roughly words', () => {
  const pieces = [...piecesOf('One, two  three.\n\nFour ', 'o200k_base')];
  expect(pieces).toEqual(['One', ',', ' two', ' ', ' three', '.\n\n', 'Four', ' ']);
  expect([...piecesOf('', 'o200k_base')]).toEqual([]);
});

it.each(TOKENIZERS)('of a long text are those of its parts, wherever reading starts: %s', (name) => {
  const expressions = { o200k_base: O200K_TOKEN_SPLIT_REGEX, cl100k_base: CL100K_TOKEN_SPLIT_REGEX };
  const words = [' word', 'aB', '!', '\n', ' ', '日本', '😀', 'e\u0301', '7', "'ll", '/'];
  const random = fc.array(fc.tuple(fc.constantFrom(...words), fc.integer({ min: 1, max: 600 })), {
    minLength: 100,
    maxLength: 200,
  });
  fc.assert(
    fc.property(random, (runsOf) => {
      const whole = runsOf.map(([word, count]) => word.repeat(count)).join('');
      const parts = [...partsOf(whole)].flatMap((part) => [...part.matchAll(expressions[name])]);
      expect([...piecesOf(whole, name)]).toEqual(parts.map(([piece]) => piece));
    }),
    runs(20),
  );
});
