/**
 * Sorts rows by a number: a radix sort, from the lowest digit up, of pairs of a row and its number, four bytes each. Each call
 * handles only a part of the pairs, because an engine replaces its initial, slow code with optimized code only between calls.
 * A function that loops over all pairs would stay slow.
 */

import { FIRST_FLAG } from './keeping';

/** The number of bits in a digit. Three digits make a number. */
const DIGIT_BITS: u32 = 11;
const DIGITS: u32 = 1 << DIGIT_BITS;

/**
 * For each value of each of the three digits, in four bytes: first the number of pairs; after `placeDigits`, the index of the next pair.
 */
const places = memory.data(24_576, 4);

/** Resets the counts. */
export function beginSort(): void {
  memory.fill(places, 0, 3 * DIGITS * 4);
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
    if ((load<u32>(lengths) & FIRST_FLAG) === 0) {
      const number = load<u32>(numbers);
      store<u32>(out, row);
      store<u32>(out, number, 4);
      out += 8;
      increase(placeOf(0, number));
      increase(placeOf(1, number));
      increase(placeOf(2, number));
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
    const at = increase(placeOf(digit, load<u32>(p, 4)));
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
    store<u32>(pairs + ((<usize>place) << 2), load<u32>(pair));
    store<u32>(numbers + ((<usize>place) << 2), number);
    store<u32>(equal + ((<usize>found) << 2), place);
    found += <u32>(number === before);
    before = number;
  }
  return found;
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

function placeOf(digit: u32, number: u32): usize {
  return places + (digit * DIGITS + ((number >> (digit * DIGIT_BITS)) & (DIGITS - 1))) * 4;
}

/** Increments the number at `place`; returns its old value. */
function increase(place: usize): u32 {
  const count = load<u32>(place);
  store<u32>(place, count + 1);
  return count;
}
