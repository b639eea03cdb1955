/**
 * The characters of a text as it is sent (`core/spelled-text.ts`), and the Unicode category of each. JavaScript supplies the categories,
 * one page of 256 code points at a time, when a text first has a character of that page. So they always have the same version of Unicode
 * as the engine that runs the tokenizers' regular expressions.
 */

import { BACKSLASH, LETTER_U, QUOTE, SLASH } from './bytes';

// A character's class is one bit. 0 means that the class isn't known yet, or that the text ends.
export const UPPER: u32 = 1; // Lu, Lt
export const LOWER: u32 = 2; // Ll
export const CASELESS: u32 = 4; // Lm, Lo
export const MARK: u32 = 8;
export const NUMBER: u32 = 16;
export const BLANK: u32 = 32; // \s without the line ends
export const LINE_END: u32 = 64; // \r, \n
export const OTHER: u32 = 128;

export const LETTER: u32 = UPPER | LOWER | CASELESS;
export const WHITE: u32 = BLANK | LINE_END;
/** `[^\s\p{L}\p{N}]` */
export const SYMBOL: u32 = OTHER | MARK;

/** The bits of `characterAt`'s result that are the class. The bits above them are the length of the spelling. */
export const CLASS: u32 = 0xff;
export const LENGTH_SHIFT: u32 = 8;

const DIGIT_2: u8 = 0x32;
const SPACE: u8 = 0x20;
const LETTER_D: u8 = 0x64;
const LETTER_N: u8 = 0x6e;
const LETTER_R: u8 = 0x72;
const LETTER_T: u8 = 0x74;
const LETTER_F: u8 = 0x66;

/** The class of each code point, one byte each. */
const classes: usize = (__heap_base + 63) & ~63;
const CODE_POINTS: usize = 0x110000;
/** The end of the classes, where other regions may begin. */
export const classesEnd: usize = classes + CODE_POINTS;

/** The class of every byte that is a character by itself; 0 for those that begin a longer spelling, and for the quote. */
const ascii = memory.data(256);

/** The address of the class of U+0000. */
export function classesAt(): usize {
  return classes;
}

/** Copies the classes of ASCII characters. Call it once the first page of classes is known. */
export function takeAscii(): void {
  takePlainAscii();
  store<u8>(ascii + QUOTE, 0);
  store<u8>(ascii + BACKSLASH, 0);
}

/** The same, for texts in plain UTF-8, which has no escapes, and ends with `PLAIN_END`. */
export function takePlainAscii(): void {
  memory.copy(ascii, classes, 0x80);
}

/** A byte that UTF-8 doesn't have. */
export const PLAIN_END: u8 = 0xff;

/** The class of a byte that is a character by itself; 0 for any other. */
export function asciiClass(byte: u8): u32 {
  return load<u8>(ascii + byte);
}

/** The class of the character at `p`, and the length of its spelling; class 0 for what ends the text. */
export function characterAt(p: usize): u32 {
  const known = asciiClass(load<u8>(p));
  return known !== 0 ? known | (1 << LENGTH_SHIFT) : longAt(p);
}

/** The same for a character that is spelled with more than one byte. */
function longAt(p: usize): u32 {
  const first = load<u8>(p);
  if (first === QUOTE || first === PLAIN_END) return 0;
  if (first === BACKSLASH) return escapeAt(p);
  const length: u32 = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return <u32>load<u8>(classes + codePointAt(p)) | (length << LENGTH_SHIFT);
}

function escapeAt(p: usize): u32 {
  const letter = load<u8>(p, 1);
  if (letter === LETTER_N || letter === LETTER_R) return LINE_END | (2 << LENGTH_SHIFT);
  if (letter === LETTER_T || letter === LETTER_F) return BLANK | (2 << LENGTH_SHIFT);
  if (letter !== LETTER_U) return OTHER | (2 << LENGTH_SHIFT);
  // A lone surrogate, U+2028, U+2029, or a control character.
  const group = load<u8>(p, 2);
  if (group === LETTER_D) return OTHER | (6 << LENGTH_SHIFT);
  if (group === DIGIT_2) return BLANK | (6 << LENGTH_SHIFT);
  const digit = load<u8>(p, 5);
  const code = ((load<u8>(p, 4) & 0xf) << 4) | (digit <= 0x39 ? digit & 0xf : digit - 0x57);
  return <u32>load<u8>(classes + code) | (6 << LENGTH_SHIFT);
}

