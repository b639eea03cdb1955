/** An index of several tables, against an index of one table of the same file. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConversation } from '#dist/core/conversation.js';
import { type Query, queryOf, valueQuery } from '#dist/core/query.js';
import { NAMED_RULES, parseRule } from '#dist/core/rules.js';
import { FileCorpus } from '#dist/corpus/file-corpus.js';
import type { IndexTable } from '#dist/index/table.js';
import { KEY_BITS } from '#dist/kernel/kernel.js';
import { Edition } from '#dist/lookup/edition.js';
import { IndexLookup } from '#dist/lookup/indexed.js';
import type { Match, NearestLookup, Sharing } from '#dist/lookup/lookup.js';
import { nearestIn } from '#dist/lookup/nearest-layers.js';
import { RuledTurns } from '#dist/lookup/ruled.js';
import type { WorkerPool } from '#dist/workers/pool.js';
import { datasetWriter, enginesOf, newKernel, poolOf } from '../support/dataset.js';
import { runs } from '../support/factor.js';
import { plainMatch } from '../support/plain-lookup.js';
import { spell, spelling } from '../support/spelling.js';
import { type CutTable, cutTables } from '../support/tables.js';

const write = datasetWriter();
const RULES = [NAMED_RULES.numbers, parseRule('/please//')];
const START = 'a beginning of more than sixty-four bytes, as the prompts of templates have ';

/** Few texts, so that turns are often equal, or nearly. */
const word = fc.constantFrom(
  ...['a', ' a', 'a  b', 'a\nb', '', 'run 1 please', 'run 2', 'Run 2!'],
  ...[...'abcdefgh'].map((end) => START + end),
);
const turn = fc.record({ from: fc.constantFrom('human', 'gpt', 'gpt', 'system'), value: word });
const spokenTurn = turn.filter(({ value }) => value !== '');
const recordOf = (each: typeof turn) =>
  fc.record(
    { id: fc.string(), conversations: fc.array(each, { maxLength: 5 }) },
    { requiredKeys: ['conversations'] },
  );
const recordsOf = (each: typeof turn) => fc.array(recordOf(each), { minLength: 1, maxLength: 16 });
const records = fc.oneof(recordsOf(turn), recordsOf(spokenTurn));
const cuts = fc.array(fc.nat(16), { maxLength: 7 });
const message = fc.record({ role: fc.constantFrom('user', 'assistant', 'system'), text: word });
const chat = fc.array(message, { minLength: 1, maxLength: 4 });

const plainShared = (sharing: Sharing | undefined) =>
  sharing && { ...sharing, turns: sharing.turns.map((turn) => plainMatch(turn as unknown as Match)) };

/** The nearest turns of an index, with their scores. */
async function nearestOf(lookup: NearestLookup, query: Query, isAnswer: boolean) {
  const asked = { query, isAnswer, count: 4, scoreMin: 0, bytesMax: Infinity, waits: true };
  const found = await nearestIn(lookup, asked);
  return found.map(({ conversationId, replyIndex, score, reply }) => [
    `${conversationId}#${replyIndex}`,
    score,
    reply.value,
  ]);
}

/** Both indexes over a file, each with sketches, rules, and a corpus. */
async function openBoth(content: Buffer, cut: readonly number[], pool: WorkerPool, bits: number) {
  const dataset = write(content);
  const kernel = newKernel(bits);
  const { table, reader, census } = await enginesOf(dataset, pool, kernel);
  const open = async (cuts: readonly number[]) => {
    const made = await cutTables(dataset, table, pool, cuts);
    const tables = made.map((each) => each.table);
    const index = new IndexLookup(tables, kernel, reader);
    for (const each of made) index.useSketches(each.table, await each.sketches());
    const keyed = await Promise.all(
      made.map(async (each) => ({ table: each.table, keys: await each.ruleKeys(RULES) })),
    );
    const ruled = new RuledTurns(keyed, RULES, kernel, reader);
    const corpus = new FileCorpus({
      dataset,
      reader,
      records: () => census.counts.records,
      tables: () => tables,
      marks: () => Promise.resolve(census.marks),
      hashIds: () => Promise.reject(new Error('expected no search by id')),
      search: () => {
        throw new Error('expected no search');
      },
    });
    return { tables, index, ruled, corpus };
  };
  return { one: await open([]), several: await open(cut), close: () => reader.close() };
}

/** Sets different token counts for all turns, the same in both indexes. */
function countTokens(tables: readonly IndexTable[]): void {
  let tokens = 0;
  for (const table of tables) for (let row = 0; row < table.size.turns; row++) table.setTokens(row, ++tokens);
}

type Opened = Awaited<ReturnType<typeof openBoth>>['one'];

