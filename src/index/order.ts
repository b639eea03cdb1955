/**
 * Builds an index from the rows of its shards, in two halves, and sorts the rows. If all conversations are one string, "a turn's key, then
 * the key of the turn before it, and so on" is that string read backwards, and the order sorts all its suffixes. So the algorithm is that
 * of suffix arrays. A few turns nearly always decide; if they don't, each round doubles the number of turns that the order covers, and
 * compares only the ranks of the round before. Afterwards, the rows are divided into two runs by whose their reply is. (Manber and Myers,
 * 1990; only rows that are still undecided are sorted again, as Larsson and Sadakane do.)
 */

import {
  CONVERSATION,
  CONVERSATION_NUMBERS,
  ENTRY_ROWS,
  type IndexRows,
  type IndexTable,
  ORDER,
  ORDER_NUMBERS,
  ROW,
  ROW_NUMBERS,
  RUN,
} from './table.js';

/** There is no turn before. It sorts before any key and any rank. */
const NONE = -1;

/** The number of turns that are compared by their keys before ranks are used, which take time and memory for all rows. */
const KEYED_TURNS = 3;

/** A range of the order whose rows are equal so far. */
interface Group {
  readonly from: number;
  readonly to: number;
}

/** Consecutive rows, and a number for each: `numbers[i * stride + offset]`. */
export interface RowNumbers {
  readonly firstRow: number;
  /** The lengths of the turns, with their flags: these show which turns are the last of their conversations. */
  readonly lengths: Uint32Array;
  readonly numbers: Uint32Array;
  readonly stride: number;
  readonly offset: number;
}

/** Sorted rows, and their numbers. They are valid until the next sort. */
export interface SortedRows {
  readonly rows: Uint32Array;
  readonly numbers: Uint32Array;
  /** The places whose number equals that of the place before. */
  readonly equal: Uint32Array;
}

/** The same rows, those whose reply is an assistant's before the others. They are valid until the next sort. */
export interface DividedRows extends Pick<SortedRows, 'rows' | 'numbers'> {
  /** The lowest of each `LED_ROWS` of the rows. */
  readonly leaders: Uint32Array;
  /** The number of rows whose reply is an assistant's. */
  readonly middle: number;
}

/** The number of turns, and of those that have a reply. */
export type RowsToSort = Pick<IndexTable, 'size' | 'replies'>;

/** Sorts more rows than JavaScript can sort fast. */
export interface RowSorter {
  /**
   * Sorts the rows of all turns that have a reply (all but the last of each conversation) by their numbers, equal ones in file order.
   *
   * @param inRuns true to sort the rows whose reply isn't an assistant's after all others
   */
  sortRows(rows: RowsToSort, parts: Iterable<RowNumbers>, inRuns: boolean): SortedRows;
  /** Divides the rows that were sorted last, if not in runs. */
  divide(sorted: SortedRows): DividedRows;
}

/** Fills `rows`, `order`, `buckets` and `leaders` of an index. */
export function fillTurns(table: IndexTable, parts: readonly IndexRows[], sorter: RowSorter): void {
  const { rows, order, buckets, leaders } = table;
  let at = 0;
  for (const { keys, starts, lengths } of parts) {
    for (let i = 0; i < lengths.length; i++, at += ROW_NUMBERS) {
      rows[at + ROW.keyLow] = keys[2 * i] as number;
      rows[at + ROW.keyHigh] = keys[2 * i + 1] as number;
      rows[at + ROW.start] = starts[i] as number;
      rows[at + ROW.length] = lengths[i] as number;
    }
  }
  const sorted = sorter.sortRows(table, numbersOf(parts, 'keys', 2, 1), false);
  // The ranks need one order of all rows.
  orderBackwards(table, sorted.rows, sorted.equal);
  const divided = sorter.divide(sorted);
  leaders.set(divided.leaders);
  for (let place = 0; place < divided.rows.length; place++) {
    const key = divided.numbers[place] as number;
    order[place * ORDER_NUMBERS + ORDER.key] = key;
    order[place * ORDER_NUMBERS + ORDER.row] = divided.rows[place] as number;
    // Count the rows of each bucket in the next bucket's entry. The sums below then are where each bucket starts.
    const next = Math.floor(table.bucketOf(place < divided.middle ? RUN.assistant : RUN.other, key)) + 1;
    buckets[next] = (buckets[next] as number) + 1;
  }
  for (let i = 1; i < buckets.length; i++) buckets[i] = (buckets[i] as number) + (buckets[i - 1] as number);
}