/** The code point of the UTF-8 sequence at `p`, which has at least two bytes. */
function codePointAt(p: usize): usize {
  const first = <usize>load<u8>(p);
  const second = <usize>load<u8>(p, 1) & 0x3f;
  if (first < 0xe0) return ((first & 0x1f) << 6) | second;
  const third = <usize>load<u8>(p, 2) & 0x3f;
  if (first < 0xf0) return ((first & 0xf) << 12) | (second << 6) | third;
  return ((first & 7) << 18) | (second << 12) | (third << 6) | (<usize>load<u8>(p, 3) & 0x3f);
}

/** The page of the first character from `p` to `end` whose class isn't known; negative if all are known. */
export function unknownPage(p: usize, end: usize): i32 {
  for (; p < end; p += 16) {
    const bytes = v128.load(p);
    if (i8x16.bitmask(bytes) === 0) continue;
    let leads = i8x16.bitmask(i8x16.ge_u(bytes, i8x16.splat(<i8>0xc0)));
    for (; leads !== 0; leads &= leads - 1) {
      const at = p + ctz(leads);
      if (at >= end) break;
      const code = codePointAt(at);
      if (load<u8>(classes + code) === 0) return <i32>(code >> 8);
    }
  }
  return -1;
}

/** `longWordIn` of `openai/pieces.ts` cuts runs of this many characters, in texts of more than this many UTF-16 units. */
const RUN_MAX: u32 = 256;
/** While the last blocks with a letter and with a blank are at most this far back, no run is too long: one of the two ends it. */
const NEAR: usize = RUN_MAX - 32;
/** The bytes of a block that can't belong to an escape from the block before: `\u001f` reaches five bytes into it. */
const OWN: i32 = 0xffe0;

/** True if `longWordIn` would cut the text. All of its characters have a known class, and 16 bytes after its end may be read. */
export function hasLongRun(p: usize, end: usize): bool {
  if (end - p <= RUN_MAX) return false;
  // Bytes after the end may count as letters or blanks: no run continues there.
  let letter = p;
  let blank = p;
  for (let at = p; at < end; at += 16) {
    const bytes = v128.load(at);
    if (v128.any_true(i8x16.eq(bytes, i8x16.splat(SPACE)))) blank = at;
    const letters = i8x16.lt_u(
      i8x16.sub(v128.or(bytes, i8x16.splat(0x20)), i8x16.splat(0x61)),
      i8x16.splat(26),
    );
    const backslashes = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(BACKSLASH)));
    // The five bytes after a backslash may belong to its escape.
    let escaped = backslashes << 1;
    escaped |= escaped << 1;
    escaped |= (escaped << 2) | (backslashes << 5);
    if ((i8x16.bitmask(letters) & OWN & ~escaped) !== 0) letter = at;
    if (at - blank > NEAR || at - letter > NEAR) return countRuns(p, end);
  }
  return false;
}

/** The same, character by character. */
function countRuns(p: usize, end: usize): bool {
  let units: u32 = 0;
  let words: u32 = 0;
  let symbols: u32 = 0;
  let lineEnds: u32 = 0;
  let whites: u32 = 0;
  let longest: u32 = 0;
  while (p < end) {
    const character = characterAt(p);
    const length = character >> LENGTH_SHIFT;
    units += length === 4 ? 2 : 1;
    words = (character & (LETTER | MARK)) !== 0 ? words + 1 : 0;
    symbols = (character & SYMBOL) !== 0 ? symbols + 1 : 0;
    lineEnds = (character & LINE_END) !== 0 || load<u8>(p) === SLASH ? lineEnds + 1 : 0;
    whites = (character & WHITE) !== 0 ? whites + 1 : 0;
    longest = max(max(longest, words), max(max(symbols, lineEnds), whites));
    p += length;
  }
  return units > RUN_MAX && longest >= RUN_MAX;
}
