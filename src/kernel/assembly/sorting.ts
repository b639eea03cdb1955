/**
 * Sorts rows by a number: a radix sort, from the lowest digit up. It moves pairs, four bytes each: the number, then the row, shifted left by
 * one bit, and in that bit the run that it belongs to. Each call handles only a part of the pairs, because an engine replaces its initial,
 * slow code with optimized code only between calls. A function that loops over all pairs would stay slow.
 */

import { FIRST_FLAG, ROW_BYTES } from './keeping';
import { NOT_ASSISTANT_FLAG } from './records';

/** The number of bits in a digit. Three digits make a number of 33 bits, of which the highest is the run. */
const DIGIT_BITS: u32 = 11;
const DIGITS: u32 = 1 << DIGIT_BITS;
/** The offset of the length in the row after a row. */
const NEXT_LENGTH: usize = ROW_BYTES + 12;
/** Rows that share an entry: as many as in index/table.ts. */
const ENTRY_ROWS: u32 = 512;

/**
 * For each value of each of the three digits, in four bytes: first the number of pairs; after `placeDigits`, the index of the next pair.
 */
const places = memory.data(24_576, 4);

/** 1 if the runs are sorted one after the other, else 0. */
let runBit: u32 = 0;
let secondRows: u32 = 0;

/** The filter of conversations' last turns, and its length in words; where the next entry goes, 0 to write none; the conversations so far. */
let endings: usize = 0;
let endingWords: u32 = 0;
let entry: usize = 0;
let conversations: u32 = 0;

/** Begins to sort. @param inRuns true to sort the second run after the first; false to sort all rows, and divide them with `divide` later */
export function beginSort(inRuns: bool): void {
  memory.fill(places, 0, 3 * DIGITS * 4);
  runBit = <u32>inRuns;
  secondRows = 0;
  entry = 0;
}

/**
 * Begins to write what an index has of the order of conversations, and of their ends.
 *
 * @param filter where to make the filter of conversations' last turns
 * @param words its length, in words of four bytes
 * @param entries receives the conversation of the first of each `ENTRY_ROWS` rows
 */
export function beginEntries(filter: usize, words: u32, entries: usize): void {
  memory.fill(filter, 0, (<usize>words) << 2);
  endings = filter;
  endingWords = words;
  entry = entries;
  conversations = 0;
}

/**
 * Writes a pair for each of `count` rows that is followed by another row of its conversation, and counts the pair's digits. After
 * `beginEntries`, adds the numbers of the other rows to the filter.
 *
 * @param rows the rows, as an index has them, and the one after them
 * @param numbers the numbers to sort by, one every `stride` bytes
 * @param out where the first pair goes
 * @returns the address after the last pair
 */
export function addPairs(
  firstRow: u32,
  count: u32,
  rows: usize,
  numbers: usize,
  stride: usize,
  out: usize,
): usize {
  for (let row = firstRow; row < firstRow + count; row++) {
    if ((row & (ENTRY_ROWS - 1)) === 0 && entry !== 0) {
      store<u32>(entry, conversations);
      entry += 4;
    }
    const length = load<u32>(rows, NEXT_LENGTH);
    const number = load<u32>(numbers);
    if ((length & FIRST_FLAG) === 0) {
      const run = <u32>((length & NOT_ASSISTANT_FLAG) !== 0);
      secondRows += run;
      const pair = <u64>number | ((<u64>((row << 1) | run)) << 32);
      store<u64>(out, pair);
      out += 8;
      increase(placeOf(0, pair));
      increase(placeOf(1, pair));
      increase(placeOf(2, pair));
    } else if (entry !== 0) {
      conversations++;
      addEnding(number);
    }
    rows += ROW_BYTES;
    numbers += stride;
  }
  return out;
}

/** Call it once all pairs are added: turns the counts into the places of the first pair with each value of a digit. */
export function placeDigits(): void {
  for (let digit: u32 = 0; digit < 3; digit++) {
    let next: u32 = 0;
    for (let value: u32 = 0; value < DIGITS; value++) {
      const place = places + (digit * DIGITS + value) * 4;
      const pairs = load<u32>(place);
      store<u32>(place, next);
      next += pairs;
    }
  }
}

/** Moves the pairs between two addresses to their places by one digit. Begin with digit 0, the lowest. */
export function moveByDigit(digit: u32, from: usize, to: usize, other: usize): void {
  for (let p = from; p < to; p += 8) {
    const pair = load<u64>(p);
    store<u64>(other + ((<usize>increase(placeOf(digit, pair))) << 3), pair);
  }
}

