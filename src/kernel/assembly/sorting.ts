/**
 * Sorts rows by a number: a radix sort, from the lowest digit up, of pairs of a row and its number, four bytes each. Each call
 * handles only a part of the pairs, because an engine replaces its initial, slow code with optimized code only between calls.
 * A function that loops over all pairs would stay slow.
 */

import { FIRST_FLAG } from './keeping';
import { NOT_ASSISTANT_FLAG } from './records';

/** The number of bits in a digit. Three digits make a number of 33 bits, of which the highest is the run. */
const DIGIT_BITS: u32 = 11;
const DIGITS: u32 = 1 << DIGIT_BITS;
/** A flag in the row of a pair: it belongs to the second run, which is sorted after the first. There are fewer than 2³¹ rows. */
const SECOND_RUN: u32 = 0x80000000;

/**
 * For each value of each of the three digits, in four bytes: first the number of pairs; after `placeDigits`, the index of the next pair.
 */
const places = memory.data(24_576, 4);

/** `SECOND_RUN` if the runs are sorted one after the other, else 0. */
let runBit: u32 = 0;
/** A bit for each row, set if it belongs to the second run. */
let runBits: usize = 0;
let secondRows: u32 = 0;

/**
 * Begins to sort.
 *
 * @param inRuns true to sort the second run after the first; false to sort all rows, and divide them with `divideRows` later
 * @param bits where to store a bit for each row
 * @param bytes the size of those bits
 */
export function beginSort(inRuns: bool, bits: usize, bytes: usize): void {
  memory.fill(places, 0, 3 * DIGITS * 4);
  memory.fill(bits, 0, bytes);
  runBit = inRuns ? SECOND_RUN : 0;
  runBits = bits;
  secondRows = 0;
}

/**
 * Writes a pair for each of `count` rows that is followed by another row of its conversation, and counts the pair's digits.
 *
 * @param lengths the lengths of the turns that follow the rows
 * @param numbers the numbers to sort by, one every `stride` bytes
 * @param out where the first pair goes
 * @returns the address after the last pair
 */
export function addPairs(
  firstRow: u32,
  count: u32,
  lengths: usize,
  numbers: usize,
  stride: usize,
  out: usize,
): usize {
  for (let row = firstRow; row < firstRow + count; row++) {
    const length = load<u32>(lengths);
    if ((length & FIRST_FLAG) === 0) {
      const number = load<u32>(numbers);
      const isSecond = <u32>((length & NOT_ASSISTANT_FLAG) !== 0);
      const flagged = row | (isSecond * SECOND_RUN);
      const byte = runBits + <usize>(row >> 3);
      store<u8>(byte, load<u8>(byte) | (isSecond << (row & 7)));
      secondRows += isSecond;
      store<u32>(out, flagged);
      store<u32>(out, number, 4);
      out += 8;
      increase(placeOf(0, flagged, number));
      increase(placeOf(1, flagged, number));
      increase(placeOf(2, flagged, number));
    }
    lengths += 4;
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
    const at = increase(placeOf(digit, load<u32>(p), load<u32>(p, 4)));
    store<u64>(other + ((<usize>at) << 3), load<u64>(p));
  }
}

/**
 * Splits sorted pairs. The rows replace the pairs.
 *
 * @param equal receives the places whose number is that of the place before
 * @param numbers receives the numbers
 * @returns how many places `equal` received
 */
export function takeRows(pairs: usize, count: u32, equal: usize, numbers: usize): u32 {
  let found: u32 = 0;
  let before = ~load<u32>(pairs, 4);
  for (let place: u32 = 0; place < count; place++) {
    const pair = pairs + ((<usize>place) << 3);
    const number = load<u32>(pair, 4);
    store<u32>(pairs + ((<usize>place) << 2), load<u32>(pair) & ~SECOND_RUN);
    store<u32>(numbers + ((<usize>place) << 2), number);
    store<u32>(equal + ((<usize>found) << 2), place);
    found += <u32>(number === before);
    before = number;
  }
  return found;
}

/**
 * Divides sorted rows among the two runs, and keeps their order.
 *
 * @param outRows receives the rows of the first run, then those of the second
 * @param outNumbers receives their numbers
 * @returns the number of rows in the first run
 */
export function divideRows(rows: usize, numbers: usize, count: u32, outRows: usize, outNumbers: usize): u32 {
  const middle = count - secondRows;
  let first: u32 = 0;
  let second = middle;
  for (let at: usize = 0; at < (<usize>count) << 2; at += 4) {
    const row = load<u32>(rows + at);
    const isSecond = (<u32>load<u8>(runBits + <usize>(row >> 3)) >> (row & 7)) & 1;
    const place = (<usize>select<u32>(second, first, isSecond)) << 2;
    second += isSecond;
    first += 1 - isSecond;
    store<u32>(outRows + place, row);
    store<u32>(outNumbers + place, load<u32>(numbers + at));
  }
  return middle;
}

/** Writes the smallest of each `stretch` rows. */
export function leastRows(rows: usize, count: u32, stretch: u32, out: usize): void {
  let least = u32.MAX_VALUE;
  for (let place: u32 = 0; place < count; ) {
    const row = load<u32>(rows + ((<usize>place) << 2));
    if (row < least) least = row;
    place++;
    if (place % stretch !== 0 && place !== count) continue;
    store<u32>(out, least);
    out += 4;
    least = u32.MAX_VALUE;
  }
}

/** @param row the row, with its flag */
function placeOf(digit: u32, row: u32, number: u32): usize {
  const sorted = <u64>number | ((<u64>(row & runBit)) << 1);
  return places + (digit * DIGITS + (<u32>(sorted >> (digit * DIGIT_BITS)) & (DIGITS - 1))) * 4;
}

/** Increments the number at `place`; returns its old value. */
function increase(place: usize): u32 {
  const count = load<u32>(place);
  store<u32>(place, count + 1);
  return count;
}
