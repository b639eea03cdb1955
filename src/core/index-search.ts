/**
 * Searching an index. In `order`, all rows whose last turns are the same, however many, stand together: two searches find
 * them. That answers every question of the match ladder, where a table of context keys would answer only the first.
 */

import { type ByteRange, byteOffset } from './bytes.js';
import {
  EMPTY_FLAG,
  FIRST_FLAG,
  type IndexTable,
  LED_ROWS,
  LENGTH_MASK,
  MILESTONE_ROWS,
} from './index-table.js';
import { beginningOf, type Key, type TextKeys } from './keys.js';
import { type Candidate, foldedGrade, gradeOf } from './match.js';
import type { Place } from './place.js';
import type { KeyedQuery } from './query.js';

/** A place, with the row of its conversation's first turn. */
export interface IndexPlace extends Place {
  readonly firstRow: number;
}

/** The best candidate of a history: its row, and how many turns before it agree. */
interface Found {
  readonly history: number;
  readonly grade: number;
  readonly row: number;
  readonly run: number;
}

/** Finds in an index where candidates stand, as far as keys tell. */
export class IndexSearch {
  private readonly table: IndexTable;

  constructor(table: IndexTable) {
    this.table = table;
  }

  /** The best candidate on the rungs `context` and `prompt`, as far as keys tell. */
  find(query: KeyedQuery): IndexPlace | undefined {
    let best: Found | undefined;
    for (let history = 0; history < query.histories.length; history++) {
      const found = this.findHistory(query, history);
      if (found === undefined) continue;
      const isBetter = best === undefined || found.grade > best.grade;
      if (isBetter || (found.grade === best?.grade && found.row < best.row)) best = found;
    }
    return best && this.placeOf(best.row, this.spokenBefore(best.row, best.run), best);
  }

  /** The candidates on the rung `normalized`, the first one of the file first. */
  *findFolded(query: KeyedQuery): Generator<IndexPlace> {
    if (!query.contextual) return;
    for (const [history, texts] of query.histories.entries()) {
      for (const row of this.foldedRows(texts.at(-1)?.folded)) {
        yield this.placeOf(row, row, { grade: foldedGrade(history), history });
      }
    }
  }

  /** All conversations that hold a candidate, in file order: each as if it agreed from its first turn to its last. */
  *candidates(query: KeyedQuery): Generator<IndexPlace> {
    const rows = new Set<number>();
    for (const texts of query.histories) {
      const key = texts.at(-1)?.key;
      if (key !== undefined) for (const row of this.rowsBetween(this.bounds([key], 1))) rows.add(row);
      if (query.contextual) for (const row of this.foldedRows(texts.at(-1)?.folded)) rows.add(row);
    }
    const conversations = new Set([...rows].map((row) => this.table.conversationOf(row)));
    for (const conversation of [...conversations].sort((a, b) => a - b)) {
      const first = this.table.firstTurns[conversation] as number;
      const last = (this.table.firstTurns[conversation + 1] ?? this.table.size.turns) - 1;
      yield this.placeOf(last - 1, first, { grade: 0, history: 0 });
    }
  }

  /** The last turns of conversations that equal a text with that folded key, white space aside, as far as keys tell. */
  *unanswered({ low }: Key): Generator<Place> {
    const { folded, size } = this.table;
    // No order has them, since they never answer: it takes a look at every turn.
    for (let row = folded.indexOf(low); row >= 0; row = folded.indexOf(low, row + 1)) {
      const isLast = row + 1 === size.turns || ((this.table.lengths[row + 1] as number) & FIRST_FLAG) !== 0;
      if (isLast) yield this.placeOf(row, row, { grade: 0, history: 0 }, row);
    }
  }

  /** The turns that have a reply and begin as a text with that folded key does, as far as keys tell; in no order to rely on. */
  *alike({ low }: Key): Generator<Place> {
    const beginning = beginningOf(low);
    const beginningAt = (place: number) => beginningOf(this.foldedAt(place));
    const { foldedOrder } = this.table;
    let place = this.firstPlace(0, foldedOrder.length, (each) => beginningAt(each) >= beginning);
    for (; place < foldedOrder.length && beginningAt(place) === beginning; place++) {
      const row = foldedOrder[place] as number;
      yield this.placeOf(row, row, { grade: 0, history: 0 }, row);
    }
  }

