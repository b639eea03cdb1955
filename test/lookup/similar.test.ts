/** The index's hints for prompts without a reply, against plain loops over the parsed records. */

import { rmSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConversation } from '#dist/core/conversation.js';
import { normalizeSpace } from '#dist/core/keys.js';
import { SIMILAR_BYTES_MAX, SIMILAR_LETTERS_MIN } from '#dist/core/limits.js';
import { type Query, queryOf } from '#dist/core/query.js';
import { datasetWriter, enginesOf, newKernel, poolOf } from '../support/dataset.js';
import { runs } from '../support/factor.js';
import { firstLetters } from '../support/letters.js';
import { spell, spelling } from '../support/spelling.js';

const write = datasetWriter();
const pool = poolOf(2);
const START = 'a beginning of more than sixty-four bytes, as the prompts of templates have ';

const word = fc.constantFrom(
  '',
  ' ',
  'a',
  'b',
  `${START}a`,
  `${START} b`,
  `\n${START}a `,
  '\u0001'.repeat(11),
);
const conversation = fc.array(word, { minLength: 1, maxLength: 5 }).map((texts) => ({
  conversations: texts.map((value) => ({ from: 'x', value })),
}));
const records = fc.array(conversation, { minLength: 1, maxLength: 8 });

const queryFor = (text: string) => queryOf([{ role: 'user', text }]) as Query;
const talk = (...texts: string[]) => ({ conversations: texts.map((value) => ({ from: 'x', value })) });
/** All letters of a text, case folded. */
const lettersOf = (text: string) => text.replace(/[^a-z0-9]/gi, '').toLowerCase();

function areNear(one: string, other: string): boolean {
  const [letters, others] = [lettersOf(one), lettersOf(other)];
  if (letters === others) return letters !== '';
  const hasCommon = letters.slice(0, SIMILAR_LETTERS_MIN) === others.slice(0, SIMILAR_LETTERS_MIN);
  return hasCommon && firstLetters(one) === firstLetters(other);
}

async function indexOf(content: Buffer | readonly unknown[], bits?: number) {
  const dataset = write(Buffer.isBuffer(content) ? content : JSON.stringify(content));
  const some = bits === undefined ? pool : poolOf(2, bits);
  return { ...(await enginesOf(dataset, some, newKernel(bits))), dataset };
}

