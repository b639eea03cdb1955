/** The prompts of a file that are repeated most, from the order of its index: turns with equal keys follow each other there. */

import { firstBetween } from '../core/first.js';
import { REPEATED_LENGTH_KEPT, REPEATED_PROMPTS_MAX } from '../core/limits.js';
import { type IndexTable, ORDER, ORDER_NUMBERS, ROW, ROW_NUMBERS, RUN } from '../index/table.js';
import { type MarkedFile, recordsOf } from './block.js';
import type { RepeatedPrompt } from './corpus.js';
import { beginningOf } from './prompt-text.js';

/** Places of the order that are looked at in one step. */
const STEP = 1 << 15;

/** Places of the order whose turns have the same key. */
interface Group {
  readonly from: number;
  readonly count: number;
}

/**
 * The most repeated prompts with an assistant's reply, the most repeated one first. They are counted by their keys. Yields now and then.
 *
 * @throws AppError if the file can't be read, or has changed
 */
export function* repeatedPrompts(
  table: IndexTable,
  file: MarkedFile,
): Generator<void, readonly RepeatedPrompt[]> {
  const prompts: RepeatedPrompt[] = [];
  for (const { from, count } of yield* largestGroups(table)) {
    let row = rowAt(table, from);
    for (let at = from + 1; at < from + count; at++) {
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

function* largestGroups(table: IndexTable): Generator<void, readonly Group[]> {
  const { order, rows } = table;
  const { from, to } = table.runOf(RUN.assistant);
  const upperAt = (at: number) => order[at * ORDER_NUMBERS + ORDER.key];
  const lowerAt = (at: number) => rows[rowAt(table, at) * ROW_NUMBERS + ROW.keyLow];
  const largest: Group[] = [];
  let least = 1;
  let next = from + STEP;
  for (let at = from; at < to; ) {
    let end = at + 1;
    while (end < to && upperAt(end) === upperAt(at) && lowerAt(end) === lowerAt(at)) end++;
    const count = end - at;
    if (count > least && table.isSpoken(rowAt(table, at))) {
      const before = largest.findIndex((group) => group.count < count);
      largest.splice(before < 0 ? largest.length : before, 0, { from: at, count });
      if (largest.length > REPEATED_PROMPTS_MAX) largest.pop();
      if (largest.length === REPEATED_PROMPTS_MAX) least = largest.at(-1)?.count ?? least;
    }
    at = end;
    if (at < next) continue;
    next = at + STEP;
    yield;
  }
  return largest;
}

function rowAt({ order }: IndexTable, at: number): number {
  return order[at * ORDER_NUMBERS + ORDER.row] as number;
}

/** The block of the record at an offset. */
function blockAt({ marks }: MarkedFile, offset: number): number {
  return firstBetween(1, marks.count, (i) => marks.offsetAt(i) > offset) - 1;
}
