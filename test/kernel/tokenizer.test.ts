/**
 * The kernel counts, encodes and decodes as gpt-tokenizer does. Texts with the few characters that it handles otherwise than tiktoken are
 * compared with a plain loop over tiktoken's pieces.
 */

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import cl100kRanks from 'gpt-tokenizer/bpeRanks/cl100k_base';
import o200kRanks from 'gpt-tokenizer/bpeRanks/o200k_base';
import * as cl100k from 'gpt-tokenizer/encoding/cl100k_base';
import * as o200k from 'gpt-tokenizer/encoding/o200k_base';
import { CL100K_TOKEN_SPLIT_REGEX, O200K_TOKEN_SPLIT_REGEX } from 'gpt-tokenizer/encodingParams/constants';
import { afterAll, describe, expect, it } from 'vitest';
import { TOKENIZERS, type TokenizerName } from '#dist/core/tokens.js';
import { CHAT_MARKS, KernelTokenizer } from '#dist/kernel/tokenizer.js';
import { freeTokenizersOf, loadVocabulary, type Vocabulary } from '#dist/kernel/vocabulary.js';
import { runs } from '../support/factor.js';

/** The modules of the tokenizer, for programs. */
const MODULE = JSON.stringify(import.meta.resolve('#dist/kernel/tokenizer.js'));
const VOCABULARY_MODULE = JSON.stringify(import.meta.resolve('#dist/kernel/vocabulary.js'));
const NOTHING_SPECIAL = { disallowedSpecial: new Set<string>() };
const LIBRARIES = { o200k_base: o200k, cl100k_base: cl100k };
const VOCABULARIES = { o200k_base: loadVocabulary('o200k_base'), cl100k_base: loadVocabulary('cl100k_base') };
const EXPRESSIONS = {
  o200k_base: asInTiktoken(O200K_TOKEN_SPLIT_REGEX),
  cl100k_base: asInTiktoken(CL100K_TOKEN_SPLIT_REGEX),
};
/** Characters that gpt-tokenizer and tiktoken handle differently. */
const DIFFERENT = /[\u0085\ufeff\u017f]/;
const RANKS = { o200k_base: o200kRanks, cl100k_base: cl100kRanks };

const lone = fc.constantFrom('\ud83d', '\ude00');
/** Of each class of characters, of one to four bytes. */
const CHARACTERS = [
  ...'aZéÉжЖǅʰªאא一あ가𝐀𝐚\u0301\u0903٣½Ⅷ𝟘5 \t\n\r\v\u00a0\u2003\u3000\u2028\u0085\ufeffſ.,!?/\\"\'-_()…“€😀\u200d\u0000\u007f',
];
const short = fc.constantFrom(
  ...CHARACTERS,
  ' ',
  ' ',
  'word',
  ' word',
  'Word',
  "'s",
  "'LL",
  "'ve",
  "'ſ",
  '12',
  '3456',
  '  ',
  '\n\n',
  '\r\n',
  '    ',
  '👨‍👩‍👧',
  '<|endoftext|>',
);
const spliced = fc.array(short, { maxLength: 120 }).map((parts) => parts.join(''));
const text = fc
  .array(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.lorem(), spliced, lone))
  .map((parts) => parts.join(''));
