/**
 * Builds an index from the rows of its shards, in two halves, and sorts the rows. If all conversations are one string, "a turn's key, then
 * the key of the turn before it, and so on" is that string read backwards, and the order sorts all its suffixes. So the algorithm is that
 * of suffix arrays. A few turns nearly always decide; if they don't, each round doubles the number of turns that the order covers, and
 * compares only the ranks of the round before. Afterwards, the rows are divided into two runs by whose their reply is. (Manber and Myers,
 * 1990; only rows that are still undecided are sorted again, as Larsson and Sadakane do.)
 */

import { EMPTY_FLAG, FIRST_FLAG, type IndexTable, type NumberedRows, ROW, ROW_NUMBERS } from './table.js';

/** There is no turn before. It sorts before any key and any rank. */
const NONE = -1;

/** The number of turns that are compared by their keys before ranks are used, which take time and memory for all rows. */
const KEYED_TURNS = 3;

/** A range of the order whose rows are equal so far. */
interface Group {
  readonly from: number;
  readonly to: number;
}

/** Numbers per sorted row: the number that it is sorted by; and the row, shifted left by one bit, with the run of the row in that bit. */
const PAIR_NUMBERS = 2;
const PAIR_ROW = 1;

/** Sorted rows. They are valid until the next sort. */
export interface SortedPairs {
  /** `PAIR_NUMBERS` for each row. */
  readonly pairs: Uint32Array;
  /** The places whose number equals that of the place before. */
  readonly equal: Uint32Array;
  /** Room for the places that `divide` finds. */
  readonly buckets: Uint32Array;
}

/** The same rows, those whose reply is an assistant's before the others. They are valid until the next sort. */
export interface DividedPairs {
  /** As an index has it. */
  readonly order: Uint32Array;
  /** The lowest of each `LED_ROWS` of the rows. */
  readonly leaders: Uint32Array;
  /** The first place of each bucket, and the end. */
  readonly buckets: Uint32Array;
}

/** Rows in the order of their normalized keys. They are valid until the next sort. */
export interface SortedRows {
  readonly rows: Uint32Array;
  /** A filter of the normalized keys of conversations' last turns. */
  readonly endings: Uint32Array;
  /** The conversation of the first of each `ENTRY_ROWS` rows. */
  readonly entries: Uint32Array;
}

/** Sorts more rows than JavaScript can sort fast. */
export interface RowSorter {
  /**
   * Sorts the rows of all turns that have a reply (all but the last of each conversation) by the upper halves of their keys, equal ones in
   * file order.
   *
   * @param count the number of those turns
   * @param runBuckets the number of buckets of a run, a power of two
   */
  sortByKeys(count: number, parts: readonly NumberedRows[], runBuckets: number): SortedPairs;
  /** Divides the rows that were sorted last. */
  divide(sorted: SortedPairs): DividedPairs;
  /**
   * Sorts the same rows by their normalized keys, those whose reply isn't an assistant's after all others.
   *
   * @param endingWords the length of the filter
   */
  sortByNormalized(count: number, parts: readonly NumberedRows[], endingWords: number): SortedRows;
}

/** Fills `rows`, `order`, `buckets` and `leaders` of an index. */
export function fillTurns(table: IndexTable, parts: readonly NumberedRows[], sorter: RowSorter): void {
  joinInto(
    table.rows,
    parts.map(({ rows }) => rows),
  );
  const sorted = sorter.sortByKeys(table.replies, parts, table.runBuckets);
  // The ranks need one order of all rows.
  orderBackwards(table, sorted);
  const { order, leaders, buckets } = sorter.divide(sorted);
  table.order.set(order);
  table.leaders.set(leaders);
  table.buckets.set(buckets);
}

/** Fills all other arrays of an index. */
export function fillNormalized(table: IndexTable, parts: readonly NumberedRows[], sorter: RowSorter): void {
  joinInto(
    table.normalized,
    parts.map(({ normalized }) => normalized),
  );
  joinInto(
    table.conversations,
    parts.map(({ conversations }) => conversations),
  );
  const { rows, endings, entries } = sorter.sortByNormalized(table.replies, parts, table.endings.length);
  table.normalizedOrder.set(rows);
  table.endings.set(endings);
  table.conversationsAt.set(entries);
  table.conversationsAt[entries.length] = Math.max(0, table.size.conversations - 1);
}

