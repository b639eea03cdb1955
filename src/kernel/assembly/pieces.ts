/**
 * Cuts a text into the pieces that a tokenizer's regular expression matches, one after the other. The expressions only look ahead,
 * so a piece depends on where it begins and on nothing before it. What they find by backtracking is decided here in one pass from
 * left to right; the comments name the alternative that matches.
 */

import { SLASH } from './bytes';
import {
  asciiClass,
  BLANK,
  CASELESS,
  CLASS,
  characterAt,
  LENGTH_SHIFT,
  LETTER,
  LINE_END,
  LOWER,
  MARK,
  NUMBER,
  OTHER,
  SYMBOL,
  UPPER,
  WHITE,
} from './characters';

const APOSTROPHE: u8 = 0x27;
const SPACE: u8 = 0x20;

/** The classes of o200k for the first part of a word, `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`, and for the second. */
export const HEAD: u32 = UPPER | CASELESS | MARK;
export const TAIL: u32 = LOWER | CASELESS | MARK;

/** The address of the last character that was read to find the end of a word or of white space: it may be far after that end. */
export let readTo: usize = 0;

/** Forgets what was read. */
export function forgetRead(): void {
  readTo = 0;
}

/** Where the piece of o200k_base that begins at `p` ends. */
export function o200kEnd(p: usize): usize {
  // Nearly every piece is an ASCII word with a blank or a symbol before it.
  const word = p + <usize>((asciiClass(load<u8>(p)) & (BLANK | OTHER)) !== 0);
  const bytes = v128.load(word);
  const uppers = bitsBetween(bytes, 0x41);
  const lowers = bitsBetween(bytes, 0x61);
  const tail = ctz(~uppers);
  const length = tail + ctz(~(lowers >> tail));
  if (length - 1 < 15) {
    const next = load<u8>(word + length);
    if (next < 0x80 && next !== APOSTROPHE) return word + length;
  }
  return anyO200kEnd(p);
}

/** Where the piece of cl100k_base that begins at `p` ends. */
export function cl100kEnd(p: usize): usize {
  const first = load<u8>(p);
  const word = p + <usize>((asciiClass(first) & (BLANK | OTHER)) !== 0);
  const letters = bitsBetween(v128.or(v128.load(word), i8x16.splat(0x20)), 0x61);
  const length = ctz(~letters);
  if (length - 1 < 15 && first !== APOSTROPHE && load<u8>(word + length) < 0x80) return word + length;
  return anyCl100kEnd(p);
}

/** A bit for each of sixteen bytes that is one of the 26 values from `first` on. */
function bitsBetween(bytes: v128, first: i8): u32 {
  return i8x16.bitmask(i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(first)), i8x16.splat(26)));
}

/** The same for any piece, and slower. */
export function anyO200kEnd(p: usize): usize {
  const first = characterAt(p);
  if ((first & HEAD) !== 0 || (first & LOWER) !== 0) return o200kWordEnd(p);
  const second = p + (first >> LENGTH_SHIFT);
  if ((first & (BLANK | OTHER)) !== 0 && (characterAt(second) & (LETTER | MARK)) !== 0) {
    return o200kWordEnd(second);
  }
  if ((first & NUMBER) !== 0) return numberEnd(second);
  const symbols = symbolsStart(p, first, second);
  if (symbols === 0) return whiteEnd(p, false);
  p = runEnd(symbols, SYMBOL);
  while (true) {
    const character = characterAt(p);
    if ((character & LINE_END) === 0 && load<u8>(p) !== SLASH) return p;
    p += character >> LENGTH_SHIFT;
  }
}

/** The same for any piece, and slower. */
export function anyCl100kEnd(p: usize): usize {
  const contracted = contractionEnd(p);
  if (contracted !== p) return contracted;
  const first = characterAt(p);
  if ((first & LETTER) !== 0) return runEnd(p, LETTER);
  const second = p + (first >> LENGTH_SHIFT);
  if ((first & (BLANK | SYMBOL)) !== 0 && (characterAt(second) & LETTER) !== 0) return runEnd(second, LETTER);
  if ((first & NUMBER) !== 0) return numberEnd(second);
  const symbols = symbolsStart(p, first, second);
  return symbols === 0 ? whiteEnd(p, true) : runEnd(runEnd(symbols, SYMBOL), LINE_END);
}

