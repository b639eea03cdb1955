import { StringDecoder } from 'node:string_decoder';
import fc from 'fast-check';
import ranks from 'gpt-tokenizer/bpeRanks/o200k_base';
import { encode } from 'gpt-tokenizer/encoding/o200k_base';
import { describe, expect, it, onTestFinished } from 'vitest';
import { estimateTokens } from '#dist/core/tokens.js';
import { NamedTokenizer } from '#dist/lookup/named-tokenizer.js';
import { ThreadTokenizer } from '#dist/lookup/thread-tokenizer.js';
import { estimatingCounter } from '#dist/lookup/token-counter.js';
import { TokenPool } from '#dist/workers/token-pool.js';
import { runs } from '../support/factor.js';
import { tokenizerFile } from '../support/tokenizers.js';

const tokenizer = new NamedTokenizer('o200k_base');

/** Where each token ends, by decoding their bytes one after the other. */
function decodedEnds(text: string, tokens: readonly Uint8Array[]): number[] {
  const decoder = new StringDecoder('utf8');
  let end = 0;
  const ends = tokens.map((bytes) => {
    end += decoder.write(Buffer.from(bytes)).length;
    return end;
  });
  expect(end + decoder.end().length).toBe(text.length);
  return ends;
}

function bytesOf(token: number): Uint8Array {
  const known = ranks[token];
  return typeof known === 'string' ? Buffer.from(known) : Uint8Array.from(known ?? []);
}

const special = { disallowedSpecial: new Set<string>() };
const tokensOf = (text: string) => encode(text, special).map(bytesOf);

/** Slices of four bytes. */
function quartersOf(text: string): Uint8Array[] {
  const bytes = Buffer.from(text);
  return Array.from({ length: Math.ceil(bytes.length / 4) }, (_, i) => bytes.subarray(4 * i, 4 * i + 4));
}

const pieces = fc.constantFrom(
  ' ',
  '\n',
  'word',
  'é',
  '日本語',
  '😀',
  '👨‍👩‍👧',
  '\u0301',
  '𝒳',
  '<|endoftext|>',
  '0123',
  "don't",
);
const lone = fc.constantFrom('\ud83d', '\ude00');
const long = fc
  .tuple(fc.constantFrom('a', 'é', '日', '𝒳', '!', '😀', ' ', '\n'), fc.integer({ min: 250, max: 800 }))
  .map(([letter, count]) => letter.repeat(count));
const complete = fc
  .array(fc.oneof(pieces, pieces, long, fc.string({ unit: 'binary' })), { maxLength: 12 })
  .map((texts) => texts.join(''));
const any = fc.array(fc.oneof(complete, lone), { maxLength: 4 }).map((texts) => texts.join(''));

describe('the ends of tokens', () => {
  it('are those of the tokenizer, whatever the text is', async () => {
    await fc.assert(
      fc.asyncProperty(any, async (text) => {
        const ends = await tokenizer.ends(text);
        expect([...ends]).toEqual(decodedEnds(text, tokensOf(text)));
        expect([ends.length]).toEqual(await tokenizer.count([{ text }]));
      }),
      runs(200),
    );
  });

  it('are every four bytes if tokens are estimated', () => {
    fc.assert(
      fc.property(complete, (text) => {
        expect([...(estimatingCounter.ends(text) as Uint32Array)]).toEqual(
          decodedEnds(text, quartersOf(text)),
        );
      }),
      runs(200),
    );
  });

  it('are as many as estimated, and the last is that of the text', () => {
    fc.assert(
      fc.property(any, (text) => {
        const ends = estimatingCounter.ends(text) as Uint32Array;
        expect(ends).toHaveLength(estimateTokens(text));
        expect(ends.at(-1) ?? 0).toBe(text.length);
      }),
      runs(200),
    );
  });

  it.each([
    ['estimated', estimatingCounter],
    ['real', tokenizer],
  ])('of an empty text are none: %s', async (_what, counter) => {
    expect(await counter.ends('')).toHaveLength(0);
  });

  it('of a `tokenizer.json`, of a text in many simultaneous requests, are found once, and then known at once', async () => {
    const pool = new TokenPool(tokenizerFile('byte-level'));
    onTestFinished(() => pool.close());
    const asked: string[] = [];
    const counted = new Proxy(pool, {
      get: (target, name) =>
        name === 'ends'
          ? (texts: readonly string[]) => {
              asked.push(texts.join('|'));
              return target.ends(texts);
            }
          : Reflect.get(target, name, target),
    });
    const counter = new ThreadTokenizer(counted);
    const ends = await Promise.all(['one two', 'three', 'one two'].map((text) => counter.ends(text)));
    expect(ends.map((list) => [...list])).toEqual([
      [3, 7],
      [2, 4, 5],
      [3, 7],
    ]);
    expect(counter.ends('one two')).toEqual(Uint32Array.of(3, 7));
    expect(asked).toEqual(['one two|three']);
  });
});