function joinInto(all: Uint32Array, parts: readonly Uint32Array[]): void {
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
}

/** Sorts the rows whose keys have equal upper halves. */
function orderBackwards(table: IndexTable, { pairs, equal }: SortedPairs): void {
  const { rows } = table;
  const spoken = new SpokenBefore(table);
  const decided: Group[] = [];
  /** Takes a half of the keys of the turns that are `turns` before those of a group. */
  const halves =
    (turns: number, half: number) =>
    ({ from, to }: Group, numbers: Float64Array) => {
      for (let place = from; place < to; place++) {
        let row = (pairs[place * PAIR_NUMBERS + PAIR_ROW] as number) >>> 1;
        for (let i = 0; i < turns && row !== NONE; i++) row = spoken.last(row);
        numbers[place - from] = row === NONE ? NONE : (rows[row * ROW_NUMBERS + half] as number);
      }
    };
  let groups = sortGroups(pairs, groupsOf(equal), halves(0, ROW.keyLow), decided);
  for (let turns = 1; turns < KEYED_TURNS; turns++) {
    groups = sortGroups(pairs, groups, halves(turns, ROW.keyHigh), decided);
    groups = sortGroups(pairs, groups, halves(turns, ROW.keyLow), decided);
  }
  if (groups.length > 0) orderByRanks(pairs, spoken, groups, decided);
}

/**
 * Sorts the remaining rows, however many turns it takes to compare them.
 *
 * @param undecided the rows that are equal in their last `KEYED_TURNS` turns
 * @param decided the rows that are equal and have no turns left before those
 */
function orderByRanks(
  pairs: Uint32Array,
  spoken: SpokenBefore,
  undecided: readonly Group[],
  decided: Group[],
): void {
  const rank = new Int32Array(spoken.rows).fill(NONE);
  const rowAt = (place: number) => (pairs[place * PAIR_NUMBERS + PAIR_ROW] as number) >>> 1;
  for (let place = 0; place * PAIR_NUMBERS < pairs.length; place++) rank[rowAt(place)] = place;
  /** Rows that are equal so far share a rank. */
  const rankEqual = (groups: readonly Group[]) => {
    for (const { from, to } of groups) for (let at = from; at < to; at++) rank[rowAt(at)] = from;
  };
  rankEqual(decided);
  rankEqual(undecided);
  const before = Int32Array.from({ length: spoken.rows }, (_, row) => spoken.find(row, KEYED_TURNS));
  const beforeOf = (row: number) => (row === NONE ? NONE : (before[row] as number));
  const ranksBefore = ({ from, to }: Group, numbers: Float64Array) => {
    for (let place = from; place < to; place++) {
      const other = beforeOf(rowAt(place));
      numbers[place - from] = other === NONE ? NONE : (rank[other] as number);
    }
  };
  for (let groups = undecided; groups.length > 0; ) {
    const settled: Group[] = [];
    const parts = sortGroups(pairs, groups, ranksBefore, settled);
    for (const { from, to } of groups) for (let at = from; at < to; at++) rank[rowAt(at)] = at;
    rankEqual(settled);
    rankEqual(parts);
    // From the end, so that the entries that are read haven't been updated yet.
    for (let row = before.length - 1; row >= 0; row--) before[row] = beforeOf(beforeOf(row));
    groups = parts;
  }
}

/** The ranges of equal places, from the places that equal the place before. */
function groupsOf(equal: Uint32Array): Group[] {
  const groups: Group[] = [];
  for (let i = 0; i < equal.length; ) {
    const from = (equal[i] as number) - 1;
    let to = from + 1;
    while (equal[i] === to) {
      to++;
      i++;
    }
    groups.push({ from, to });
  }
  return groups;
}