/** Fills all other arrays of an index. */
export function fillNormalized(table: IndexTable, parts: readonly IndexRows[], sorter: RowSorter): void {
  const { conversations, conversationsAt, normalized, normalizedOrder, size } = table;
  let at = 0;
  let row = 0;
  for (const part of parts) {
    normalized.set(part.normalized, row);
    row += part.normalized.length;
    for (let i = 0; i < part.offsets.length; i++, at += CONVERSATION_NUMBERS) {
      table.setOffset(at / CONVERSATION_NUMBERS, part.offsets[i] as number);
      conversations[at + CONVERSATION.firstTurn] = part.firstTurns[i] as number;
      conversations[at + CONVERSATION.idStart] = part.idStarts[i] as number;
      conversations[at + CONVERSATION.idLength] = part.idLengths[i] as number;
    }
  }
  for (let end = 1; end <= size.conversations; end++) {
    table.addEnding(normalized[table.firstTurnOf(end) - 1] as number);
  }
  let conversation = 0;
  for (let entry = 0; entry < conversationsAt.length - 1; entry++) {
    while (table.firstTurnOf(conversation + 1) <= entry * ENTRY_ROWS) conversation++;
    conversationsAt[entry] = conversation;
  }
  conversationsAt[conversationsAt.length - 1] = Math.max(0, size.conversations - 1);
  normalizedOrder.set(sorter.sortRows(table, numbersOf(parts, 'normalized', 1, 0), true).rows);
}

function* numbersOf(
  parts: readonly IndexRows[],
  name: 'keys' | 'normalized',
  stride: number,
  offset: number,
): Generator<RowNumbers> {
  let firstRow = 0;
  for (const { lengths, [name]: numbers } of parts) {
    yield { firstRow, lengths, numbers, stride, offset };
    firstRow += lengths.length;
  }
}

/**
 * Sorts the rows whose keys have equal upper halves.
 *
 * @param order sorted by those halves
 * @param equal the places whose upper half equals that of the place before
 */
function orderBackwards(table: IndexTable, order: Uint32Array, equal: Uint32Array): void {
  const { rows } = table;
  const spoken = new SpokenBefore(table);
  const decided: Group[] = [];
  const half = (row: number, turns: number, number: number) => {
    const before = spoken.find(row, turns);
    return before === NONE ? NONE : (rows[before * ROW_NUMBERS + number] as number);
  };
  let groups = sortGroups(order, groupsOf(equal), (row) => half(row, 0, ROW.keyLow), decided);
  for (let turns = 1; turns < KEYED_TURNS; turns++) {
    groups = sortGroups(order, groups, (row) => half(row, turns, ROW.keyHigh), decided);
    groups = sortGroups(order, groups, (row) => half(row, turns, ROW.keyLow), decided);
  }
  if (groups.length > 0) orderByRanks(order, spoken, groups, decided);
}

/**
 * Sorts the remaining rows, however many turns it takes to compare them.
 *
 * @param undecided the rows that are equal in their last `KEYED_TURNS` turns
 * @param decided the rows that are equal and have no turns left before those
 */
function orderByRanks(
  order: Uint32Array,
  spoken: SpokenBefore,
  undecided: readonly Group[],
  decided: Group[],
): void {
  const rank = new Int32Array(spoken.rows).fill(NONE);
  for (let place = 0; place < order.length; place++) rank[order[place] as number] = place;
  /** Rows that are equal so far share a rank. */
  const rankEqual = (groups: readonly Group[]) => {
    for (const { from, to } of groups) for (let at = from; at < to; at++) rank[order[at] as number] = from;
  };
  rankEqual(decided);
  rankEqual(undecided);
  const before = Int32Array.from({ length: spoken.rows }, (_, row) => spoken.find(row, KEYED_TURNS));
  const beforeOf = (row: number) => (row === NONE ? NONE : (before[row] as number));
  const rankBefore = (row: number) => {
    const other = beforeOf(row);
    return other === NONE ? NONE : (rank[other] as number);
  };
  for (let groups = undecided; groups.length > 0; ) {
    const settled: Group[] = [];
    const parts = sortGroups(order, groups, rankBefore, settled);
    for (const { from, to } of groups) for (let at = from; at < to; at++) rank[order[at] as number] = at;
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
 * @param decided receives the groups of more than one row that have `NONE`: their order is final
 * @returns the groups that are still undecided
 */
function sortGroups(
  order: Uint32Array,
  groups: readonly Group[],
  numberOf: (row: number) => number,
  decided: Group[],
): Group[] {
  const parts: Group[] = [];
  for (const group of groups) {
    const rows = order.subarray(group.from, group.to);
    const pairs = new Uint32Array(2 * rows.length);
    let without = 0;
    let end = 0;
    for (const row of rows) {
      const number = numberOf(row);
      if (number === NONE) rows[without++] = row;
      else {
        pairs[end++] = row;
        pairs[end++] = number;
      }
    }
    if (without > 1) decided.push({ from: group.from, to: group.from + without });
    // As 64-bit numbers: the upper half, the number, decides first, then the row.
    new BigUint64Array(pairs.buffer, 0, end / 2).sort();
    let start = 0;
    for (let at = 0; at < end; at += 2) {
      rows[without + at / 2] = pairs[at] as number;
      if (at + 2 < end && pairs[at + 3] === pairs[at + 1]) continue;
      if (at > start)
        parts.push({ from: group.from + without + start / 2, to: group.from + without + at / 2 + 1 });
      start = at + 2;
    }
  }
  return parts;
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

  private last(row: number): number {
    if (this.table.isFirst(row)) return NONE;
    return this.table.isSpoken(row - 1) ? row - 1 : this.lastBeforeEmpty(row);
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
