/** The index against a plain loop, on conversations with few different turns, so that long runs of them match. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extraOf, type Key, type TextKeys } from '#dist/core/keys.js';
import { compareTexts, matchConversation } from '#dist/core/match.js';
import { fillNormalized, fillTurns } from '#dist/index/order.js';
import { IndexSearch } from '#dist/index/search.js';
import {
  CONVERSATION,
  CONVERSATION_NUMBERS,
  EMPTY_FLAG,
  FIRST_FLAG,
  IndexRows,
  IndexTable,
  NOT_ASSISTANT_FLAG,
  ROW_NUMBERS,
} from '#dist/index/table.js';
import { Kernel, kernelModule } from '#dist/kernel/kernel.js';
import { runs } from '../support/factor.js';

const kernel = new Kernel(kernelModule(), 1 << 16);

type TextKeysOf = (text: string) => TextKeys;

/** Texts are letters, and their keys the letters' codes; the empty text is one of them. */
function letterKeys(text: string): TextKeys {
  const key = { low: text.codePointAt(0) ?? 0, high: text === 'c' ? 1 : 0 };
  return { key, normalized: key, ends: key, head: key, length: text.length };
}

/** A search in an index of conversations, each a list of texts. Every turn is ten bytes long, every record a thousand. */
function indexOf(
  conversations: readonly (readonly string[])[],
  keysOf: TextKeysOf = letterKeys,
): IndexSearch {
  const middle = conversations.length >> 1;
  const firstHalf = rowsOf(conversations.slice(0, middle), 0, 0, keysOf);
  const parts = [firstHalf, rowsOf(conversations.slice(middle), middle, firstHalf.size.turns, keysOf)];
  const turns = parts.reduce((sum, { size }) => sum + size.turns, 0);
  const table = IndexTable.allocate({ turns, conversations: conversations.length });
  fillTurns(table, parts, kernel);
  fillNormalized(table, parts, kernel);
  return new IndexSearch(table);
}

/** The rows of some conversations, from `first` on; `firstTurn` is the global index of their first turn. */
function rowsOf(
  conversations: readonly (readonly string[])[],
  first: number,
  firstTurn: number,
  keysOf: TextKeysOf,
): IndexRows {
  const turns = conversations.reduce((sum, { length }) => sum + length, 0);
  const size = { turns, conversations: conversations.length };
  const rows = new IndexRows({ size, buffer: new SharedArrayBuffer(IndexRows.byteLength(size)) });
  let row = 0;
  for (const [i, texts] of conversations.entries()) {
    const numbers = { offsetLow: (first + i) * 1000, firstTurn: firstTurn + row, idStart: first + i };
    for (const [name, number] of Object.entries(numbers))
      rows.conversations[i * CONVERSATION_NUMBERS + CONVERSATION[name as keyof typeof numbers]] = number;
    for (const [turn, text] of texts.entries()) {
      const { key, normalized } = keysOf(text);
      rows.normalized[row] = normalized.low;
      const start = turn * 10 + extraOf(normalized.high) * 2 ** 24;
      const flags = [
        text === '' && EMPTY_FLAG,
        turn === 0 && FIRST_FLAG,
        roleOf(first + i, turn) === 'human' && NOT_ASSISTANT_FLAG,
      ];
      const length = flags.reduce<number>((sum, flag) => sum + (flag || 0), 10);
      rows.rows.set([key.low, key.high, start, length], row * ROW_NUMBERS);
      row++;
    }
  }
  return rows;
}

/** Roles in no regular order: some turns have a reply by an assistant, others have not. */
function roleOf(record: number, turn: number): string {
  return (7 * record + turn * turn) % 3 === 0 ? 'human' : 'gpt';
}

const letter = fc.constantFrom('a', 'a', 'a', 'b', 'c', '');
const conversations = fc.array(fc.array(letter, { minLength: 2, maxLength: 40 }), {
  minLength: 1,
  maxLength: 12,
});

const LETTERS = ['', ...'abcdefghijklmnopqrstuvwx'];

/** A loop over all conversations finds the same turn. */
function expectFirstOfBest(
  list: readonly (readonly string[])[],
  index: IndexSearch,
  histories: readonly (readonly string[])[],
  contextual: boolean,
  keysOf: TextKeysOf = letterKeys,
): void {
  const query = { histories: contextual ? histories : histories.slice(0, 1), contextual };
  const keyed = { contextual, histories: query.histories.map((texts) => texts.map(keysOf)) };
  let best: { grade: number; record: number; turn: number } | undefined;
  for (const [record, texts] of list.entries()) {
    const turns = texts.map((value, i) => ({ from: roleOf(record, i), value }));
    const found = matchConversation(query, compareTexts(query, turns));
    if (found !== undefined && found.grade > (best?.grade ?? 0)) best = { ...found, record };
  }
  const place = contextual
    ? (index.find(keyed, 'assistant') ?? index.find(keyed, 'other'))
    : index.find(keyed, 'any');
  expect(place && { grade: place.grade, record: place.record, turn: place.turn }).toEqual(
    best && { grade: best.grade, record: best.record, turn: best.turn },
  );
  if (place === undefined) return;
  // From the first matching turn to the reply, ten bytes each.
  expect(place.turns).toEqual({
    start: place.record * 1000 + place.firstTurn * 10,
    end: place.record * 1000 + (place.turn + 2) * 10,
  });
}

