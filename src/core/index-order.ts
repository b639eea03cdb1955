/**
 * Puts the rows of an index into their orders. For one conversation after another, "a turn's key, then that of the turn
 * before it, and so on" is a string read backwards, and what is sorted are all its suffixes; so this is how suffix arrays are
 * made: each round doubles how many turns the order looks at, and asks of a turn only which rank the last round gave to it.
 * (Manber and Myers, 1990; only what is still undecided is sorted again, as Larsson and Sadakane do.)
 */

import { EMPTY_FLAG, FIRST_FLAG, IndexTable, LED_ROWS, type TableData } from './index-table.js';

/** No turn stands before. */
const NONE = 0xffff_ffff;

/** A stretch of the order whose rows are equal so far. */
interface Group {
  readonly from: number;
  readonly to: number;
}

/** Sorts pairs of a row, the lower half of 64 bits, and a number, the upper one: by the number, equal ones as they were. */
export type SortPairs = (pairs: Uint32Array) => void;

/** Fills `order` and `leaders`; everything in file order must be there. */
export function orderTurns(data: TableData, sortPairs: SortPairs): void {
  const table = new IndexTable(data);
  const { order, keys } = table;
  const sorted = repliedPairs(table, keys, 2, 1);
  sortPairs(sorted);
  takeRows(sorted, order);

  // Ranks count from 1: 0 is for turns that have nothing before them.
  const rank = new Uint32Array(table.size.turns);
  for (let place = 0; place < order.length; place++) rank[order[place] as number] = place + 1;
  const sameHigh = split([{ from: 0, to: order.length }], (place) => sorted[2 * place + 1] as number);
  let groups = sortGroups(order, sameHigh, (row) => keys[2 * row] as number);
  rankAgain(rank, order, sameHigh, groups);

  const before = spokenBefore(table);
  // Rows with nothing left to look at stay as they are, in file order.
  const isUndecided = ({ from, to }: Group) => hasBefore(order, before, from, to);
  for (let undecided = groups.filter(isUndecided); undecided.length > 0; ) {
    groups = sortGroups(order, undecided, (row) => {
      const other = before[row] as number;
      return other === NONE ? 0 : (rank[other] as number);
    });
    rankAgain(rank, order, undecided, groups);
    if (!groups.some(isUndecided)) break;
    // From the end, so that what is looked up has not been changed yet.
    for (let row = before.length - 1; row >= 0; row--) {
      const middle = before[row] as number;
      if (middle !== NONE) before[row] = before[middle] as number;
    }
    undecided = groups.filter(isUndecided);
  }
  fillLeaders(table);
}

/** Fills `foldedOrder`; everything in file order must be there. */
export function orderFolded(data: TableData, sortPairs: SortPairs): void {
  const table = new IndexTable(data);
  const sorted = repliedPairs(table, table.folded, 1, 0);
  sortPairs(sorted);
  takeRows(sorted, table.foldedOrder);
}

/**
 * The rows of all turns that have a reply, which is all but the last of each conversation, in file order: each with the
 * number to sort it by, `numbers[row * stride + offset]`.
 */
function repliedPairs(
  { size, lengths }: IndexTable,
  numbers: Uint32Array,
  stride: number,
  offset: number,
): Uint32Array {
  const pairs = new Uint32Array(2 * (size.turns - size.conversations));
  let at = 0;
  for (let row = 0; row + 1 < size.turns; row++) {
    if (((lengths[row + 1] as number) & FIRST_FLAG) !== 0) continue;
    pairs[at++] = row;
    pairs[at++] = numbers[row * stride + offset] as number;
  }
  return pairs;
}

function takeRows(pairs: Uint32Array, rows: Uint32Array): void {
  for (let i = 0; i < rows.length; i++) rows[i] = pairs[2 * i] as number;
}

/** For every row the last one before it, in its conversation, whose text is not empty; `NONE` where there is none. */
function spokenBefore({ lengths }: IndexTable): Uint32Array {
  const before = new Uint32Array(lengths.length);
  let last = NONE;
  for (let row = 0; row < lengths.length; row++) {
    const length = lengths[row] as number;
    if ((length & FIRST_FLAG) !== 0) last = NONE;
    before[row] = last;
    if (length < EMPTY_FLAG) last = row;
  }
  return before;
}

function hasBefore(order: Uint32Array, before: Uint32Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (before[order[at] as number] !== NONE) return true;
  return false;
}

/** Sorts each group by a number, equal rows in file order; returns the groups of more than one row that are left. */
function sortGroups(
  order: Uint32Array,
  groups: readonly Group[],
  numberOf: (row: number) => number,
): Group[] {
  for (const { from, to } of groups) {
    order.subarray(from, to).sort((a, b) => numberOf(a) - numberOf(b) || a - b);
  }
  return split(groups, (place) => numberOf(order[place] as number));
}

/** The stretches of more than one place with the same number. */
function split(groups: readonly Group[], numberAt: (place: number) => number): Group[] {
  const parts: Group[] = [];
  for (const { from, to } of groups) {
    let start = from;
    let number = numberAt(from);
    for (let at = from + 1; at <= to; at++) {
      const next = at < to ? numberAt(at) : -1;
      if (next === number) continue;
      if (at - start > 1) parts.push({ from: start, to: at });
      start = at;
      number = next;
    }
  }
  return parts;
}

/** Gives every row of the groups its place as its rank; rows that are still equal have one rank. */
function rankAgain(
  rank: Uint32Array,
  order: Uint32Array,
  groups: readonly Group[],
  equal: readonly Group[],
): void {
  for (const { from, to } of groups) for (let at = from; at < to; at++) rank[order[at] as number] = at + 1;
  for (const { from, to } of equal) for (let at = from; at < to; at++) rank[order[at] as number] = from + 1;
}

/** Finds the first row in file order of each stretch of the order. */
function fillLeaders({ order, leaders }: IndexTable): void {
  for (let block = 0; block < leaders.length; block++) {
    let first = NONE;
    const end = Math.min(order.length, (block + 1) * LED_ROWS);
    for (let at = block * LED_ROWS; at < end; at++) {
      const row = order[at] as number;
      if (row < first) first = row;
    }
    leaders[block] = first;
  }
}