  private findHistory(query: KeyedQuery, history: number): Found | undefined {
    const texts = query.histories[history] as readonly TextKeys[];
    const keys = (query.contextual ? texts : texts.slice(-1)).map(keyOf);
    const at = this.lowerBound(keys, keys.length);
    const here = this.agreement(keys, at);
    const agreeing = here === keys.length ? here : Math.max(here, this.agreement(keys, at - 1));
    if (agreeing === 0) return undefined;
    const run = agreeing - 1;
    const from = here === keys.length ? at : this.lowerBound(keys, agreeing);
    // Where nothing stands before it, a row comes before those where something does.
    const row = this.table.order[from] as number;
    const isFromStart = this.spokenBefore(row, agreeing) < 0;
    const grade = gradeOf(query, history, run, isFromStart);
    if (isFromStart && grade > gradeOf(query, history, run, false)) return { history, grade, row, run };
    // Too short a run counts no more than the prompt alone, and then the first one of those answers.
    const count = grade > gradeOf(query, history, 0, false) ? agreeing : 1;
    const [start, end] = count === agreeing ? this.boundsFrom(from, keys, count) : this.bounds(keys, count);
    return { history, grade, row: this.firstRow(start, end), run: count - 1 };
  }

  /** The rows of `order` whose last `count` turns are the last of those keys. */
  private bounds(keys: readonly Key[], count: number): [from: number, to: number] {
    return this.boundsFrom(this.lowerBound(keys, count), keys, count);
  }

  /** The same, if the first one is known. */
  private boundsFrom(from: number, keys: readonly Key[], count: number): [from: number, to: number] {
    const isPast = (place: number) => this.compareAt(place, keys, count) > 0;
    return [from, this.firstFrom(from, this.table.order.length, isPast)];
  }

  /** The first place in `order` that doesn't come before the last `count` of those keys. */
  private lowerBound(keys: readonly Key[], count: number): number {
    const { order, milestones } = this.table;
    const { length } = milestones;
    const { high: sought } = keys[keys.length - 1] ?? { high: 0 };
    // Keys are hashes, spread evenly: so a milestone is near where it would be if they were so exactly, and the second guess, made from
    // what stands at the first, is nearer still. (Interpolation search.)
    const first = Math.floor((sought / 2 ** 32) * length);
    const off = (sought - (milestones[first] ?? 0)) / 2 ** 32;
    const guess = Math.max(0, Math.min(length, first + Math.round(off * length)));
    const from = this.firstNear(guess, length, (i) => (milestones[i] as number) >= sought);
    const to = this.firstFrom(from, length, (i) => (milestones[i] as number) > sought);
    // A milestone is the last of its rows.
    const end = to === length ? order.length : (to + 1) * MILESTONE_ROWS - 1;
    return this.firstPlace(from * MILESTONE_ROWS, end, (place) => this.compareAt(place, keys, count) >= 0);
  }

  /** The first place before `length` for which it is true, `length` if there is none: looked for in steps that double. */
  private firstNear(guess: number, length: number, isTrue: (place: number) => boolean): number {
    let low = guess;
    let high = guess;
    for (let step = 1; low > 0 && isTrue(low - 1); step *= 2) {
      high = low - 1;
      low = Math.max(0, high - step);
    }
    return high < guess ? this.firstPlace(low, high, isTrue) : this.firstFrom(guess, length, isTrue);
  }

  /** The same, if it is known to be false for all places before. */
  private firstFrom(from: number, length: number, isTrue: (place: number) => boolean): number {
    let low = from;
    let high = from;
    for (let step = 1; high < length && !isTrue(high); step *= 2) {
      low = high + 1;
      high = Math.min(length, high + step);
    }
    return this.firstPlace(low, high, isTrue);
  }

