/** Looking at a dataset against a plain loop over the parsed file. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConversation } from '#dist/core/conversation.js';
import { MARK_BYTES } from '#dist/core/limits.js';
import { canonicalRole } from '#dist/core/roles.js';
import type { Corpus } from '#dist/corpus/corpus.js';
import { corporaOf, datasetWriter, poolOf } from '../support/dataset.js';
import { runs } from '../support/factor.js';
import { oddDataset } from '../support/odd-records.js';

const write = datasetWriter();
const pool = poolOf(3);

const talk = (...texts: string[]) => ({
  messages: texts.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content })),
});
const linesOf = (records: readonly object[]) => records.map((record) => JSON.stringify(record)).join('\n');

/** What a list should say of a record. */
function expectedLine(record: unknown, number: number) {
  const found = parseConversation(record);
  const first = found?.turns.find(({ from }) => canonicalRole(from) === 'user') ?? found?.turns[0];
  return {
    number,
    id: found?.id,
    source: found?.id ?? String(number),
    turns: found?.turns.length,
    prompt: first?.value.slice(0, 200),
  };
}

async function expectCorpus(corpus: Corpus, records: readonly unknown[]): Promise<void> {
  const expected = records.map(expectedLine);
  const { total, lines } = await corpus.conversations(0, records.length + 5);
  expect(total).toBe(records.length);
  expect(lines).toMatchObject(expected);
  expect(lines).toHaveLength(records.length);
  for (const [number, record] of records.entries()) {
    const conversation = await corpus.conversation(number, true);
    const found = parseConversation(record);
    expect(conversation).toMatchObject({
      number,
      id: found?.id,
      source: found?.id ?? String(number),
      total: records.length,
      isSkipped: found === undefined,
      bytes: lines[number]?.bytes,
    });
    expect(conversation?.turns).toMatchObject(
      (found?.turns ?? []).map(({ from, value, calls, reasoning }) => ({
        role: canonicalRole(from),
        from,
        text: value,
        length: Buffer.byteLength(JSON.stringify(value)) - 2,
        calls,
        reasoning,
      })),
    );
  }
}

