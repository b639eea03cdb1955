/**
 * Searches an index. `order` keeps all rows with the same last turns together, however many turns: two binary searches find them. That
 * serves every rung of the match ladder, where a table of context keys would serve only the first.
 */

import { type ByteRange, byteOffset } from '../core/bytes.js';
import { firstBetween, firstFrom, firstNear } from '../core/first.js';
import { beginningOf, extraOf, type Key, type TextKeys } from '../core/keys.js';
import { assistantGrade, type Candidate, gradeOf, normalizedGrade } from '../core/match.js';
import type { Place } from '../core/place.js';
import type { KeyedQuery } from '../core/query.js';
import {
  CONVERSATION,
  CONVERSATION_NUMBERS,
  type IndexTable,
  LED_ROWS,
  LENGTH_MASK,
  ORDER,
  ORDER_NUMBERS,
  ROW,
  ROW_NUMBERS,
  RUN,
  type Run,
} from './table.js';

/** A place, with its table and the row of its conversation's first turn. */
export interface IndexPlace extends Place {
  readonly table: IndexTable;
  readonly firstRow: number;
}

/** A turn that has a reply. */
export interface RepliedTurn {
  readonly row: number;
  /** The turn alone, and with its reply. */
  readonly prompt: Place;
  readonly pair: IndexPlace;
  /** How many turns that aren't empty are before it in its conversation. */
  readonly depth: number;
}

/** A turn that has the prompt of a query. */
export interface SharingRow {
  readonly row: number;
  /** True if it equals the prompt only if white space is normalized. */
  readonly isNormalized: boolean;
  /** How many turns before it agree with the messages before the prompt. */
  readonly preceding: number;
  /** True if those are all turns and all messages. */
  readonly isWhole: boolean;
}

/** The largest half of a key. */
const UPPER = 0xffff_ffff;

/** Both runs, in the order in which they are searched if any reply will do. */
export const ANY: readonly Run[] = [RUN.assistant, RUN.other];

/** Rows scanned per step, which takes about 50 µs. */
const ROWS_A_STEP = 1 << 16;

/** Which turns to search: those whose reply is an assistant's, those whose reply isn't, or all. */
export type Replies = keyof typeof RUN | 'any';

/** The best candidate of a history: its row, and how many turns before the row agree. */
interface BestRow {
  readonly history: number;
  readonly grade: number;
  readonly row: number;
  readonly run: number;
}

/** The keys of the last text of a history. */
export interface KeyedPrompt {
  readonly history: number;
  readonly keys: TextKeys;
}

/** The results of a search, one by one; undefined for a step without a result. */
export type Steps<T> = Generator<T | undefined, void>;

/** A turn that begins with the same letters as a text. */
export interface SimilarTurn {
  /** The lower half of the turn's normalized key. */
  readonly normalized: number;
  readonly place: Place;
}

/** Places of `order` from `from` to before `to`, whose turns match a history of a query. */
interface WholePlaces {
  readonly history: number;
  readonly from: number;
  to: number;
}

/** Finds candidates in a table of an index by comparing keys; the texts are not compared. */
export class IndexSearch {
  private readonly table: IndexTable;

  constructor(table: IndexTable) {
    this.table = table;
  }

  /** The best candidate on the rungs `context` and `prompt`, judged by keys alone. Of any replies, none is preferred. */
  find(query: KeyedQuery, replies: Replies): IndexPlace | undefined {
    let best: BestRow | undefined;
    for (const run of runsOf(replies)) {
      for (let history = 0; history < query.histories.length; history++) {
        const found = this.findHistory(query, history, run);
        if (found === undefined) continue;
        const isBetter = best === undefined || found.grade > best.grade;
        if (isBetter || (found.grade === best?.grade && found.row < best.row)) best = found;
      }
    }
    if (best === undefined) return undefined;
    const { row, run, grade, history } = best;
    return this.placeOf(row, this.spokenBefore(row, run), { grade: gradeAmong(replies, grade), history });
  }

