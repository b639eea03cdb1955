/** The arrays of an index against plain loops over its rows. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillNormalized, fillTurns } from '#dist/index/order.js';
import {
  CONVERSATION,
  CONVERSATION_NUMBERS,
  EMPTY_FLAG,
  ENTRY_ROWS,
  FIRST_FLAG,
  IndexRows,
  IndexTable,
  LED_ROWS,
  NOT_ASSISTANT_FLAG,
  ROW,
  ROW_NUMBERS,
  RUN,
} from '#dist/index/table.js';
import { Kernel, kernelModule } from '#dist/kernel/kernel.js';
import { runs } from '../support/factor.js';

const kernel = new Kernel(kernelModule(), 1 << 16);

interface Turn {
  readonly low: number;
  readonly high: number;
  readonly normalized: number;
  readonly isEmpty: boolean;
  readonly isAssistant: boolean;
}

type Conversation = readonly Turn[];

/** The index of some parts of a dataset, each a list of conversations. */
function tableOf(parts: readonly (readonly Conversation[])[]): IndexTable {
  let turns = 0;
  const rows = parts.map((conversations) => {
    const part = rowsOf(conversations, turns);
    turns += part.size.turns;
    return part;
  });
  const table = IndexTable.allocate({ turns, conversations: parts.flat().length });
  fillTurns(table, rows, kernel);
  fillNormalized(table, rows, kernel);
  return table;
}

function rowsOf(conversations: readonly Conversation[], before: number): IndexRows {
  const size = { turns: conversations.flat().length, conversations: conversations.length };
  const part = new IndexRows({ size, buffer: new SharedArrayBuffer(IndexRows.byteLength(size)) });
  let row = 0;
  for (const [i, turns] of conversations.entries()) {
    part.conversations[i * CONVERSATION_NUMBERS + CONVERSATION.firstTurn] = before + row;
    for (const [turn, { low, high, normalized, isEmpty, isAssistant }] of turns.entries()) {
      const flags = (turn === 0 ? FIRST_FLAG : 0) + (isAssistant ? 0 : NOT_ASSISTANT_FLAG);
      part.rows.set([low, high, turn, flags + (isEmpty ? EMPTY_FLAG : 0)], row * ROW_NUMBERS);
      part.normalized[row] = normalized;
      row++;
    }
  }
  return part;
}

/** A turn with a reply, as plain loops see it. */
interface Replied {
  readonly row: number;
  readonly run: number;
  readonly key: number;
  readonly normalized: number;
  /** The halves of its key, then those of the turns before it that have a text, up to the start. */
  readonly history: readonly number[];
}

function repliedOf(conversations: readonly Conversation[]): readonly Replied[] {
  const found: Replied[] = [];
  let first = 0;
  for (const turns of conversations) {
    for (const [i, { low, high, normalized }] of turns.slice(0, -1).entries()) {
      const before = turns.slice(0, i).filter(({ isEmpty }) => !isEmpty);
      const history = [high, low, ...before.reverse().flatMap(({ low, high }) => [high, low])];
      const run = turns[i + 1]?.isAssistant ? RUN.assistant : RUN.other;
      found.push({ row: first + i, run, key: high, normalized, history });
    }
    first += turns.length;
  }
  return found;
}

/** A list that is a beginning of another one comes first; of equal ones, the earlier row. */
function compareHistories(one: Replied, other: Replied): number {
  const at = one.history.findIndex((number, i) => number !== other.history[i]);
  if (at >= 0) return (one.history[at] as number) - (other.history[at] ?? -1);
  return one.history.length - other.history.length || one.row - other.row;
}

function expectOfPlainLoops(table: IndexTable, parts: readonly (readonly Conversation[])[]): void {
  const conversations = parts.flat();
  const turns = conversations.flat();
  const replied = repliedOf(conversations);
  const order = replied.toSorted((a, b) => a.run - b.run || compareHistories(a, b));
  const places = order.flatMap(({ key, row }) => [key, row]);
  const normalizedOrder = replied.toSorted(
    (a, b) => a.run - b.run || a.normalized - b.normalized || a.row - b.row,
  );
  expect([...table.order]).toEqual(places);
  expect([...table.normalizedOrder]).toEqual(normalizedOrder.map(({ row }) => row));
  expect([...table.normalized]).toEqual(turns.map(({ normalized }) => normalized));
  expect(turns.map((_, row) => table.rows[row * ROW_NUMBERS + ROW.keyLow])).toEqual(
    turns.map(({ low }) => low),
  );
  const leaders = Array.from(table.leaders, (_, i) =>
    Math.min(...order.slice(i * LED_ROWS, (i + 1) * LED_ROWS).map(({ row }) => row)),
  );
  expect([...table.leaders]).toEqual(leaders);
  const bucketOf = ({ run, key }: Replied) => Math.floor(table.bucketOf(run as 0 | 1, key));
  const buckets = Array.from(table.buckets, (_, bucket) => {
    const first = order.findIndex((each) => bucketOf(each) >= bucket);
    return first < 0 ? order.length : first;
  });
  expect([...table.buckets]).toEqual(buckets);
  const conversationOf = conversations.flatMap((turns, i) => turns.map(() => i));
  const entries = Array.from(table.conversationsAt, (_, i) => conversationOf[i * ENTRY_ROWS] ?? 0);
  entries[entries.length - 1] = Math.max(0, conversations.length - 1);
  expect([...table.conversationsAt]).toEqual(entries);
  expect(turns.map((_, row) => table.conversationOf(row))).toEqual(conversationOf);
  const ends = new Set(conversations.map((turns) => turns.at(-1)?.normalized as number));
  for (const end of ends) expect(table.mayEnd(end)).toBe(true);
}

const half = fc.oneof(
  fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
  fc.integer({ min: 0, max: 0xffff_ffff }),
);
const texts = fc.array(fc.record({ low: half, high: half, normalized: half, isEmpty: fc.boolean() }), {
  minLength: 1,
  maxLength: 12,
});

/** Parts whose turns have one of a few texts each, so that many conversations begin or end in the same way. */
const dataset = texts.chain((texts) => {
  const turn = fc.record({ text: fc.constantFrom(...texts), isAssistant: fc.boolean() });
  const conversation = fc.array(
    turn.map(({ text, isAssistant }) => ({ ...text, isAssistant })),
    { minLength: 2, maxLength: 9 },
  );
  return fc.array(fc.array(conversation, { maxLength: 12 }), { maxLength: 4 });
});

describe('the arrays of an index', () => {
  it('are those of plain loops', () => {
    fc.assert(
      fc.property(dataset, (parts) => expectOfPlainLoops(tableOf(parts), parts)),
      runs(300),
    );
  });

  it('are those of plain loops for more rows than the kernel takes at once', () => {
    let state = 1;
    const random = (below: number) => {
      state = (Math.imul(state, 0x9e37_79b1) + 0x7f4a_7c15) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const turn = (): Turn => {
      const low = random(2 ** 32);
      // Some texts occur often.
      const high = random(4) === 0 ? random(3) : random(2 ** 32);
      return { low, high, normalized: high, isEmpty: false, isAssistant: random(3) > 0 };
    };
    const conversation = () => Array.from({ length: 2 + random(5) }, turn);
    const parts = [1800, 5, 2200].map((count) => Array.from({ length: count }, conversation));
    const table = tableOf(parts);
    expect(table.size.turns).toBeGreaterThan(12_000);
    expectOfPlainLoops(table, parts);
    const others = Array.from({ length: 2000 }, () => random(2 ** 32)).filter((end) => table.mayEnd(end));
    expect(others.length).toBeLessThan(200);
  });
});
