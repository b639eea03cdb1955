/** Sorting pairs of 32-bit numbers, a row and what it is sorted by, eight bytes a pair: by the second, equal ones as they were. */

/** A digit has so many bits: three of them make a number. */
const DIGIT_BITS: u32 = 11;
const DIGITS: usize = 1 << DIGIT_BITS;
const MASK: u32 = <u32>DIGITS - 1;

/** How many pairs have each digit, then where the next pair of each goes; for all three digits, four bytes each. */
const places = memory.data(24_576, 4);

/**
 * A radix sort from the lowest digit.
 *
 * @param from where the pairs stand
 * @param other room for as many
 * @returns where they stand sorted: the one or the other
 */
export function sortPairs(from: usize, other: usize, count: usize): usize {
  const size = count << 3;
  memory.fill(places, 0, 3 * DIGITS * 4);
  for (let p = from; p < from + size; p += 8) {
    const number = load<u32>(p, 4);
    for (let digit: u32 = 0; digit < 3; digit++) {
      const place = placeOf(digit, number);
      store<u32>(place, load<u32>(place) + 1);
    }
  }
  for (let digit: u32 = 0; digit < 3; digit++) {
    let next: u32 = 0;
    for (let i: u32 = 0; i < <u32>DIGITS; i++) {
      const place = places + (digit * <u32>DIGITS + i) * 4;
      const pairs = load<u32>(place);
      store<u32>(place, next);
      next += pairs;
    }
    for (let p = from; p < from + size; p += 8) {
      const place = placeOf(digit, load<u32>(p, 4));
      const at = load<u32>(place);
      store<u32>(place, at + 1);
      store<u64>(other + ((<usize>at) << 3), load<u64>(p));
    }
    const swap = from;
    from = other;
    other = swap;
  }
  return from;
}

/** Where the count of pairs stands that have the same digit as a number. */
function placeOf(digit: u32, number: u32): usize {
  return places + (digit * <u32>DIGITS + ((number >> (digit * DIGIT_BITS)) & MASK)) * 4;
}