  /**
   * The turns that have a reply and whose conversations agree with a history from its start to the prompt, judged by keys alone; the last
   * in the file first.
   */
  *wholes({ histories }: KeyedQuery): Generator<IndexPlace> {
    const places = histories.flatMap((keys, history) =>
      ANY.map((run) => this.wholePlaces(keys, history, run)),
    );
    for (;;) {
      const last = this.lastOf(places);
      if (last === undefined) return;
      last.to--;
      const row = this.rowAt(last.to);
      const run = (histories[last.history] as readonly TextKeys[]).length - 1;
      const grade = gradeOf({ contextual: true, histories }, last.history, run, true);
      yield this.placeOf(row, this.spokenBefore(row, run), { grade, history: last.history });
    }
  }

  /** The places with the last row in file order; undefined if all are empty. */
  private lastOf(places: readonly WholePlaces[]): WholePlaces | undefined {
    let last: WholePlaces | undefined;
    for (const each of places) {
      if (each.from === each.to) continue;
      if (last === undefined || this.rowAt(each.to - 1) > this.rowAt(last.to - 1)) last = each;
    }
    return last;
  }

  /** The places of a run that agree with all keys of a history and have no turn before that; their rows are in file order. */
  private wholePlaces(texts: readonly TextKeys[], history: number, run: Run): WholePlaces {
    const keys = texts.map(keyOf);
    const count = keys.length;
    const from = this.lowerBound(run, keys, count);
    // A row without a turn before it sorts before rows that have one.
    const isPast = (place: number) =>
      this.compareAt(place, keys, count) > 0 || this.spokenBefore(this.rowAt(place), count) >= 0;
    return { history, from, to: firstFrom(from, this.table.runOf(run).to, isPast) };
  }

  /** The candidates on the rung `normalized` for a prompt, in file order. */
  *findNormalized({ history, keys }: KeyedPrompt, replies: keyof typeof RUN): Steps<IndexPlace> {
    const candidate = { grade: gradeAmong(replies, normalizedGrade(history)), history };
    for (const row of this.normalizedRows(keys, RUN[replies])) {
      yield row === undefined ? row : this.placeOf(row, row, candidate);
    }
  }

  /** All conversations that contain a candidate, in no particular order: each as if it agreed from its first turn to its last. */
  *candidates(prompts: readonly KeyedPrompt[], isNormalized: boolean): Steps<IndexPlace> {
    const seen = new Set<number>();
    for (const { keys } of prompts) {
      for (const row of this.rowsOf(keys, isNormalized)) {
        const conversation = row === undefined ? undefined : this.table.conversationOf(row);
        if (conversation === undefined || seen.has(conversation)) {
          yield undefined;
          continue;
        }
        seen.add(conversation);
        const first = this.table.firstTurnOf(conversation);
        const last = this.table.firstTurnOf(conversation + 1) - 1;
        yield this.placeOf(last - 1, first, { grade: 0, history: 0 });
      }
    }
  }

  /** The last turns of conversations that equal a text with these ends, white space aside; judged by keys alone. */
  *unanswered(ends: Key): Steps<Place> {
    const { table } = this;
    if (!table.mayEnd(ends.low)) return;
    // No order contains these turns, since they have no reply: scan every turn.
    for (let from = 0; from < table.size.turns; from += ROWS_A_STEP) {
      const rows = table.normalized.subarray(from, from + ROWS_A_STEP);
      for (let at = rows.indexOf(ends.low); at >= 0; at = rows.indexOf(ends.low, at + 1)) {
        const row = from + at;
        const isLast = row + 1 === table.size.turns || table.isFirst(row + 1);
        const isFound = isLast && table.mayBeNormalized(row, ends);
        yield isFound ? this.placeOf(row, row, { grade: 0, history: 0 }, row) : undefined;
      }
      yield undefined;
    }
  }