describe('a dataset to look at', () => {
  it('has the conversations that a plain loop over the parsed file finds, with and without an index', async () => {
    await fc.assert(
      fc.asyncProperty(oddDataset, async ({ content, records }) => {
        fc.pre(records.some((record) => parseConversation(record) !== undefined));
        const corpora = await corporaOf(write(content), pool);
        for (const corpus of [corpora.index, corpora.sweep]) {
          await expectCorpus(corpus, records);
          expect(await corpus.conversation(records.length, false)).toBeUndefined();
          for (const source of records.map((record, i) => expectedLine(record, i).source)) {
            if (!source.isWellFormed()) continue;
            const page = await corpus.byId(source, 200);
            const expected = records.map(expectedLine).filter((line) => line.source === source);
            expect(page.lines).toMatchObject(expected);
          }
        }
      }),
      runs(60),
    );
  });

  it.each(['array', 'lines'])('has any page of many blocks and shards (%s)', async (format) => {
    const records = Array.from({ length: 3000 }, (_, i) => ({
      id: i % 3 === 0 ? undefined : `id ${i % 7}`,
      ...talk(`${i} ${'x'.repeat((i * 7919) % 9000)}`, 'reply', 'more'),
    }));
    const content = format === 'array' ? JSON.stringify(records, null, 2) : linesOf(records);
    const { index, sweep } = await corporaOf(write(content), pool);
    for (const corpus of [index, sweep]) {
      for (const from of [0, 1, 15, 16, 1234, 2990, 2999]) {
        const { lines } = await corpus.conversations(from, 50);
        expect(lines).toMatchObject(
          records.slice(from, from + 50).map((record, i) => expectedLine(record, from + i)),
        );
      }
      expect((await corpus.conversations(3000, 50)).lines).toEqual([]);
      expect((await corpus.conversations(Number.MAX_SAFE_INTEGER - 50, 50)).lines).toEqual([]);
      const { lines } = await corpus.byId('id 5', 10);
      const expected = records.flatMap(({ id }, i) => (id === 'id 5' ? [i] : [])).slice(0, 10);
      expect(lines.map(({ number }) => number)).toEqual(expected);
      expect((await corpus.byId('3', 10)).lines.map(({ number }) => number)).toEqual([3]);
      expect((await corpus.byId('4', 10)).lines).toEqual([]);
    }
  });

  it('has conversations of thousands of turns, texts of megabytes, and records that are too long', async () => {
    const records = [
      talk('a', 'b'),
      talk(...Array.from({ length: 5000 }, (_, i) => `turn ${i}`)),
      talk('y\n'.repeat(5_000_000), 'ok'),
      talk('b', 'c'),
      talk('z'.repeat(17_000_000), 'ok'),
      talk('c'.repeat(MARK_BYTES), 'd'),
      talk('d', 'e'),
    ];
    const { sweep, index } = await corporaOf(write(linesOf(records)), pool);
    for (const corpus of [index, sweep]) {
      const { lines } = await corpus.conversations(0, 50);
      expect(lines.map(({ turns }) => turns)).toEqual([2, 5000, 2, 2, undefined, 2, 2]);
      expect(lines.map(({ prompt }) => prompt?.slice(0, 3))).toEqual([
        'a',
        'tur',
        'y\ny',
        'b',
        undefined,
        'ccc',
        'd',
      ]);
      const long = await corpus.conversation(1, false);
      expect(long?.turns.map(({ text }) => text)).toEqual(records[1]?.messages.map(({ content }) => content));
      const large = await corpus.conversation(2, true);
      expect(large?.turns[0]?.length).toBe(15_000_000);
      expect(large?.raw).toBe(JSON.stringify(records[2]));
      expect(await corpus.conversation(4, true)).toMatchObject({
        isSkipped: true,
        turns: [],
        raw: undefined,
      });
      expect((await corpus.conversation(6, false))?.turns[0]?.text).toBe('d');
    }
  });

  it('shows the beginning of a prompt, wherever it is in a long turn', async () => {
    const long = 'é"\\\u{1f600}'.repeat(3000);
    const turns = [
      { role: 'user', content: long },
      {
        content: [
          { type: 'image', url: 'x'.repeat(9000) },
          { type: 'text', text: 'after' },
        ],
        role: 'user',
      },
      { role: 'user', x: { a: ['\\', { b: 'x'.repeat(9000) }] }, content: long },
    ];
    const { index } = await corporaOf(write(linesOf(turns.map((turn) => ({ messages: [turn] })))), pool);
    const { lines } = await index.conversations(0, 3);
    expect(lines.map(({ prompt }) => prompt)).toEqual([long.slice(0, 200), 'after', long.slice(0, 200)]);
  });

  it("has a record's system text, tools and other fields", async () => {
    const tools = [{ type: 'function', function: { name: 'f' } }];
    const record = { id: 'a', system: 'Be short.', tools, lang: 'en', ...talk('x', 'y'), items: 5 };
    const odd = { system: 5, messages: 'none', id: [1] };
    const { index } = await corporaOf(write(JSON.stringify([record, odd, 7])), pool);
    expect(await index.conversation(0, false)).toMatchObject({
      system: 'Be short.',
      tools,
      other: { lang: 'en', items: 5 },
      raw: undefined,
    });
    expect(await index.conversation(1, true)).toMatchObject({
      system: undefined,
      other: odd,
      raw: JSON.stringify(odd),
    });
    expect(await index.conversation(2, true)).toMatchObject({ isSkipped: true, other: {}, raw: '7' });
  });

  it('has the tokens of turns, once all of them are counted', async () => {
    const { index, sweep, table } = await corporaOf(
      write(linesOf([talk('a', 'b'), talk('c'), talk('', 'd', 'e')])),
      pool,
    );
    table.setTokens(0, 3);
    expect((await index.conversations(0, 3)).lines.map(({ tokens }) => tokens)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    for (const row of [1, 3, 4]) table.setTokens(row, 2);
    expect((await index.conversations(0, 3)).lines.map(({ tokens }) => tokens)).toEqual([5, undefined, 4]);
    expect((await index.conversation(2, false))?.turns.map(({ tokens }) => tokens)).toEqual([0, 2, 2]);
    expect((await sweep.conversations(0, 1)).lines[0]?.tokens).toBeUndefined();
  });

  it("counts the most repeated prompts that have an assistant's reply", async () => {
    const texts = Array.from({ length: 300 }, (_, i) => `prompt ${i}`);
    // The prompt of number i is there i times; empty texts don't count.
    const turns = texts.flatMap((text, i) =>
      Array.from({ length: i }, () => [text, `reply ${Math.random()}`]),
    );
    const records = [talk('alone', 'once'), ...turns.map((pair) => talk(...pair, '', 'x'))];
    const { index, sweep } = await corporaOf(write(linesOf(records)), pool);
    const prompts = await index.repeated();
    expect(prompts).toHaveLength(100);
    const firstOf = (text: string) => records.findIndex(({ messages }) => messages[0]?.content === text);
    for (const [i, prompt] of (prompts ?? []).entries()) {
      const text = `prompt ${299 - i}`;
      expect(prompt).toMatchObject({ text, count: 299 - i, number: firstOf(text), turn: 0 });
    }
    expect(await sweep.repeated()).toBeUndefined();
  });

  it('has no repeated prompts if none is repeated', async () => {
    const { index } = await corporaOf(write(linesOf([talk('a', 'b'), talk('c')])), pool);
    expect(await index.repeated()).toEqual([]);
  });
});