/** Texts with words that are longer than a window of the merges, or than a slice. */
const long = fc
  .array(
    fc.tuple(
      fc.oneof(short, fc.stringMatching(/^[a-z]{1,4}$/), fc.string({ unit: 'binary', maxLength: 4 })),
      fc.constantFrom(1, 3, 500, 5000, 12_000),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.map(([part, count]) => part.repeat(count)).join(''));

/** The white space of Rust's expressions, and contractions with the long s. */
function asInTiktoken(expression: RegExp): RegExp {
  const white = String.raw`\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`;
  const source = expression.source
    .replaceAll(String.raw`[^\s\p{L}\p{N}]`, `[^${white}\\p{L}\\p{N}]`)
    .replaceAll(String.raw`\s`, `[${white}]`)
    .replaceAll(String.raw`\S`, `[^${white}]`)
    .replaceAll('[sS]', '[sS\u017f]');
  return new RegExp(source, 'gu');
}

/** Encodes as tiktoken does: slow for long words. */
function plainTokens(whole: string, name: TokenizerName, ranks: ReadonlyMap<string, number>): number[] {
  return [...whole.matchAll(EXPRESSIONS[name])].flatMap(([piece]) => {
    const bytes = Buffer.from(piece).toString('latin1');
    const rank = ranks.get(bytes);
    return rank === undefined ? merged(bytes, ranks).map((part) => ranks.get(part) as number) : [rank];
  });
}

function bytesOf(token: string | readonly number[]): Buffer {
  return typeof token === 'string' ? Buffer.from(token) : Buffer.from(token);
}

/** The ranks of a vocabulary, by the bytes of its tokens as a byte string. */
function ranksOf(name: TokenizerName): Map<string, number> {
  return new Map(RANKS[name].map((token, rank) => [bytesOf(token as string).toString('latin1'), rank]));
}

/** Byte pair encoding as it is defined. Each time, all neighbours are looked at. */
function merged(word: string, ranks: ReadonlyMap<string, number>): string[] {
  const parts = [...word];
  const rankAt = (i: number) =>
    i + 1 < parts.length
      ? (ranks.get(`${parts[i]}${parts[i + 1]}`) ?? Number.POSITIVE_INFINITY)
      : Number.POSITIVE_INFINITY;
  const pairs = parts.map((_, i) => rankAt(i));
  while (true) {
    let at = 0;
    for (let i = 1; i < pairs.length; i++) if ((pairs[i] as number) < (pairs[at] as number)) at = i;
    if (pairs[at] === Number.POSITIVE_INFINITY || parts.length < 2) return parts;
    parts.splice(at, 2, `${parts[at]}${parts[at + 1]}`);
    pairs.splice(at, 1);
    pairs[at] = rankAt(at);
    if (at > 0) pairs[at - 1] = rankAt(at - 1);
  }
}

function same(tokens: Uint32Array, expected: readonly number[]): boolean {
  return tokens.length === expected.length && expected.every((token, i) => token === tokens[i]);
}

function drained<T>(work: Generator<void, T>): T {
  while (true) {
    const result = work.next();
    if (result.done === true) return result.value;
  }
}

describe.each(TOKENIZERS)('the kernel with the vocabulary of %s', (name) => {
  const tokenizer = new KernelTokenizer(VOCABULARIES[name]);
  afterAll(() => tokenizer.close());
  const ranks = ranksOf(name);
  const tokensOf = (whole: string) =>
    DIFFERENT.test(whole) ? plainTokens(whole, name, ranks) : LIBRARIES[name].encode(whole, NOTHING_SPECIAL);
  const expectSame = (whole: string) => {
    const expected = tokensOf(whole);
    const tokens = tokenizer.encode(whole);
    // An assertion for each text would take longer than everything else.
    if (!same(tokens, expected)) expect([...tokens], JSON.stringify(whole)).toEqual(expected);
  };

  it('encodes any text as gpt-tokenizer does, and decodes it again', () => {
    fc.assert(
      fc.property(text, (whole) => {
        expectSame(whole);
        const tokens = tokenizer.encode(whole);
        const bytes = tokenizer.decode(tokens) ?? expect.fail('an unknown token');
        expect(Buffer.from(bytes)).toEqual(Buffer.from(whole));
        expect([...tokens].reduce((sum, token) => sum + tokenizer.sizeOf(token), 0)).toBe(bytes.length);
      }),
      runs(1000),
    );
  });

  it('encodes every two, three and four characters of different classes as gpt-tokenizer does', () => {
    const some = [...'Aa一\u0301é5 \t\n\u3000./\'s"😀\u0001É', 'b\u2028'];
    for (const one of some) {
      for (const two of some) {
        const pairs = some.flatMap((three) =>
          ['', 'b', 'B', '\n', ' ', "'"].map((four) => one + two + three + four),
        );
        for (const whole of pairs) expectSame(whole);
        // As parts of a longer text, whose characters are looked at many at once.
        expectSame(pairs.join('x'));
        expectSame(pairs.join(' y'));
      }
    }
  });

  it('encodes every character that Unicode has as a plain loop does', () => {
    // Beyond plane 3 there are only tags and selectors, and private use.
    for (let first = 0; first < 0x110000; first += first < 0x34000 ? 512 : 0x8000) {
      const characters = Array.from({ length: 512 }, (_, i) => String.fromCodePoint(first + i));
      const whole = characters.map((character) => `${character}a ${character}B`).join('');
      if (!same(tokenizer.encode(whole), plainTokens(whole, name, ranks)))
        expect(first.toString(16)).toBe('no page');
    }
  });

  it('counts what it encodes, as it is or spelled', () => {
    fc.assert(
      fc.property(fc.oneof(text, long), (whole) => {
        const { length } = tokenizer.encode(whole);
        const spelled = Buffer.from(`.${JSON.stringify(whole)}.`);
        expect(tokenizer.count(whole)).toBe(length);
        expect(tokenizer.countSpelled(spelled, 2, spelled.length - 4)).toBe(length);
      }),
      runs(200),
    );
  });

  it('encodes long words as merging them pair by pair does', () => {
    const letters = fc.constantFrom(
      'abcdefghijklmnopqrstuvwxyz',
      'etaoin',
      'ab',
      '日本語文字列漢字',
      'אבגדה',
      '-=_*#.',
    );
    const word = fc
      .tuple(letters, fc.array(fc.nat(), { minLength: 700, maxLength: 1800, size: 'max' }))
      .map(([from, numbers]) => numbers.map((number) => [...from][number % [...from].length]).join(''));
    fc.assert(
      fc.property(word, fc.integer({ min: 1, max: 4 }), (once, times) => {
        const whole = once.repeat(times);
        const expected = plainTokens(whole, name, ranks);
        expect([...tokenizer.encode(whole)]).toEqual(expected);
      }),
      runs(6),
    );
  });

  it('encodes in steps what it encodes at once, also if other texts are encoded between two steps', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(text, long), { minLength: 2, maxLength: 3 }), (texts) => {
        const works = texts.map((whole) => tokenizer.encodeInSteps(whole));
        const counts = texts.map((whole) => tokenizer.countInSteps(whole));
        const results: unknown[] = Array.from({ length: 2 * texts.length });
        for (let left = 2 * texts.length; left > 0; ) {
          for (const [i, work] of [...works, ...counts].entries()) {
            const result = work.next();
            if (result.done !== true || results[i] !== undefined) continue;
            results[i] = result.value;
            left--;
          }
          tokenizer.count('a short one');
        }
        const expected = texts.map((whole) => tokenizer.encode(whole));
        expect(results).toEqual([...expected, ...expected.map(({ length }) => length)]);
      }),
      runs(10),
    );
  });

  it.each([
    ['a', 1],
    ['一', 1],
    ['\ud800', 1],
    [' ', 1],
    ['\n', 1],
    ['!', 1],
    ['7', 3],
    ['\u0378', 1],
    ['👩\u200d', 1],
    ['一A', 1],
    ['\u0000', 1],
  ])('encodes a row of more than a million bytes of %j exactly', (part, of) => {
    const length = 1_200_000 / Buffer.byteLength(part);
    const whole = part.repeat(Math.floor(length / of) * of);
    const tokens = drained(tokenizer.encodeInSteps(whole));
    expect(tokenizer.count(whole)).toBe(tokens.length);
    expect(Buffer.from(tokenizer.decode(tokens) ?? []).equals(Buffer.from(whole))).toBe(true);
    const shorter = tokensOf(part.repeat(3000));
    const same = Math.floor(shorter.length / 2);
    expect([...tokens.subarray(0, same)]).toEqual(shorter.slice(0, same));
  });

  it.each([
    ['a word whose end decides where it is cut', `一${'A'.repeat(30_000)}b`],
    ['a word that is cut far before the end of its capitals', `一${'A'.repeat(30_000)}!`],
    ['white space up to its last line end', `\n${' '.repeat(30_000)}\nb`],
    ['a long word with a contraction, which are a token together', `${'x'.repeat(30_000)}n't`],
    ['white space with one line end at its start', `\n${' '.repeat(30_000)}b`],
  ])('encodes %s in slices as in one', (_what, whole) => {
    // A spelled text of this length is never cut into slices.
    for (const text of [whole, `${'x '.repeat(9995)}${whole}`, `${whole} x`]) {
      const spelled = Buffer.from(JSON.stringify(text));
      expect(tokenizer.count(text)).toBe(tokenizer.countSpelled(spelled, 1, spelled.length - 2));
    }
  });

  it('encodes words that end near the end of a slice as in one', () => {
    const word = fc
      .tuple(short, fc.constantFrom(1, 20_000, 40_000), fc.integer({ min: -24, max: 24 }))
      .map(([part, length, more]) => part.repeat(Math.max(1, Math.floor((length + more) / part.length))));
    fc.assert(
      fc.property(fc.array(fc.oneof(word, short), { maxLength: 6 }), (words) => {
        // A spelled text of this length is never cut into slices.
        const whole = words.join('').slice(0, 80_000);
        const spelled = Buffer.from(JSON.stringify(whole));
        const count = tokenizer.countSpelled(spelled, 1, spelled.length - 2);
        expect([tokenizer.count(whole), tokenizer.encode(whole).length]).toEqual([count, count]);
      }),
      runs(100),
    );
  });

  it('has the numbers of the marks of a chat', () => {
    const { start, separator, end } = CHAT_MARKS[name];
    const marks = ['<|im_start|>', '<|im_sep|>', '<|im_end|>'];
    const options = { allowedSpecial: new Set(marks) };
    expect(marks.flatMap((mark) => LIBRARIES[name].encode(mark, options))).toEqual([start, separator, end]);
    expect(Buffer.from(tokenizer.decode([start, separator, end]) ?? []).toString()).toBe(marks.join(''));
    expect(tokenizer.encode(marks.join('')).length).toBeGreaterThan(3);
  });

  it('decodes no number that has no token', () => {
    for (const token of [-1, 1.5, Number.NaN, RANKS[name].length, 2 ** 32])
      expect([tokenizer.decode([token]), tokenizer.sizeOf(token)]).toEqual([undefined, 0]);
  });

  it('encodes in several threads at once, with one vocabulary', async () => {
    const texts = fc.sample(text, { numRuns: 300, seed: 1 });
    const vocabulary = loadVocabulary(name);
    const workers = [1, 2].map(() => encodingThread(vocabulary, texts));
    const expected = texts.map(tokensOf);
    for (const [result] of await Promise.all(workers.map((worker) => once(worker, 'message'))))
      expect(result).toEqual(expected);
  });

  it('has tokens whose ranks rise with each merge, and that no window cuts differently', () => {
    // The end of a window affects at most as many bytes before it: see `assembly/merging.ts`.
    const parts = [...ranks.keys()].map((token) => partsOf(token, ranks));
    const rising = parts.every((pair, rank) =>
      pair.every((part) => (ranks.get(part) as number) < rank || pair.length < 2),
    );
    expect(rising).toBe(true);
    expect(reachOf(parts)).toBe({ o200k_base: 745, cl100k_base: 599 }[name]);
  });
});

