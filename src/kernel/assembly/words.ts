/**
 * The counts of the words that were merged last, in an instance's own room: most of the words that aren't in a vocabulary occur again and
 * again. A word has one place, which the last one with this place takes. Its bytes are compared, so that a count is never another word's.
 */

import { highOf, lowOf, mixed } from './vocabulary';

/** The longest word that is kept, in bytes. */
export const KEPT_WORD: usize = 16;

const PLACE_BITS: u64 = 13;
const PLACE_BYTES: usize = 32;
/** The bytes that `layWords` needs, all of them zero. */
export const WORDS_BYTES: usize = PLACE_BYTES << (<usize>PLACE_BITS);

/** `| bytes | length | count |` */
let words: usize = 0;

/** Sets the address of the words. */
export function layWords(at: usize): void {
  words = at;
}

/** The place of a word of at most `KEPT_WORD` bytes. */
export function placeOf(p: usize, length: usize): usize {
  return words + ((<usize>(mixed(lowOf(p, length), highOf(p, length) + length) >> (64 - PLACE_BITS))) << 5);
}

/** The count of a word; 0 if it isn't kept. */
export function keptCount(place: usize, p: usize, length: usize): u32 {
  const isKept =
    load<u64>(place) === lowOf(p, length) &&
    load<u64>(place, 8) === highOf(p, length) &&
    load<u32>(place, 16) === <u32>length;
  return isKept ? load<u32>(place, 20) : 0;
}

/** Keeps the count of a word. */
export function keepCount(place: usize, p: usize, length: usize, count: u32): void {
  store<u64>(place, lowOf(p, length));
  store<u64>(place, highOf(p, length), 8);
  store<u32>(place, <u32>length, 16);
  store<u32>(place, count, 20);
}