/**
 * The end of a word, `HEAD* TAIL+` or else `HEAD+ TAIL*`, and of its contraction. If no lowercase letter follows the head, the head
 * gives back characters up to the last one that is in both classes, which becomes the whole tail. Without such a character, the head
 * is a word by itself. A mark at the start needs no special case: as the optional symbol or as a part of the word, the end is the same.
 */
function o200kWordEnd(p: usize): usize {
  let lastOfBoth: usize = 0;
  let character = characterAt(p);
  while ((character & HEAD) !== 0) {
    p += character >> LENGTH_SHIFT;
    if ((character & TAIL) !== 0) lastOfBoth = p;
    character = characterAt(p);
  }
  readTo = p;
  if ((character & LOWER) !== 0) return contractionEnd(runEnd(p, TAIL));
  return contractionEnd(lastOfBoth !== 0 ? lastOfBoth : p);
}

/** The end of at most three numbers; `p` is the address after the first. */
function numberEnd(p: usize): usize {
  for (let i = 0; i < 2; i++) {
    const character = characterAt(p);
    if ((character & NUMBER) === 0) break;
    p += character >> LENGTH_SHIFT;
  }
  return p;
}

/** Where the symbols of ` ?[^\s\p{L}\p{N}]+` begin, or 0. */
export function symbolsStart(p: usize, first: u32, second: usize): usize {
  if ((first & SYMBOL) !== 0) return p;
  return load<u8>(p) === SPACE && (characterAt(second) & SYMBOL) !== 0 ? second : 0;
}

/**
 * The end of white space: after its last line end. Without one, it is before the last character if other text follows, which may
 * begin with that character; otherwise it is after all of it. At the end of a text, cl100k_base takes all of it, line ends or not.
 */
function whiteEnd(start: usize, takesEnd: bool): usize {
  let lineEnd: usize = 0;
  let last = start;
  let p = start;
  let character = characterAt(p);
  while ((character & WHITE) !== 0) {
    last = p;
    p += character >> LENGTH_SHIFT;
    if ((character & LINE_END) !== 0) lineEnd = p;
    character = characterAt(p);
  }
  readTo = p;
  const isEnd = (character & CLASS) === 0;
  if (takesEnd && isEnd) return p;
  if (lineEnd !== 0) return lineEnd;
  return isEnd || last === start ? p : last;
}

/** The end of a run of certain classes. */
function runEnd(p: usize, wanted: u32): usize {
  let character = characterAt(p);
  while ((character & wanted) !== 0) {
    p += character >> LENGTH_SHIFT;
    character = characterAt(p);
  }
  return p;
}

/** The long s, U+017F, as a little-endian number. */
const LONG_S: u16 = 0xbfc5;

let takesLongS: bool = false;

/** Makes `'ſ` a contraction, as tiktoken does: it is a form of `'s`. JavaScript's expressions don't know it. */
export function takeLongS(): void {
  takesLongS = true;
}

/** The address after `'s`, `'d`, `'m`, `'t`, `'ll`, `'ve` or `'re`, in either case; `p` if there is no contraction. */
export function contractionEnd(p: usize): usize {
  if (load<u8>(p) !== APOSTROPHE) return p;
  // Bit 5 makes capitals lower case. It turns no other byte into one of these letters.
  const first = load<u8>(p, 1) | 0x20;
  if (first === 0x73 || first === 0x64 || first === 0x6d || first === 0x74) return p + 2;
  if (takesLongS && load<u16>(p, 1) === LONG_S) return p + 3;
  const second = load<u8>(p, 2) | 0x20;
  if (first === 0x6c) return second === 0x6c ? p + 3 : p;
  return (first === 0x76 || first === 0x72) && second === 0x65 ? p + 3 : p;
}