/** Does the same by the highest digit, and moves only the rows, four bytes each. */
export function moveRows(from: usize, to: usize, other: usize): void {
  for (let p = from; p < to; p += 8) {
    const pair = load<u64>(p);
    store<u32>(other + ((<usize>increase(placeOf(2, pair))) << 2), <u32>(pair >> 33));
  }
}

/**
 * Finds equal numbers in sorted pairs, those between two addresses.
 *
 * @param pairs the address of the first of all pairs
 * @param out receives the places whose number is that of the place before
 * @returns the address after the last of them
 */
export function findEqual(pairs: usize, from: usize, to: usize, out: usize): usize {
  let before = from === pairs ? ~load<u32>(from) : load<u32>(from - 8);
  for (let p = from; p < to; p += 8) {
    const number = load<u32>(p);
    store<u32>(out, <u32>((p - pairs) >> 3));
    out += (<usize>(number === before)) << 2;
    before = number;
  }
  return out;
}

/** Where the next pair of each run goes. */
let nextFirst: usize = 0;
let nextSecond: usize = 0;

/** Begins to divide `count` sorted pairs. Returns how many are of the first run. */
export function beginDivide(count: u32, out: usize): u32 {
  const middle = count - secondRows;
  nextFirst = out;
  nextSecond = out + ((<usize>middle) << 3);
  return middle;
}

/** Divides the pairs between two addresses among the two runs, and keeps their order. Their rows lose the bit of the run. */
export function divide(from: usize, to: usize): void {
  let first = nextFirst;
  let second = nextSecond;
  for (let p = from; p < to; p += 8) {
    const row = load<u32>(p, 4);
    const isSecond = (row & 1) !== 0;
    const out = select<usize>(second, first, isSecond);
    store<u32>(out, load<u32>(p));
    store<u32>(out, row >> 1, 4);
    second += (<usize>isSecond) << 3;
    first += (<usize>!isSecond) << 3;
  }
  nextFirst = first;
  nextSecond = second;
}

/**
 * Finds the first pair of each bucket of a run. Buckets have equal ranges of numbers.
 *
 * @param pairs the divided pairs
 * @param first the first place of the run
 * @param end the place after its last
 * @param bits the binary logarithm of the number of buckets
 * @param out receives a place for each bucket
 */
export function findBuckets(pairs: usize, first: u32, end: u32, bits: u32, out: usize): void {
  for (let bucket: u32 = 0; bucket < 1 << bits; bucket++) {
    const lowest = <u32>((<u64>bucket) << (32 - bits));
    let to = end;
    while (first < to) {
      const middle = (first + to) >> 1;
      if (load<u32>(pairs + ((<usize>middle) << 3)) < lowest) first = middle + 1;
      else to = middle;
    }
    store<u32>(out, first);
    out += 4;
  }
}

/** Writes the smallest row of each `stretch` bytes of divided pairs, an even number of pairs. Returns the address after the last. */
export function leastRows(from: usize, to: usize, stretch: usize, out: usize): usize {
  for (let p = from; p < to; ) {
    const end = min(p + stretch, to);
    let least = i32x4.splat(-1);
    for (; p + 16 <= end; p += 16) least = i32x4.min_u(least, v128.load(p));
    let row = min<u32>(i32x4.extract_lane(least, 1), i32x4.extract_lane(least, 3));
    if (p < end) row = min(row, load<u32>(p, 4));
    p = end;
    store<u32>(out, row);
    out += 4;
  }
  return out;
}

/** Adds a number to the filter: sets the bits that `IndexTable.mayEnd` looks for, computed as JavaScript does. */
function addEnding(number: u32): void {
  setEnding(number * 0x9e3779b1);
  setEnding(number * 0x85ebca77);
  setEnding(number * 0xc2b2ae3d);
}

function setEnding(hash: u32): void {
  const at = <u32>((<f64>hash / 4294967296.0) * <f64>endingWords * 32.0);
  const word = endings + ((<usize>(at >> 5)) << 2);
  store<u32>(word, load<u32>(word) | (1 << (at & 31)));
}

function placeOf(digit: u32, pair: u64): usize {
  const sorted = (pair & 0xffffffff) | ((<u64>(<u32>(pair >> 32) & runBit)) << 32);
  return places + (digit * DIGITS + (<u32>(sorted >> (digit * DIGIT_BITS)) & (DIGITS - 1))) * 4;
}

/** Increments the number at `place`; returns its old value. */
function increase(place: usize): u32 {
  const count = load<u32>(place);
  store<u32>(place, count + 1);
  return count;
}
