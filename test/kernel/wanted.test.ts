/** Walks that look for a few texts: every key of those is found, and no other text is mistaken for one of them. */

import { afterAll, describe, expect, it } from 'vitest';
import type { TextKeys } from '#dist/core/keys.js';
import { newKernel } from '../support/dataset.js';
import { temporaryFolder } from '../support/temporary.js';
import { type WalkedTurn, walkedRecords } from '../support/walked.js';

const folder = temporaryFolder();
const kernel = newKernel();
afterAll(() => kernel.wantAll());

/** Walks over turns with the given spellings of texts, while looking for some texts. */
async function walkedTurns(
  spelled: readonly (string | Buffer)[],
  wanted: readonly { text: string; normalized: boolean }[],
): Promise<WalkedTurn[]> {
  const file = Buffer.concat([
    Buffer.from('[{"items": ['),
    ...spelled.flatMap((each) => [
      Buffer.from('{"from": "a", "value": "'),
      Buffer.from(each),
      Buffer.from('"}, '),
    ]),
    Buffer.from('{"from": "b", "value": "the reply"}]}]'),
  ]);
  kernel.wantNone();
  for (const { text, normalized } of wanted) kernel.want(kernel.keysOf(text) as TextKeys, normalized);
  const [record] = await walkedRecords(kernel, folder, file, { cuts: [], blockBytes: 1 << 16 });
  return record?.turns.slice(0, spelled.length) ?? expect.fail('no conversation');
}

const keyOf = ({ keyLow, keyHigh }: WalkedTurn) => ({ low: keyLow, high: keyHigh });
const normalizedKeyOf = ({ normalizedLow, normalizedHigh }: WalkedTurn) => ({
  low: normalizedLow,
  high: normalizedHigh,
});
const keysOf = (text: string) => kernel.keysOf(text) as TextKeys;

/** The whole text as six-byte escapes. */
const escaped = (text: string) =>
  Array.from(
    { length: text.length },
    (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`,
  ).join('');

describe('a walk that looks for a few texts', () => {
  it.each(['a\\/b', '\\u0061', '\\u00e9', '\\ud83d\\ude00', '\\ud83d', '\\u000a', '\\\\\\/', 'é\\/'])(
    'finds them with %s in this spelling, anywhere in a text',
    async (odd) => {
      const spelled = Array.from({ length: 40 }, (_, i) => `${'x'.repeat(i)}${odd}${'y'.repeat(i % 3)}`);
      for (const normalized of [true, false]) {
        const texts = spelled.map((each): string => JSON.parse(`"${each}"`));
        const turns = await walkedTurns(
          spelled,
          texts.map((text) => ({ text, normalized })),
        );
        expect(turns.map(keyOf)).toEqual(texts.map((text) => keysOf(text).key));
        if (normalized)
          expect(turns.map(normalizedKeyOf)).toEqual(texts.map((text) => keysOf(text).normalized));
      }
    },
  );

  it('finds a text of escapes only, exactly and normalized', async () => {
    for (const text of ['a', 'some words', 'some more words '.repeat(20), 'é世\n"\\']) {
      for (const normalized of [true, false]) {
        const [turn] = await walkedTurns([escaped(text)], [{ text, normalized }]);
        expect(keyOf(turn as WalkedTurn)).toEqual(keysOf(text).key);
      }
    }
  });

  it('finds a text with more white space, as escapes before, in and after it', async () => {
    const text = 'two words';
    const { normalized } = keysOf(text);
    const blanks = Array.from({ length: 70 }, (_, i) => '\\u0020'.repeat(i));
    for (const spelled of [
      blanks.map((blank) => `${blank}two words\\u000a`),
      blanks.map((blank) => `two\\n${blank}words\\/`.replace('\\/', '\\u0009')),
      blanks.map((blank) => `two words\\u000a${blank}`),
      blanks.map((blank) => `${blank}\\u0074wo${blank} ${escaped('words')}${blank}`),
    ]) {
      const turns = await walkedTurns(spelled, [{ text, normalized: true }]);
      expect(turns.map(normalizedKeyOf)).toEqual(spelled.map(() => normalized));
    }
  });

  it('finds a long text among shorter wanted ones', async () => {
    const texts = ['a', 'b'.repeat(300), 'c'];
    for (const normalized of [true, false]) {
      const turns = await walkedTurns(
        texts.map(escaped),
        texts.map((text) => ({ text, normalized })),
      );
      expect(turns.map(keyOf)).toEqual(texts.map((text) => keysOf(text).key));
    }
  });

  it('finds a text that is invalid UTF-8 in the file, however long it is there', async () => {
    const spelled = Buffer.concat([
      Buffer.from([0xff]),
      Buffer.from(`several words${'\\u0020'.repeat(90)}more`),
    ]);
    const text = '\ufffdseveral words more';
    const [turn] = await walkedTurns([spelled], [{ text, normalized: true }]);
    expect(normalizedKeyOf(turn as WalkedTurn)).toEqual(keysOf(text).normalized);
  });

  it('reports whether other texts are empty, and gives them no wanted key', async () => {
    const spelled = ['', 'other words', escaped('other words, and many'), `${escaped('other')}é`, '\\u0020'];
    const turns = await walkedTurns(spelled, [{ text: 'w', normalized: true }]);
    expect(turns.map(({ isEmpty }) => isEmpty)).toEqual([true, false, false, false, false]);
    const { key, normalized } = keysOf('w');
    for (const turn of turns) {
      expect(keyOf(turn)).not.toEqual(key);
      expect(normalizedKeyOf(turn)).not.toEqual(normalized);
    }
  });
});
