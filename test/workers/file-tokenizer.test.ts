/** Tokenizers of files: compared with Hugging Face's own library, by the tokens of test/data/tokenizers/tokenized.json. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileTokenizer } from '#dist/workers/file-tokenizer.js';
import { runs } from '../support/factor.js';
import { KINDS, tokenized, tokenizerFile } from '../support/tokenizers.js';

const tokenizers = KINDS.map((kind) => [kind, fileTokenizer(tokenizerFile(kind).content)] as const);
const inBytes = tokenizers.filter(([kind]) => kind !== 'unigram');

const pieces = fc.constantFrom(
  ' ',
  '  ',
  '\n',
  'word',
  'é',
  'ﬁ',
  '日本',
  '😀',
  '𝒳',
  '▁',
  '<0x41>',
  '</s>',
  '<|im_end|>',
);
const texts = fc
  .array(fc.oneof(pieces, pieces, fc.string({ unit: 'binary' }), fc.constantFrom('\ud83d', '\ude00')), {
    maxLength: 12,
  })
  .map((parts) => parts.join(''));
/** Texts that decoding restores: some tokenizers add a space after a special token. */
const restored = texts.map((text) => text.toWellFormed().replaceAll('</s>', ''));

describe.each(tokenizers)('the tokenizer of a file: %s', (kind, tokenizer) => {
  it.each(tokenized.texts.map((text, i) => [text, tokenized[kind][i] ?? []] as const))(
    "has the same tokens as Hugging Face's library: %j",
    (text, ids) => {
      expect(tokenizer.encode(text)).toEqual(ids);
      expect(tokenizer.count(text)).toBe(ids.length);
    },
  );

  it('ends each token at the border of a code point, and the last with the text', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const ends = tokenizer.ends(text);
        expect(ends).toHaveLength(tokenizer.count(text));
        expect(ends.toSorted()).toEqual(ends);
        if (ends.length > 0) expect(ends.at(-1)).toBe(text.length);
        const borders = new Set([0]);
        for (let at = 0; at < text.length; borders.add(at))
          at += (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
        expect([...ends].filter((end) => !borders.has(end))).toEqual([]);
      }),
      runs(300),
    );
  });

  it('encodes words of any length', () => {
    // More tokens than a call may have arguments; other words only longer than those that are encoded whole.
    const LENGTHS = {
      x: 150_000,
      ' ': 150_000,
      '\n': 30_000,
      '😀': 30_000,
      日本: 30_000,
      '▁': 30_000,
      'one two ': 30_000,
    };
    for (const [word, length] of Object.entries(LENGTHS)) {
      const text = word.repeat(length / word.length);
      const ends = tokenizer.ends(text);
      expect(ends.length).toBe(tokenizer.count(text));
      expect(ends.at(-1)).toBe(text.length);
    }
  });

  it('decodes no id that it lacks', () => {
    expect(tokenizer.decode([])).toBe('');
    expect(tokenizer.decode([5, 1_000_000])).toBeUndefined();
    expect(tokenizer.decode([1.5])).toBeUndefined();
  });
});

describe.each(inBytes)('the tokenizer of a file that knows every byte: %s', (kind, tokenizer) => {
  it('decodes what it has encoded', () => {
    fc.assert(
      fc.property(restored, (text) => {
        // A space in place of the sign for it.
        const read = kind === 'byte-level' ? text : text.replaceAll('▁', ' ');
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(read);
      }),
      runs(300),
    );
  });

  it('ends a token where its text ends', () => {
    const ends = tokenizer.ends('Hi, 😀 é!');
    const pieces = [...ends].map((end, i) => 'Hi, 😀 é!'.slice(ends[i - 1] ?? 0, end));
    expect(pieces.filter((piece) => piece !== '').join('|')).toBe('H|i|,| |😀| |é|!');
  });

  it('cuts no character of a long word into two', () => {
    for (const before of ['', 'x']) {
      const text = `${before}${'😀'.repeat(10_000)}`;
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }
  });
});

it('a chat is encoded as ChatML, whose marks are single tokens if the vocabulary has them', () => {
  const messages = [
    { role: 'user', name: 'Ann', text: 'Hi' },
    { role: 'assistant', text: 'Hello', calls: [{ id: undefined, name: 'f', arguments: '{}' }] },
  ];
  const chat =
    '<|im_start|>user:Ann\nHi<|im_end|>\n<|im_start|>assistant\nHellof{}<|im_end|>\n<|im_start|>assistant\n';
  for (const [, tokenizer] of inBytes) {
    expect(tokenizer.decode(tokenizer.encodeChat(messages, true))).toBe(chat);
  }
  const [, byteLevel] = tokenizers[0] as (typeof tokenizers)[0];
  expect(
    byteLevel.encodeChat(messages, false).filter((id) => byteLevel.textOf(id) === '<|im_end|>'),
  ).toHaveLength(2);
});

it('the text of a token is what it adds to a text', () => {
  const textsOf = (i: number) => {
    const [, tokenizer] = tokenizers[i] as (typeof tokenizers)[0];
    return tokenizer.encode('a, 日').map(tokenizer.textOf).join('|');
  };
  expect(KINDS.map((_, i) => textsOf(i))).toEqual(['a|,| |�|�|�', ' a|,| |日', ' a|,| |日']);
});