  /** The first place from `low` on for which it is true, `high` if there is none before. */
  private firstPlace(low: number, high: number, isTrue: (place: number) => boolean): number {
    let from = low;
    let to = high;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (isTrue(middle)) to = middle;
      else from = middle + 1;
    }
    return from;
  }

  /** Compares the row at a place of `order`, and those before it, with the last `count` keys, from the last one back. */
  private compareAt(place: number, keys: readonly Key[], count: number): number {
    let turn = this.table.order[place] as number;
    for (let i = 1; i <= count; i++) {
      if (turn < 0) return -1;
      const { low, high } = keys[keys.length - i] as Key;
      const difference =
        (this.table.keys[2 * turn + 1] as number) - high || (this.table.keys[2 * turn] as number) - low;
      if (difference !== 0) return difference;
      turn = this.spokenBefore(turn);
    }
    return 0;
  }

  /** How many of the last keys the row at a place of `order` agrees with. */
  private agreement(keys: readonly Key[], place: number): number {
    let turn = this.table.order[place] ?? -1;
    let count = 0;
    while (turn >= 0 && count < keys.length) {
      const { low, high } = keys[keys.length - 1 - count] as Key;
      if (this.table.keys[2 * turn + 1] !== high || this.table.keys[2 * turn] !== low) break;
      count++;
      turn = this.spokenBefore(turn);
    }
    return count;
  }

  /** The turn that is so many before that one, in its conversation, of those whose text is not empty; -1 if there is none. */
  private spokenBefore(row: number, turns = 1): number {
    let before = row;
    for (let left = turns; left > 0; ) {
      if (before < 0 || ((this.table.lengths[before] as number) & FIRST_FLAG) !== 0) return -1;
      before--;
      if ((this.table.lengths[before] as number) < EMPTY_FLAG) left--;
    }
    return before;
  }

  /** The first row in file order between two places of `order`. */
  private firstRow(from: number, to: number): number {
    let first = this.table.order[from] as number;
    let at = from;
    while (at < to) {
      const isBlock = at % LED_ROWS === 0 && at + LED_ROWS <= to;
      const row = (isBlock ? this.table.leaders[at / LED_ROWS] : this.table.order[at]) as number;
      if (row < first) first = row;
      at += isBlock ? LED_ROWS : 1;
    }
    return first;
  }

  private rowsBetween([from, to]: [number, number]): Uint32Array {
    return this.table.order.subarray(from, to);
  }

  /** The rows that have that folded key, as far as its lower half tells, in file order. */
  private foldedRows(key: Key | undefined): Uint32Array {
    if (key === undefined) return new Uint32Array();
    const { length } = this.table.foldedOrder;
    const from = this.firstPlace(0, length, (place) => this.foldedAt(place) >= key.low);
    return this.table.foldedOrder.subarray(
      from,
      this.firstPlace(from, length, (place) => this.foldedAt(place) > key.low),
    );
  }

  private foldedAt(place: number): number {
    return this.table.folded[this.table.foldedOrder[place] as number] as number;
  }

  /** Where a candidate stands in the file, with the turns from one row to another. */
  private placeOf(
    row: number,
    firstRow: number,
    { grade, history }: Pick<Candidate, 'grade' | 'history'>,
    lastRow = row + 1,
  ): IndexPlace {
    const conversation = this.table.conversationOf(row);
    const offset = this.table.offsets[conversation] as number;
    const idStart = this.table.idStarts[conversation] as number;
    const idLength = this.table.idLengths[conversation] as number;
    const firstTurn = this.table.firstTurns[conversation] as number;
    return {
      grade,
      history,
      firstRow: firstTurn,
      turn: row - firstTurn,
      firstTurn: firstRow - firstTurn,
      record: idLength === 0 ? idStart : -1,
      id: idLength === 0 ? undefined : rangeOf(offset + idStart, idLength),
      turns: {
        start: byteOffset(offset + (this.table.starts[firstRow] as number)),
        end: byteOffset(
          offset +
            (this.table.starts[lastRow] as number) +
            ((this.table.lengths[lastRow] as number) & LENGTH_MASK),
        ),
      },
    };
  }
}

function keyOf({ key }: TextKeys): Key {
  return key;
}

function rangeOf(start: number, length: number): ByteRange {
  return { start: byteOffset(start), end: byteOffset(start + length) };
}