/** What a token is merged of: two tokens, or one byte. */
function partsOf(token: string, ranks: ReadonlyMap<string, number>): readonly string[] {
  if (token.length === 1) return [token];
  // The last merge is the one whose parts are merged to themselves.
  const parts = [...token];
  let last: string[] = [];
  while (parts.length > 1) {
    let lowest = Number.POSITIVE_INFINITY;
    let at = -1;
    for (let i = 0; i + 1 < parts.length; i++) {
      const rank = ranks.get(`${parts[i]}${parts[i + 1]}`) ?? Number.POSITIVE_INFINITY;
      if (rank < lowest) [lowest, at] = [rank, i];
    }
    if (at < 0) expect.fail(`${JSON.stringify(token)} is never merged`);
    last = parts.slice(at, at + 2);
    parts.splice(at, 2, last.join(''));
  }
  return last;
}

/** The most bytes before the end of a window that its end can change. */
function reachOf(tokens: readonly (readonly string[])[]): number {
  const reaches = new Map<string, number>();
  let longest = 0;
  for (const [before, after] of tokens) {
    if (before === undefined || after === undefined) continue;
    let reach = 0;
    for (let length = 1; length <= after.length; length++)
      reach = Math.max(reach, reaches.get(after.slice(0, length)) ?? 0);
    reach += before.length;
    reaches.set(before, Math.max(reach, reaches.get(before) ?? 0));
    longest = Math.max(longest, reach);
  }
  return longest;
}