describe('the index', () => {
  it('finds the first of the best turns, however long the matching runs are', () => {
    const histories = fc.array(
      fc.array(fc.constantFrom('a', 'a', 'a', 'b', 'c', 'd'), { minLength: 1, maxLength: 45 }),
      {
        minLength: 1,
        maxLength: 2,
      },
    );
    fc.assert(
      fc.property(conversations, histories, fc.boolean(), (list, histories, contextual) => {
        expectFirstOfBest(list, indexOf(list), histories, contextual);
      }),
      runs(1000),
    );
  });

  it('finds it for any distribution of keys: even, at the ends, or with many equal upper halves', () => {
    const half = fc.oneof(
      fc.constantFrom(0, 1, 2, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff),
      fc.nat(0xffff_ffff),
    );
    const key = fc.record({ low: half, high: half });
    const keys = fc.uniqueArray(key, {
      minLength: LETTERS.length,
      maxLength: LETTERS.length,
      selector: ({ low, high }) => `${high} ${low}`,
    });
    const letter = fc.constantFrom(...LETTERS);
    // A case with few turns, too: up to five have a reply.
    const few = fc.array(fc.array(letter, { minLength: 2, maxLength: 3 }), { maxLength: 2 });
    const many = fc.array(fc.array(letter, { minLength: 2, maxLength: 30 }), { maxLength: 30 });
    const list = fc.oneof(few, many);
    const random = fc.array(letter, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        keys,
        list,
        fc.array(random, { maxLength: 6 }),
        fc.boolean(),
        (keys, list, asked, contextual) => {
          const keysOf = (text: string): TextKeys => {
            const key = keys[LETTERS.indexOf(text)] as Key;
            return { key, normalized: key, ends: key, head: key, length: text.length };
          };
          const index = indexOf(list, keysOf);
          const recorded = list.map((texts) => texts.filter((text) => text !== '').slice(0, -1));
          for (const history of [...asked, ...recorded]) {
            const spoken = history.filter((text) => text !== '');
            if (spoken.length > 0) expectFirstOfBest(list, index, [spoken], contextual, keysOf);
          }
        },
      ),
      runs(500),
    );
  });

  it('finds each of very many texts by real hashes', () => {
    const keysOf = (text: string) => kernel.keysOf(text) as TextKeys;
    const list = Array.from({ length: 5000 }, (_, i) => [`prompt ${i}`, 'reply', 'more', `end ${i}`]);
    const index = indexOf(list, keysOf);
    for (let i = 0; i < list.length; i++) {
      const ask = (text: string) => index.find({ contextual: false, histories: [[keysOf(text)]] }, 'any');
      expect(ask(`prompt ${i}`)).toMatchObject({ record: i, turn: 0 });
      expect(ask(`end ${i}`)).toBeUndefined();
    }
  });

  it('is built from one conversation with very many equal turns', () => {
    const index = indexOf([Array.from({ length: 200_000 }, () => 'a')]);
    const ask = (count: number) =>
      index.find(
        { contextual: true, histories: [Array.from({ length: count }, () => letterKeys('a'))] },
        'any',
      );
    expect(ask(1)).toMatchObject({ turn: 0 });
    expect(ask(5000)).toMatchObject({ turn: 4999, firstTurn: 0 });
    const after = { contextual: true, histories: [['b', 'a', 'a', 'a'].map(letterKeys)] };
    expect(index.find(after, 'any')).toMatchObject({ turn: 2, firstTurn: 0 });
  });

  it('takes at most 40 bytes a turn for conversations of three turns', () => {
    for (const turns of [300, 3000, 3_000_000]) {
      expect(IndexTable.byteLength({ turns, conversations: turns / 3 }) / turns).toBeLessThanOrEqual(40);
    }
  });

  it('finds nothing in an empty dataset', () => {
    const index = indexOf([]);
    const query = { contextual: true, histories: [[letterKeys('a')]] };
    for (const replies of ['assistant', 'other'] as const) {
      expect(index.find(query, replies)).toBeUndefined();
      expect([...index.findNormalized({ history: 0, keys: letterKeys('a') }, replies)]).toEqual([]);
    }
  });
});
