/**
 * The prompts of a file that are repeated most, from the orders of the tables of its index: turns with equal keys follow each other in
 * each, and all orders are merged.
 */

import { firstBetween } from '../core/first.js';
import { REPEATED_LENGTH_KEPT, REPEATED_PROMPTS_MAX } from '../core/limits.js';
import { type IndexTable, ORDER, ORDER_NUMBERS, ROW, ROW_NUMBERS, RUN } from '../index/table.js';
import { type MarkedFile, recordsOf } from './block.js';
import type { RepeatedPrompt } from './corpus.js';
import { beginningOf } from './prompt-text.js';

/** Places of the order that are looked at in one step. */
const STEP = 1 << 15;

/** Places of a table's order whose turns have the same key. */
interface Places {
  readonly table: IndexTable;
  readonly from: number;
  readonly to: number;
}

/** The places of all tables, in file order, that have the same key, and how many there are. */
interface Group {
  readonly places: readonly Places[];
  readonly count: number;
}

/**
 * The most repeated prompts with an assistant's reply, the most repeated one first. They are counted by their keys. Yields now and then.
 *
 * @throws AppError if the file can't be read, or has changed
 */
export function* repeatedPrompts(
  tables: readonly IndexTable[],
  file: MarkedFile,
): Generator<void, readonly RepeatedPrompt[]> {
  const prompts: RepeatedPrompt[] = [];
  for (const { places, count } of yield* largestGroups(tables)) {
    // The first of them in the file is in the first table that has one.
    const { table, from, to } = places[0] as Places;
    let row = rowAt(table, from);
    for (let at = from + 1; at < to; at++) {
      row = Math.min(row, rowAt(table, at));
      if (at % STEP === 0) yield;
    }
    const conversation = table.conversationOf(row);
    const offset = table.offsetOf(conversation);
    const turn = row - table.firstTurnOf(conversation);
    for (const record of recordsOf(file, blockAt(file, offset))) {
      if (record === undefined) yield;
      else if (record.offset === offset) {
        const bytes = record.turn(turn);
        const text = beginningOf(bytes, REPEATED_LENGTH_KEPT);
        prompts.push({ text, length: bytes.length, count, number: record.number, turn });
      }
    }
  }
  return prompts;
}

function* largestGroups(tables: readonly IndexTable[]): Generator<void, readonly Group[]> {
  const cursors = tables.map((table) => new Cursor(table));
  const largest: Group[] = [];
  let least = 1;
  let seen = 0;
  for (;;) {
    const first = lowestOf(cursors);
    if (first === undefined) return largest;
    const { upper, lower, isSpoken } = first;
    const places: Places[] = [];
    let count = 0;
    for (const cursor of cursors) {
      if (cursor.isAtEnd || cursor.upper !== upper || cursor.lower !== lower) continue;
      const passed = cursor.pass();
      places.push(passed);
      count += passed.to - passed.from;
    }
    if (count > least && isSpoken) {
      const before = largest.findIndex((group) => group.count < count);
      largest.splice(before < 0 ? largest.length : before, 0, { places, count });
      if (largest.length > REPEATED_PROMPTS_MAX) largest.pop();
      if (largest.length === REPEATED_PROMPTS_MAX) least = largest.at(-1)?.count ?? least;
    }
    seen += count;
    if (seen < STEP) continue;
    seen = 0;
    yield;
  }
}

/** The cursor at the lowest key; undefined if all are at the end. */
function lowestOf(cursors: readonly Cursor[]): Cursor | undefined {
  let lowest: Cursor | undefined;
  for (const each of cursors) {
    if (each.isAtEnd) continue;
    const difference = lowest === undefined ? -1 : each.upper - lowest.upper || each.lower - lowest.lower;
    if (difference < 0) lowest = each;
  }
  return lowest;
}

/** A place of a table's order among the turns whose reply is an assistant's. */
class Cursor {
  private readonly table: IndexTable;
  private readonly end: number;
  private at: number;
  /** Both halves of the key at the place. */
  upper = 0;
  lower = 0;

  constructor(table: IndexTable) {
    this.table = table;
    const { from, to } = table.runOf(RUN.assistant);
    this.at = from;
    this.end = to;
    this.read();
  }

  get isAtEnd(): boolean {
    return this.at === this.end;
  }

  /** True if the text at the place isn't empty. */
  get isSpoken(): boolean {
    return this.table.isSpoken(rowAt(this.table, this.at));
  }

  /** Passes all places that have the same key, and returns them. */
  pass(): Places {
    const from = this.at;
    const { upper, lower } = this;
    do {
      this.at++;
      this.read();
    } while (!this.isAtEnd && this.upper === upper && this.lower === lower);
    return { table: this.table, from, to: this.at };
  }

  private read(): void {
    if (this.isAtEnd) return;
    const { order, rows } = this.table;
    this.upper = order[this.at * ORDER_NUMBERS + ORDER.key] as number;
    this.lower = rows[rowAt(this.table, this.at) * ROW_NUMBERS + ROW.keyLow] as number;
  }
}

function rowAt({ order }: IndexTable, at: number): number {
  return order[at * ORDER_NUMBERS + ORDER.row] as number;
}

/** The block of the record at an offset. */
function blockAt({ marks }: MarkedFile, offset: number): number {
  return firstBetween(1, marks.count, (i) => marks.offsetAt(i) > offset) - 1;
}