/** A thread that sends the tokens of texts, and ends without closing its tokenizer. */
function encodingThread(vocabulary: Vocabulary, texts: readonly string[]): Worker {
  const program = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(${MODULE}).then(({ KernelTokenizer }) => {
      const tokenizer = new KernelTokenizer(workerData.vocabulary);
      parentPort.postMessage(workerData.texts.map((text) => [...tokenizer.encode(text)]));
    });
  `;
  return new Worker(program, { eval: true, workerData: { vocabulary, texts } });
}

it('uses the memory of threads again that died without closing their tokenizers', async () => {
  const vocabulary = loadVocabulary('cl100k_base');
  const bytes = new Set<number>();
  for (let i = 0; i < 70; i++) {
    const worker = encodingThread(vocabulary, ['Hello, world!']);
    const { threadId } = worker;
    const [[tokens]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
    expect(tokens).toEqual([[9906, 11, 1917, 0]]);
    freeTokenizersOf(vocabulary, threadId);
    bytes.add(vocabulary.memory.buffer.byteLength);
  }
  expect([...bytes]).toHaveLength(1);
});

it('encodes with more tokenizers than the memory of a vocabulary has space for', () => {
  const vocabulary = loadVocabulary('cl100k_base');
  // The last ones have copies of the vocabulary.
  const tokenizers = Array.from({ length: 66 }, () => new KernelTokenizer(vocabulary));
  expect(tokenizers.map((each) => each.count('Hello, world!'))).toEqual(tokenizers.map(() => 4));
  for (const each of tokenizers) each.close();
});

it('counts many texts of one long word in turn, in the memory of one tokenizer', async () => {
  const program = `
    const { KernelTokenizer } = await import(${MODULE});
    const { loadVocabulary } = await import(${VOCABULARY_MODULE});
    const tokenizer = new KernelTokenizer(loadVocabulary('o200k_base'));
    const text = 'a'.repeat(400_000);
    const before = process.resourceUsage().maxRSS;
    const works = Array.from({ length: 50 }, () => tokenizer.countInSteps(text));
    let results = works.map((work) => work.next());
    while (results.some(({ done }) => !done))
      results = works.map((work, i) => (results[i].done ? results[i] : work.next()));
    console.log(JSON.stringify([process.resourceUsage().maxRSS - before, results.map(({ value }) => value)]));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  const [kilobytes, counts] = JSON.parse(stdout);
  expect(counts).toEqual(Array.from({ length: 50 }, () => 50_000));
  // A copy of the vocabulary takes 10 MB.
  expect(kilobytes).toBeLessThan(100_000);
});

