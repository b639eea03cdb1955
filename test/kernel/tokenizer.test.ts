/** The kernel counts, encodes and decodes as gpt-tokenizer does. */

import fc from 'fast-check';
import * as cl100k from 'gpt-tokenizer/encoding/cl100k_base';
import * as o200k from 'gpt-tokenizer/encoding/o200k_base';
import { afterAll, describe, expect, it } from 'vitest';
import { TOKENIZERS } from '#dist/core/tokens.js';
import { KernelTokenizer, loadVocabulary } from '#dist/kernel/tokenizer.js';
import { runs } from '../support/factor.js';

const NOTHING_SPECIAL = { disallowedSpecial: new Set<string>() };
const reference = { o200k_base: o200k, cl100k_base: cl100k };

const lone = fc.constantFrom('\ud83d', '\ude00');
const some = fc.constantFrom(
  ' ',
  '\n',
  ' word',
  'é',
  '日本語',
  '😀',
  '👨‍👩‍👧',
  '\u0301',
  "don't",
  '<|endoftext|>',
  '\\',
  '"',
);
const text = fc
  .array(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.lorem(), some, lone))
  .map((parts) => parts.join(''));

describe.each(TOKENIZERS)('the kernel with the vocabulary of %s', (name) => {
  const tokenizer = new KernelTokenizer(loadVocabulary(name));
  afterAll(() => tokenizer.close());
  const tokensOf = (whole: string) => reference[name].encode(whole, NOTHING_SPECIAL);

  it('encodes any text as gpt-tokenizer does, and decodes it again', () => {
    fc.assert(
      fc.property(text, (whole) => {
        const tokens = tokenizer.encode(whole);
        expect([...tokens]).toEqual(tokensOf(whole));
        const bytes = tokenizer.decode(tokens) ?? expect.fail('an unknown token');
        expect(Buffer.from(bytes)).toEqual(Buffer.from(whole));
        expect([...tokens].reduce((sum, token) => sum + tokenizer.sizeOf(token), 0)).toBe(bytes.length);
      }),
      runs(300),
    );
  });

  it('counts what it encodes', () => {
    fc.assert(
      fc.property(text, (whole) => {
        const { length } = tokenizer.encode(whole);
        const spelled = Buffer.from(`.${JSON.stringify(whole)}.`);
        expect(tokenizer.count(whole)).toBe(length);
        expect(tokenizer.countSpelled(spelled, 2, spelled.length - 4)).toBe(length);
      }),
      runs(300),
    );
  });
});