  /**
   * The first turns of a run that begin with the same letters as a text, judged by keys alone; in the order of their normalized keys, and
   * equal ones in file order.
   *
   * @param low the lower half of the text's normalized key
   * @param limit how many turns there are at most
   */
  similar(low: number, run: Run, limit: number): readonly SimilarTurn[] {
    const beginning = beginningOf(low);
    const { normalizedOrder } = this.table;
    const beginningAt = (place: number) => beginningOf(this.normalizedAt(place));
    const { from, to } = this.table.runOf(run);
    // Keys are distributed evenly, except those of texts that occur often.
    const guess = from + Math.floor((beginning / (beginningOf(UPPER) + 1)) * (to - from));
    const turns: SimilarTurn[] = [];
    let at = firstNear(guess, from, to, (each) => beginningAt(each) >= beginning);
    for (; at < to && turns.length < limit && beginningAt(at) === beginning; at++) {
      const row = normalizedOrder[at] as number;
      const place = this.placeOf(row, row, { grade: 0, history: 0 }, row);
      turns.push({ normalized: this.normalizedAt(at), place });
    }
    return turns;
  }

  /** The turns that have a query's prompt and a reply, judged by keys alone: first those that equal it, then those that do so normalized. */
  *sharing(query: KeyedQuery): Steps<SharingRow> {
    const seen = new Set<number>();
    for (const isNormalized of [false, true]) {
      for (const history of query.histories) {
        const keys = history.at(-1) as TextKeys;
        for (const row of this.rowsOf(keys, isNormalized)) {
          if (row === undefined || seen.has(row)) yield undefined;
          else {
            seen.add(row);
            yield { row, isNormalized, ...this.preceding(query, row) };
          }
        }
      }
    }
  }

  /** How many turns before a row agree with the messages before the prompt, and whether they are all of both. */
  private preceding({ histories }: KeyedQuery, row: number): Pick<SharingRow, 'preceding' | 'isWhole'> {
    let best = { preceding: 0, isWhole: false };
    for (const history of histories) {
      let before = this.spokenBefore(row);
      let message = history.length - 2;
      while (
        before >= 0 &&
        message >= 0 &&
        this.compareKey(before, (history[message] as TextKeys).key) === 0
      ) {
        before = this.spokenBefore(before);
        message--;
      }
      const preceding = history.length - 2 - message;
      const isWhole = before < 0 && message < 0;
      if (isWhole || (!best.isWhole && preceding > best.preceding)) best = { preceding, isWhole };
    }
    return best;
  }

  /** A turn that has a reply, by its row. */
  repliedAt(row: number): RepliedTurn {
    const candidate = { grade: 0, history: 0 };
    return {
      row,
      prompt: this.placeOf(row, row, candidate, row),
      pair: this.placeOf(row, row, candidate),
      depth: this.depthOf(row),
    };
  }

  /**
   * A turn that has a reply.
   *
   * @param number its number among those turns, in file order
   */
  replied(number: number): RepliedTurn {
    const { table } = this;
    const { conversations } = table.size;
    // Each conversation before it has one turn more than replies.
    const next = firstBetween(0, conversations, (each) => table.firstTurnOf(each) - each > number);
    return this.repliedAt(number + next - 1);
  }

  /** How many turns that aren't empty are before a turn in its conversation. */
  private depthOf(row: number): number {
    let depth = 0;
    for (let before = this.spokenBefore(row); before >= 0; before = this.spokenBefore(before)) depth++;
    return depth;
  }

  private findHistory(query: KeyedQuery, history: number, searched: Run): BestRow | undefined {
    const texts = query.histories[history] as readonly TextKeys[];
    const keys = (query.contextual ? texts : texts.slice(-1)).map(keyOf);
    const at = this.lowerBound(searched, keys, keys.length);
    const here = this.agreement(searched, keys, at);
    const agreeing = here === keys.length ? here : Math.max(here, this.agreement(searched, keys, at - 1));
    if (agreeing === 0) return undefined;
    const run = agreeing - 1;
    const from = here === keys.length ? at : this.lowerBound(searched, keys, agreeing);
    // A row without a turn before it sorts before rows that have one.
    const row = this.rowAt(from);
    const isFromStart = this.spokenBefore(row, agreeing) < 0;
    const grade = gradeOf(query, history, run, isFromStart);
    if (isFromStart && grade > gradeOf(query, history, run, false)) return { history, grade, row, run };
    // A run that is too short ranks no higher than the prompt alone; the first row with that prompt wins then.
    const count = grade > gradeOf(query, history, 0, false) ? agreeing : 1;
    const start = count === agreeing ? from : this.lowerBound(searched, keys, count);
    const end = this.upperBound(searched, start, keys, count);
    return { history, grade, row: this.firstRow(start, end), run: count - 1 };
  }