it('goes on with texts that are counted in steps after it was renewed', () => {
  const tokenizer = new KernelTokenizer(VOCABULARIES.o200k_base);
  const work = tokenizer.countInSteps('a'.repeat(400_000));
  for (let i = 0; i < 31; i++) work.next();
  tokenizer.renew();
  expect(tokenizer.count(' a'.repeat(9999))).toBe(9999);
  expect(drained(work)).toBe(50_000);
  tokenizer.close();
});

it('encodes the examples of tiktoken and of the OpenAI cookbook', () => {
  const examples = [
    ['cl100k_base', 'tiktoken is great!', [83, 1609, 5963, 374, 2294, 0]],
    ['cl100k_base', 'hello world', [15339, 1917]],
    ['cl100k_base', 'rer', [38149]],
    ['cl100k_base', "'rer", [2351, 81]],
    ['cl100k_base', 'today\n ', [31213, 198, 220]],
    ['cl100k_base', '👍', [9468, 239, 235]],
    ['o200k_base', 'tiktoken is great!', [83, 8251, 2488, 382, 2212, 0]],
    ['o200k_base', 'hello world', [24912, 2375]],
  ] as const;
  for (const [name, whole, tokens] of examples) {
    const tokenizer = new KernelTokenizer(VOCABULARIES[name]);
    expect([...tokenizer.encode(whole)]).toEqual(tokens);
    tokenizer.close();
  }
});