/**
 * Sorts each group by a 32-bit number or `NONE`, and equal rows in file order.
 *
 * @param takeNumbers stores the numbers of a group's rows
 * @param decided receives the groups of more than one row that have `NONE`: their order is final
 * @returns the groups that are still undecided
 */
function sortGroups(
  pairs: Uint32Array,
  groups: readonly Group[],
  takeNumbers: (group: Group, numbers: Float64Array) => void,
  decided: Group[],
): Group[] {
  const parts: Group[] = [];
  const numbers = new Float64Array(groups.reduce((most, { from, to }) => Math.max(most, to - from), 0));
  for (const group of groups) {
    takeNumbers(group, numbers);
    // Mostly, all rows have the same text, or the same beginning.
    if (!isSorted(numbers, group.to - group.from)) sortGroup(pairs, group, numbers);
    splitGroup(group, numbers, parts, decided);
  }
  return parts;
}

function isSorted(numbers: Float64Array, length: number): boolean {
  for (let i = 1; i < length; i++) if ((numbers[i] as number) < (numbers[i - 1] as number)) return false;
  return true;
}

/** Sorts the rows of a group, and their numbers. */
function sortGroup(pairs: Uint32Array, { from, to }: Group, numbers: Float64Array): void {
  const sorted = new Uint32Array(2 * (to - from));
  let without = from;
  let end = 0;
  for (let place = from; place < to; place++) {
    const row = pairs[place * PAIR_NUMBERS + PAIR_ROW] as number;
    const number = numbers[place - from] as number;
    if (number === NONE) pairs[without++ * PAIR_NUMBERS + PAIR_ROW] = row;
    else {
      sorted[end++] = row;
      sorted[end++] = number;
    }
  }
  // As 64-bit numbers: the upper half, the number, decides first, then the row.
  new BigUint64Array(sorted.buffer, 0, end / 2).sort();
  numbers.fill(NONE, 0, without - from);
  for (let at = 0, place = without; at < end; at += 2, place++) {
    pairs[place * PAIR_NUMBERS + PAIR_ROW] = sorted[at] as number;
    numbers[place - from] = sorted[at + 1] as number;
  }
}

/** Divides a sorted group into those of equal numbers. */
function splitGroup({ from, to }: Group, numbers: Float64Array, parts: Group[], decided: Group[]): void {
  let start = from;
  for (let end = from + 1; end <= to; end++) {
    const number = numbers[start - from] as number;
    if (end < to && numbers[end - from] === number) continue;
    if (end - start > 1) (number === NONE ? decided : parts).push({ from: start, to: end });
    start = end;
  }
}

/** Finds the turns before a turn. It skips turns whose text is empty. */
class SpokenBefore {
  private readonly table: IndexTable;
  /** The results for rows that follow an empty text. */
  private readonly found = new Map<number, number>();

  constructor(table: IndexTable) {
    this.table = table;
  }

  get rows(): number {
    return this.table.size.turns;
  }

  /** The turn that is `turns` before a row, in the same conversation; `NONE` if there is no such turn. */
  find(row: number, turns: number): number {
    let before = row;
    for (let i = 0; i < turns && before !== NONE; i++) before = this.last(before);
    return before;
  }

  /** The turn before a row, in the same conversation; `NONE` if there is no such turn. */
  last(row: number): number {
    const { rows } = this.table;
    const at = row * ROW_NUMBERS + ROW.length;
    if (((rows[at] as number) & FIRST_FLAG) !== 0) return NONE;
    return (rows[at - ROW_NUMBERS] as number) < EMPTY_FLAG ? row - 1 : this.lastBeforeEmpty(row);
  }

  /** The last turn before empty ones. Many rows may follow the same empty texts: these are walked only once. */
  private lastBeforeEmpty(row: number): number {
    let at = row;
    let known: number | undefined;
    do {
      const isFirst = this.table.isFirst(at);
      at--;
      if (isFirst) known = NONE;
      else known = this.table.isSpoken(at) ? at : this.found.get(at);
    } while (known === undefined);
    this.found.set(row, known);
    return known;
  }
}