  /** The end of the places from `from` on whose last `count` turns have the last `count` of the keys. */
  private upperBound(run: Run, from: number, keys: readonly Key[], count: number): number {
    const isPast = (place: number) => this.compareAt(place, keys, count) > 0;
    return firstFrom(from, this.table.runOf(run).to, isPast);
  }

  /** The first place in a run of `order` that isn't before the last `count` of the keys. */
  private lowerBound(run: Run, keys: readonly Key[], count: number): number {
    const { buckets } = this.table;
    const { high: sought } = keys[keys.length - 1] as Key;
    const at = this.table.bucketOf(run, sought);
    const bucket = Math.floor(at);
    const low = buckets[bucket] as number;
    const high = buckets[bucket + 1] as number;
    // Interpolation search: keys are hashes, distributed evenly, so a key is near the place that its value predicts.
    const guess = low + Math.floor((at - bucket) * (high - low));
    const from = firstNear(guess, low, high, (place) => this.upperAt(place) >= sought);
    const to = firstFrom(from, high, (place) => this.upperAt(place) > sought);
    return firstBetween(from, to, (place) => this.compareAt(place, keys, count) >= 0);
  }

  /** Compares the row at a place of `order`, and the rows before it, with the last `count` keys, backwards from the last. */
  private compareAt(place: number, keys: readonly Key[], count: number): number {
    const prompt = keys[keys.length - 1] as Key;
    let row = this.rowAt(place);
    // The numbers in `order` decide most comparisons.
    let difference = this.upperAt(place) - prompt.high || this.compareKey(row, prompt);
    for (let i = 2; i <= count && difference === 0; i++) {
      row = this.spokenBefore(row);
      difference = row < 0 ? -1 : this.compareKey(row, keys[keys.length - i] as Key);
    }
    return difference;
  }

  /** How many of the last keys agree with the row at a place of `order`; 0 if the place isn't in the run. */
  private agreement(run: Run, keys: readonly Key[], place: number): number {
    const { from, to } = this.table.runOf(run);
    if (place < from || place >= to) return 0;
    let row = this.rowAt(place);
    let count = 0;
    while (row >= 0 && count < keys.length) {
      if (this.compareKey(row, keys[keys.length - 1 - count] as Key) !== 0) break;
      count++;
      row = this.spokenBefore(row);
    }
    return count;
  }

  private compareKey(row: number, { low, high }: Key): number {
    const { rows } = this.table;
    const at = row * ROW_NUMBERS;
    return (rows[at + ROW.keyHigh] as number) - high || (rows[at + ROW.keyLow] as number) - low;
  }

  /** The row at a place of `order`. */
  private rowAt(place: number): number {
    return this.table.order[place * ORDER_NUMBERS + ORDER.row] as number;
  }

  /** The upper half of that row's key. */
  private upperAt(place: number): number {
    return this.table.order[place * ORDER_NUMBERS + ORDER.key] as number;
  }

  /**
   * The turn that is `turns` turns earlier in the conversation, counting only turns whose text isn't empty; -1 if there is no such turn.
   */
  private spokenBefore(row: number, turns = 1): number {
    let before = row;
    for (let left = turns; left > 0; ) {
      if (before < 0 || this.table.isFirst(before)) return -1;
      before--;
      if (this.table.isSpoken(before)) left--;
    }
    return before;
  }

