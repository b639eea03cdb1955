import { setImmediate } from 'node:timers/promises';
import { encode } from 'gpt-tokenizer/encoding/o200k_base';
import { describe, expect, it } from 'vitest';
import { NamedTokenizer } from '#dist/lookup/named-tokenizer.js';
import { vocabularyOf } from '#dist/workers/vocabulary.js';

const tokenizer = new NamedTokenizer('o200k_base');
const long = Array.from({ length: 500_000 }, (_, i) => `word${i % 999} `).join('');
const tokens = encode(long);
/** Joined, they are the long text. */
const many = Array.from({ length: 5000 }, (_, i) => ({
  text: long.slice(i * (long.length / 5000), (i + 1) * (long.length / 5000)),
}));

describe('a text is counted, cut and encoded', () => {
  it('at once if it is short', () => {
    expect(tokenizer.count([{ text: 'one two' }, { text: '' }])).toEqual([2, 0]);
    expect(tokenizer.ends('one two')).toEqual(Uint32Array.of(3, 7));
    expect(tokenizer.encode({ content: 'one two', returnsTexts: false })).toMatchObject({ count: 2 });
  });

  it.each<[string, () => unknown, unknown]>([
    ['the count of a long text', () => tokenizer.count([{ text: long }]), [tokens.length]],
    ['the counts of many texts', () => tokenizer.count(many), many.map(({ text }) => encode(text).length)],
    ['the ends of a long text', async () => (await tokenizer.ends(long)).length, tokens.length],
    [
      'the tokens of a long text',
      async () => JSON.parse((await tokenizer.encode({ content: long, returnsTexts: false })).ids),
      tokens,
    ],
    ['the text of many tokens', () => tokenizer.decode(tokens, long.length), { kind: 'text', text: long }],
  ])('in steps, others in between: %s', async (_what, work, expected) => {
    let isDone = false;
    let between = 0;
    const result = Promise.resolve(work()).finally(() => {
      isDone = true;
    });
    for (; !isDone; between++) {
      expect(tokenizer.count([{ text: 'one two' }])).toEqual([2]);
      await setImmediate();
    }
    expect(await result).toEqual(expected);
    expect(between).toBeGreaterThan(1);
  });
});

it('counts that an index keeps are stored there, however the text is spelled', async () => {
  const text = 'café "quoted"\n\u2028';
  const kept = [{ tokens: 0 }, { tokens: 0 }, { tokens: 7 }];
  const spelled = Buffer.from(JSON.stringify(text).replace('\u2028', '\\u2028')).toString('latin1');
  const counts = tokenizer.count([
    { text, kept: kept[0] },
    { text: '', spelled, kept: kept[1] },
    { text: 'another one', kept: kept[2] },
  ]);
  const count = encode(text).length;
  expect(counts).toEqual([count, count, 7]);
  expect(kept.map(({ tokens }) => tokens)).toEqual([count, count, 7]);
});

it('takes no memory for each server of a process', () => {
  expect(tokenizer.count([{ text: 'one two' }])).toEqual([2]);
  const { buffer } = vocabularyOf('o200k_base').memory;
  for (let i = 0; i < 70; i++)
    expect(new NamedTokenizer('o200k_base').count([{ text: 'one two' }])).toEqual([2]);
  expect(vocabularyOf('o200k_base').memory.buffer.byteLength).toBe(buffer.byteLength);
});
