/**
 * The tokens of the words that were merged last, in an instance's own room: most of the words that aren't in a vocabulary occur again and
 * again. A word has one place, which the last one with this place takes. Its bytes are compared, so that tokens are never another word's.
 *
 *     | bytes of the word: 16 | length | count | up to ten tokens |
 */

import { highOf, lowOf, mixed } from './vocabulary';

/** The longest word that is kept, in bytes. */
export const KEPT_WORD: usize = 16;

const PLACE_BITS: u64 = 13;
const PLACE_SHIFT: usize = 6;
const LENGTH: usize = 16;
const COUNT: usize = 20;
const TOKENS: usize = 24;
const TOKENS_MAX: u32 = 10;
/** The bytes that `layWords` needs, all of them zero. */
export const WORDS_BYTES: usize = 1 << (<usize>PLACE_BITS + PLACE_SHIFT);
/** The bytes after the tokens that `copyKept` may write. */
export const COPIED_BYTES: usize = 40;

let words: usize = 0;

/** Sets the address of the words. */
export function layWords(at: usize): void {
  words = at;
}

/** The place of a word of at most `KEPT_WORD` bytes. */
export function placeOf(p: usize, length: usize): usize {
  const hash = mixed(lowOf(p, length), highOf(p, length) + length);
  return words + ((<usize>(hash >> (64 - PLACE_BITS))) << PLACE_SHIFT);
}

/** How many tokens a word has; 0 if it isn't kept. */
export function keptCount(place: usize, p: usize, length: usize): u32 {
  const isKept =
    load<u64>(place) === lowOf(p, length) &&
    load<u64>(place, 8) === highOf(p, length) &&
    load<u32>(place, LENGTH) === <u32>length;
  return isKept ? load<u32>(place, COUNT) : 0;
}

/** Copies the tokens of a word that is kept to `out`. */
export function copyKept(place: usize, out: usize): void {
  v128.store(out, v128.load(place, TOKENS));
  v128.store(out, v128.load(place, TOKENS + 16), 16);
  store<u64>(out, load<u64>(place, TOKENS + 32), 32);
}

/** Keeps the tokens of a word, if they are few. */
export function keepTokens(place: usize, p: usize, length: usize, tokens: usize, count: u32): void {
  if (count > TOKENS_MAX) return;
  store<u64>(place, lowOf(p, length));
  store<u64>(place, highOf(p, length), 8);
  store<u32>(place, <u32>length, LENGTH);
  store<u32>(place, count, COUNT);
  memory.copy(place + TOKENS, tokens, count << 2);
}