  /** The first row in file order among a range of places of `order`. */
  private firstRow(from: number, to: number): number {
    let first = this.rowAt(from);
    let at = from;
    while (at < to) {
      const isBlock = at % LED_ROWS === 0 && at + LED_ROWS <= to;
      const row = isBlock ? (this.table.leaders[at / LED_ROWS] as number) : this.rowAt(at);
      if (row < first) first = row;
      at += isBlock ? LED_ROWS : 1;
    }
    return first;
  }

  /** The rows that have that key, or one of those normalized keys if `isNormalized`. */
  private *rowsOf(keys: TextKeys, isNormalized: boolean): Steps<number> {
    for (const run of runsOf('any')) {
      const from = this.lowerBound(run, [keys.key], 1);
      const to = this.upperBound(run, from, [keys.key], 1);
      for (let place = from; place < to; place++) yield this.rowAt(place);
      if (isNormalized) yield* this.normalizedRows(keys, run);
    }
  }

  /** The rows of a run that have either normalized key, in file order. */
  private *normalizedRows({ normalized, ends }: TextKeys, run: Run): Steps<number> {
    const [one, other] = distinct([normalized, ends]).map((key) => {
      return { key, rows: this.rowsNormalized(key, run), at: 0 };
    });
    for (;;) {
      const next = (other?.rows[other.at] ?? Infinity) < (one?.rows[one.at] ?? Infinity) ? other : one;
      const row = next?.rows[next.at++];
      if (next === undefined || row === undefined) return;
      yield this.table.mayBeNormalized(row, next.key) ? row : undefined;
    }
  }

  /** The rows of a run that have that normalized key, compared by its lower half only, in file order. */
  private rowsNormalized(key: Key, run: Run): Uint32Array {
    const { from, to } = this.table.runOf(run);
    const guess = from + Math.floor((key.low / (UPPER + 1)) * (to - from));
    const first = firstNear(guess, from, to, (place) => this.normalizedAt(place) >= key.low);
    const end = firstFrom(first, to, (place) => this.normalizedAt(place) > key.low);
    return this.table.normalizedOrder.subarray(first, end);
  }

  private normalizedAt(place: number): number {
    return this.table.normalized[this.table.normalizedOrder[place] as number] as number;
  }

  /** The position of a candidate in the file, with the turns from `firstRow` to before `lastRow`. */
  private placeOf(
    row: number,
    firstRow: number,
    { grade, history }: Pick<Candidate, 'grade' | 'history'>,
    lastRow = row + 1,
  ): IndexPlace {
    const { table } = this;
    const conversation = table.conversationOf(row);
    const offset = table.offsetOf(conversation);
    const numbers = conversation * CONVERSATION_NUMBERS;
    const idStart = table.conversations[numbers + CONVERSATION.idStart] as number;
    const idLength = table.conversations[numbers + CONVERSATION.idLength] as number;
    const firstTurn = table.firstTurnOf(conversation);
    return {
      table,
      grade,
      history,
      firstRow: firstTurn,
      turn: row - firstTurn,
      firstTurn: firstRow - firstTurn,
      record: idLength === 0 ? idStart : -1,
      id: idLength === 0 ? undefined : rangeOf(offset + idStart, idLength),
      turns: {
        start: byteOffset(offset + table.startOf(firstRow)),
        end: byteOffset(offset + table.startOf(lastRow) + (table.lengthOf(lastRow) & LENGTH_MASK)),
      },
    };
  }
}

function runsOf(replies: Replies): readonly Run[] {
  return replies === 'any' ? ANY : [RUN[replies]];
}

/** A candidate's grade, from its grade on the ladder. Of any replies, all count as an assistant's. */
function gradeAmong(replies: Replies, grade: number): number {
  return replies === 'other' ? grade : assistantGrade(grade);
}

/** Those of two normalized keys that the index can distinguish. */
function distinct([one, other]: readonly [Key, Key]): readonly Key[] {
  const areEqual = one.low === other.low && extraOf(one.high) === extraOf(other.high);
  return areEqual ? [one] : [one, other];
}

function keyOf({ key }: TextKeys): Key {
  return key;
}

function rangeOf(start: number, length: number): ByteRange {
  return { start: byteOffset(start), end: byteOffset(start + length) };
}