describe('the index', () => {
  it('keeps the normalized keys of all turns, including the last ones', async () => {
    const kernel = newKernel();
    await fc.assert(
      fc.asyncProperty(records, spelling, async (list, how) => {
        const { table, reader } = await indexOf(spell(list, how));
        kernel.useSeed(table.seed);
        const turns = list.flatMap((each) => {
          const found = parseConversation(each)?.turns ?? [];
          return found.length < 2 ? [] : found;
        });
        for (const [row, { value }] of turns.entries()) {
          const keys = kernel.keysOf(value);
          expect([keys?.normalized.low, keys?.ends.low]).toContain(table.normalized[row]);
        }
        expect(table.normalized.length).toBe(turns.length);
        reader.close();
      }),
      runs(20),
    );
  });

  it('names the near turns that a plain loop finds, and no others', async () => {
    const prompt = fc.oneof(word, fc.constantFrom(`${START}c`, START.slice(0, 64), START.slice(0, 60), 'c'));
    await fc.assert(
      fc.asyncProperty(records, prompt, async (list, text) => {
        if (text === '') return;
        const { index, reader } = await indexOf(list);
        const query = queryFor(text);
        if ((await index.find(query)) !== undefined) return reader.close();
        const all = list.flatMap(({ conversations: turns }, record) =>
          turns.map(({ value }, turn) => ({ value, record, turn, turns: turns.length })),
        );
        const kept = all.filter(({ turns }) => turns > 1);
        const isLast = ({ turn, turns }: (typeof all)[number]) => turn === turns - 1;
        const equal = kept.filter(
          (each) => isLast(each) && normalizeSpace(each.value) === normalizeSpace(text),
        );
        const begun = kept.filter((each) => !isLast(each) && areNear(each.value, text));
        const expected = normalizeSpace(text) === '' ? [] : equal.length > 0 ? equal : begun;
        const found = await index.similar(query);
        if (expected.length === 0 && found === undefined) return reader.close();
        expect(expected.map(({ record, turn }) => `${record}#${turn}`)).toContain(
          `${found?.conversationId}#${found?.turnIndex}`,
        );
        expect(found?.relation === 'unanswered').toBe(equal.length > 0);
        reader.close();
      }),
      runs(50),
    );
  });

  it('names no wrong turn with keys of one bit, which collide', async () => {
    const list = Array.from({ length: 30 }, (_, i) => talk(`prompt ${i}`, `reply ${i}`));
    const { index } = await indexOf(list, 1);
    expect(await index.similar(queryFor('nowhere'))).toBeUndefined();
    expect((await index.similar(queryFor('reply 29')))?.conversationId ?? '29').toBe('29');
  });

  it('names a conversation by its id', async () => {
    const { index } = await indexOf([
      talk('x', 'y'),
      { id: 'é 1', ...talk('hi', `${START}one`, 'y', 'bye') },
    ]);
    const similar = { conversationId: 'é 1', turnIndex: 1, text: `${START}one` };
    expect(await index.similar(queryFor(`${START}two`))).toMatchObject(similar);
    const last = { conversationId: 'é 1', turnIndex: 3, text: 'bye', relation: 'unanswered' };
    expect(await index.similar(queryFor('bye\n'))).toMatchObject(last);
  });

  it('reports a turn without a reply only if all of it is equal', async () => {
    const long = (middle: string) => `${START}${middle}${START}`;
    const { index } = await indexOf([talk('x', 'y'), talk('hi', long('one'))]);
    const query = queryFor(long('two'));
    expect(await index.similar(query)).toBeUndefined();
    expect(await index.similar(queryFor(long('one')))).toMatchObject({
      turnIndex: 1,
      relation: 'unanswered',
    });
    expect(await index.similar(queryFor('x'))).toMatchObject({ conversationId: '0', relation: 'spelling' });
  });

  const NEARBY = 'How many bytes does the header of a saved index have?';
  it.each([
    ['spelling', 'case', NEARBY.toUpperCase()],
    ['spelling', 'punctuation', '“How many bytes”, does the header of a saved index have…'],
    ['beginning', 'its end', 'How many bytes does the header of a saved index need?'],
    ['beginning', 'a letter in the middle', NEARBY.replace('header', 'Headers')],
    ['beginning', 'a missing end', 'how many bytes does the header'],
    ['part', 'a suffix', `${NEARBY} Answer briefly.`],
    ['part', 'a word before', `Please: ${NEARBY}`],
    ['part', 'two words before', `Please tell ${NEARBY}`],
    ['part', 'a sentence before', `You are a helpful assistant. ${NEARBY}`],
    ['part', 'lines before, in other case', `A\nlong\nway\nbefore.\n\n${NEARBY.toLowerCase()}\n`],
  ])('names a turn by %s, if the prompt differs in %s', async (relation, _what, prompt) => {
    const { index } = await indexOf([talk('x', 'y'), talk('hi', 'ho', NEARBY, 'z')]);
    const expected = { conversationId: '1', turnIndex: 2, text: NEARBY, relation };
    expect(await index.similar(queryFor(prompt))).toMatchObject(expected);
  });

  it('names a short turn that begins a longer prompt', async () => {
    const { index } = await indexOf([talk('Thank you!', 'y')]);
    const expected = { text: 'Thank you!', relation: 'part' };
    expect(await index.similar(queryFor('thank you, that was it'))).toMatchObject(expected);
    expect(await index.similar(queryFor('thanks for that, that was it'))).toBeUndefined();
  });

  it('names the nearer of two turns, and the position of the difference', async () => {
    const { index } = await indexOf(['xyz', 'abc'].map((end) => talk(START + end, 'y')));
    const nearest = { text: `${START}abc`, relation: 'beginning', differsAt: START.length + 2 };
    expect(await index.similar(queryFor(`${START}abd`))).toMatchObject(nearest);
  });

  it('does not read a very long turn', async () => {
    const long = START + 'x'.repeat(SIMILAR_BYTES_MAX);
    const { index } = await indexOf([talk(long, 'y')]);
    expect(await index.similar(queryFor(`${START}two`))).toBeUndefined();
  });

  it('names no turn if the file was written to, or is gone and closed', async () => {
    const { index, reader, dataset } = await indexOf([talk('x', 'y')]);
    expect(await index.similar(queryFor('y'))).toBeDefined();
    writeFileSync(dataset.file.path, JSON.stringify([talk('z', 'y')]));
    expect(await index.similar(queryFor('y'))).toBeUndefined();
    rmSync(dataset.file.path);
    reader.close();
    expect(await index.similar(queryFor('y'))).toBeUndefined();
  });
});
