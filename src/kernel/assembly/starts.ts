/**
 * Finds where the pieces of plain text start, for 64 bytes at once: `pieces.ts` finds one piece after the other, and can't look for the next
 * one before it knows where the last one ends. Here each character is a bit, in a number for each class, and the bits of its neighbours
 * decide whether a piece starts with it. Texts are plain UTF-8.
 *
 * Characters whose neighbours don't decide it are hard: white space other than spaces and line ends, numbers that aren't ASCII, contractions,
 * the fourth digit of a row, capitals after letters without case, marks that follow no letter, and the text's end. A block ends there: which
 * piece such a character belongs to is for `pieces.ts` to find out.
 */

import { CASELESS, CLASS, characterAt, LENGTH_SHIFT, LOWER, MARK, OTHER, UPPER } from './characters';

const SPACE: i8 = 0x20;
const APOSTROPHE: i8 = 0x27;
const SLASH: i8 = 0x2f;
const LINE_FEED: i8 = 0x0a;
const CARRIAGE_RETURN: i8 = 0x0d;

// The bytes of each class in a block.
let uppers: u64 = 0;
let lowers: u64 = 0;
let caseless: u64 = 0;
let marks: u64 = 0;
let digits: u64 = 0;
let spaces: u64 = 0;
let lineEnds: u64 = 0;
let symbols: u64 = 0;
let slashes: u64 = 0;
let apostrophes: u64 = 0;
/** The second and later bytes of characters. */
let continued: u64 = 0;
let hard: u64 = 0;

/**
 * The starts of pieces among the 64 bytes at `p`, which is one: a bit each, from the lowest on. The last one is where to go on: its
 * piece may be longer than the block.
 */
export function startsAt(p: usize, isO200k: bool): u64 {
  classify(p);
  if (!isO200k) {
    symbols |= marks;
    marks = 0;
  }
  const letters = uppers | lowers | caseless | marks;
  const firstSymbols = symbols & ~((symbols | spaces) << 1);
  // The first symbol of a row, if no space is before it, belongs to the word after it, unless another symbol follows.
  let prefixes = firstSymbols;
  if (continued !== 0) {
    for (let i = 0; i < 3; i++) prefixes |= (prefixes << 1) & continued;
  }
  const wordsAfter = letters & ((symbols & ~prefixes) << 1);
  const known = letters | symbols | digits;
  const firstSpaces = spaces & ~(spaces << 1);
  // Of several spaces, the last one belongs to what follows.
  const lastSpaces = spaces & (known >> 1);
  // White space goes up to its last line end: spaces after a line end are a piece if text follows, not another line end.
  const indents = firstSpaces & (lineEnds << 1);
  if (indents !== 0) {
    const after = (spaces + indents) & ~spaces;
    if ((after & ~known) !== 0 || <i64>spaces < 0) hard |= indents;
  }
  hard |= apostrophes & ((letters >> 1) | ((<u64>1) << 63));
  hard |= slashes & (lineEnds << 1);
  hard |= digits & (digits << 1) & (digits << 2) & (digits << 3);
  let starts: u64 =
    firstSymbols |
    wordsAfter |
    firstSpaces |
    lastSpaces |
    (letters & ((lineEnds | digits) << 1)) |
    (digits & ~(digits << 1)) |
    (lineEnds & ~((lineEnds | symbols | spaces) << 1));
  if (isO200k) {
    starts |= uppers & (lowers << 1);
    hard |= uppers & ((caseless | marks) << 1);
    hard |= marks & ~(letters << 1);
  }
  // Nothing at or after a hard character.
  return (starts & ((hard & -hard) - 1)) | 1;
}

/** Finds the classes of the 64 bytes at `p`. */
function classify(p: usize): void {
  const a = v128.load(p);
  const b = v128.load(p, 16);
  const c = v128.load(p, 32);
  const d = v128.load(p, 48);
  lowers = bits(between(a, 0x61, 26), between(b, 0x61, 26), between(c, 0x61, 26), between(d, 0x61, 26));
  uppers = bits(between(a, 0x41, 26), between(b, 0x41, 26), between(c, 0x41, 26), between(d, 0x41, 26));
  spaces = bits(equal(a, SPACE), equal(b, SPACE), equal(c, SPACE), equal(d, SPACE));
  const high = bits(a, b, c, d);
  let others = ~(lowers | uppers | spaces | high);
  caseless = 0;
  marks = 0;
  continued = 0;
  hard = 0;
  digits = 0;
  lineEnds = 0;
  slashes = 0;
  apostrophes = 0;
  if (others !== 0) {
    digits = bits(between(a, 0x30, 10), between(b, 0x30, 10), between(c, 0x30, 10), between(d, 0x30, 10));
    const controls = bits(between(a, 0, 32), between(b, 0, 32), between(c, 0, 32), between(d, 0, 32));
    slashes = bits(equal(a, SLASH), equal(b, SLASH), equal(c, SLASH), equal(d, SLASH));
    apostrophes = bits(
      equal(a, APOSTROPHE),
      equal(b, APOSTROPHE),
      equal(c, APOSTROPHE),
      equal(d, APOSTROPHE),
    );
    if (controls !== 0) {
      lineEnds = bits(lineEndsOf(a), lineEndsOf(b), lineEndsOf(c), lineEndsOf(d));
      hard = controls & ~lineEnds;
    }
    others &= ~(digits | controls);
  }
  symbols = others;
  if (high !== 0) classifyLong(p, high);
}

/** Finds the classes of characters that aren't ASCII, up to a hard one. */
function classifyLong(p: usize, high: u64): void {
  // Bytes at the start of the block begin characters, too.
  while (high !== 0) {
    const at = ctz(high);
    const character = characterAt(p + <usize>at);
    const class_ = character & CLASS;
    const length = <u64>(character >> LENGTH_SHIFT);
    const all = (((<u64>1) << length) - 1) << at;
    high &= ~all;
    if (class_ === CASELESS) caseless |= all;
    else if (class_ === LOWER) lowers |= all;
    else if (class_ === UPPER) uppers |= all;
    else if (class_ === OTHER) symbols |= all;
    else if (class_ === MARK) marks |= all;
    else {
      hard |= (<u64>1) << at;
      return;
    }
    continued |= all & ~((<u64>1) << at);
  }
}

function between(bytes: v128, first: i8, count: i8): v128 {
  return i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(first)), i8x16.splat(count));
}

function equal(bytes: v128, byte: i8): v128 {
  return i8x16.eq(bytes, i8x16.splat(byte));
}

function lineEndsOf(bytes: v128): v128 {
  return v128.or(equal(bytes, LINE_FEED), equal(bytes, CARRIAGE_RETURN));
}

/** The highest bits of 64 bytes. */
function bits(a: v128, b: v128, c: v128, d: v128): u64 {
  const low = <u32>i8x16.bitmask(a) | ((<u32>i8x16.bitmask(b)) << 16);
  const high = <u32>i8x16.bitmask(c) | ((<u32>i8x16.bitmask(d)) << 16);
  return <u64>low | ((<u64>high) << 32);
}