/** What is known of the tokens of a match. */
function tokensOf(match: Match | undefined) {
  return [match?.tokens?.reply.tokens, match?.tokens?.messages().map(({ tokens }) => tokens)];
}

/** @param mayCollide true if different texts may have the same key */
async function expectSame(several: Opened, one: Opened, query: Query, mayCollide: boolean) {
  const [match, same] = [await several.index.find(query), await one.index.find(query)];
  expect(plainMatch(match)).toEqual(plainMatch(same));
  expect(tokensOf(match)).toEqual(tokensOf(same));
  expect(await several.index.similar(query)).toEqual(await one.index.similar(query));
  const shared = plainShared(await one.index.sharing(query));
  expect(plainShared(await several.index.sharing(query))).toEqual(shared);
  // Of turns whose keys collide, only the first one of each table is compared.
  if (!mayCollide) expect(plainMatch(several.ruled.find(query))).toEqual(plainMatch(one.ruled.find(query)));
  for (const isAnswer of [false, true]) {
    const nearest = await nearestOf(one.index, query, isAnswer);
    expect(await nearestOf(several.index, query, isAnswer)).toEqual(nearest);
  }
}

describe('an index of several tables', () => {
  it('finds nothing if it has no table yet', async () => {
    const dataset = write(JSON.stringify([{ conversations: [{ from: 'x', value: 'a' }] }]));
    const edition = new Edition(dataset, newKernel());
    edition.useIndex([]);
    const query = queryOf([{ role: 'user', text: 'a' }]) as Query;
    expect(await edition.find(query)).toBeUndefined();
    expect(await edition.findWhole({ ...query, recordingKeys: () => ['a'] })).toBeUndefined();
    expect(await edition.similar(query)).toBeUndefined();
    expect(await edition.sharing(query)).toEqual({ exact: 0, normalized: 0, turns: [] });
    expect(await nearestOf(edition, query, false)).toEqual([]);
    expect(edition.ruledBy([], RULES).find(query)).toBeUndefined();
    edition.close();
  });

  it('keeps the sketches of the tables that stay when it gets another one', async () => {
    const pool = poolOf(1);
    const talk = (text: string) => ({
      conversations: [text, 'reply'].map((value) => ({ from: 'x', value })),
    });
    const texts = ['The first invoice is late.', 'The second invoice is late.', 'The third invoice is late.'];
    const dataset = write(texts.map((text) => JSON.stringify(talk(text))).join('\n'));
    const kernel = newKernel();
    const { table, reader } = await enginesOf(dataset, pool, kernel);
    const made = await cutTables(dataset, table, pool, [1, 2]);
    const edition = new Edition(dataset, kernel);
    const query = queryOf([{ role: 'user', text: 'An invoice is late.' }]) as Query;
    const found = async () => (await nearestOf(edition, query, false)).map(([place]) => place).sort();
    const add = async (count: number) => {
      const { table, sketches } = made[count - 1] as CutTable;
      edition.useIndex(made.slice(0, count).map((each) => each.table));
      expect(edition.hasSketches).toBe(false);
      edition.useSketches(table, await sketches());
      expect(edition.hasSketches).toBe(true);
      expect(await found()).toEqual(['0#1', '1#1', '2#1'].slice(0, count));
    };
    for (const count of [1, 2, 3]) await add(count);
    edition.useIndex([table]);
    expect(edition.hasSketches).toBe(false);
    edition.close();
    reader.close();
  });

  it.each([KEY_BITS, 1, 5])(
    'answers as one table does, wherever it is cut, by keys of %i bits',
    async (bits) => {
      const pool = poolOf(2, bits);
      const asked = fc.array(chat, { maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(records, spelling, cuts, asked, async (list, how, cut, chats) => {
          if (!list.some((each) => parseConversation(each))) return;
          const { one, several, close } = await openBoth(spell(list, how), cut, pool, bits);
          for (const { tables } of [one, several]) countTokens(tables);
          for (const messages of chats) {
            const value = valueQuery(messages.at(-1)?.text ?? '');
            const match = plainMatch(await one.index.find(value));
            expect(plainMatch(await several.index.find(value))).toEqual(match);
            const query = queryOf(messages);
            if (query !== undefined) await expectSame(several, one, query, bits < KEY_BITS);
          }
          // If an empty text shares its key with another, the cuts decide which of them is the first with that key.
          const isSpoken = list.every((each) => each.conversations.every(({ value }) => value !== ''));
          if (bits === KEY_BITS || isSpoken)
            expect(await several.corpus.repeated()).toEqual(await one.corpus.repeated());
          const lines = await one.corpus.conversations(0, list.length);
          expect(await several.corpus.conversations(0, list.length)).toEqual(lines);
          close();
        }),
        runs(60),
      );
    },
  );
});
