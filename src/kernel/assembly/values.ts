/**
 * JSON's grammar (RFC 8259), with the words that core/python-json.ts accepts, parsed byte by byte outside strings. Every function
 * takes the address of a first byte and returns the address after the last one, or 0 if it fails. Then `brokeAt` is the address
 * of a wrong byte or, at or after `end`, of missing bytes. Quotes follow `end`; no value may be followed by a quote, so few places
 * need to check for the end.
 */

import { QUOTE, skip, brokeAt as stringBrokeAt } from './strings';

export const OPEN_BRACE: u8 = 0x7b;
export const CLOSE_BRACE: u8 = 0x7d;
export const OPEN_BRACKET: u8 = 0x5b;
export const CLOSE_BRACKET: u8 = 0x5d;
const COLON: u8 = 0x3a;
export const COMMA: u8 = 0x2c;
const LINE_FEED: u8 = 0x0a;
const SPACE: u8 = 0x20;
export const MINUS: u8 = 0x2d;
const DOT: u8 = 0x2e;
/** `true`, `null` and `alse` as little-endian numbers. */
const TRUE: u32 = 0x65757274;
const NULL: u32 = 0x6c6c756e;
const ALSE: u32 = 0x65736c61;
/** `NaN` and `Infinity`. */
const NAN: u32 = 0x4e614e;
const THREE_BYTES: u32 = 0xffffff;
const INFINITY: u64 = 0x7974696e69666e49;
const LETTER_N: u8 = 0x6e;
const CAPITAL_N: u8 = 0x4e;
const CAPITAL_I: u8 = 0x49;

/** The address at which reading failed. */
export let brokeAt: usize = 0;

/** True if reading failed because too many containers were open. The value may still be valid. */
export let isTooDeep: bool = false;

/** The address after the last byte that may be read. */
export let end: usize = 0;
/** False in JSON lines, where a line feed ends a value. */
let spansLines: bool = true;

/** Sets the end of the bytes to read next, and whether they are JSON lines. */
export function begin(to: usize, lines: bool): void {
  end = to;
  isTooDeep = false;
  spansLines = !lines;
}

/** Fails: the byte at `p` isn't the expected one. */
export function broken(p: usize): usize {
  brokeAt = p;
  return 0;
}

/** The first byte from `p` on that isn't white space. */
export function skipBlanks(p: usize): usize {
  if (load<u8>(p) > SPACE) return p;
  if (load<u8>(p) === SPACE && load<u8>(p, 1) > SPACE) return p + 1;
  while (true) {
    const bytes = v128.load(p);
    const spaces = v128.or(i8x16.eq(bytes, i8x16.splat(SPACE)), i8x16.eq(bytes, i8x16.splat(0x09)));
    const returns = i8x16.eq(bytes, i8x16.splat(0x0d));
    const lineFeeds = v128.and(i8x16.eq(bytes, i8x16.splat(LINE_FEED)), i8x16.splat(spansLines ? -1 : 0));
    const others = i8x16.bitmask(v128.or(v128.or(spaces, returns), lineFeeds)) ^ 0xffff;
    if (others !== 0) return p + ctz(others);
    p += 16;
  }
}

/** Skips a string; `p` is the byte after its opening quote. */
function skipString(p: usize): usize {
  const next = skip(p, end);
  return next === 0 ? broken(stringBrokeAt) : next;
}

/** The key that was read last: its first byte after the quote, and its length in bytes. */
export let keyAt: usize = 0;
export let keyLength: usize = 0;

/** Goes from the opening quote of an object's key to the first byte of its value. */
export function readKey(p: usize): usize {
  if (load<u8>(p) !== QUOTE) return broken(p);
  keyAt = p + 1;
  p = skipString(keyAt);
  if (p === 0) return 0;
  keyLength = p - 1 - keyAt;
  return skipColon(p);
}

/** Goes from the end of an object's key to the first byte of its value. */
function skipColon(p: usize): usize {
  p = skipBlanks(p);
  return load<u8>(p) === COLON ? skipBlanks(p + 1) : broken(p);
}

/** The kinds of the containers that are open around a value, one bit each. */
const DEPTH_MAX: i32 = 1 << 16;
const kinds = memory.data(DEPTH_MAX / 8);
function push(depth: i32, isObject: bool): void {
  const at = kinds + (depth >> 3);
  const bit: u8 = 1 << (<u8>(depth & 7));
  store<u8>(at, isObject ? load<u8>(at) | bit : load<u8>(at) & ~bit);
}

function isInObject(depth: i32): bool {
  return ((load<u8>(kinds + (depth >> 3)) >> <u8>(depth & 7)) & 1) !== 0;
}

/** Skips a value of any kind. */
export function skipValue(p: usize): usize {
  let depth = 0;
  while (true) {
    const byte = load<u8>(p);
    if (byte === QUOTE) p = skipString(p + 1);
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      const isObject = byte === OPEN_BRACE;
      p = skipBlanks(p + 1);
      if (load<u8>(p) === (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) p++;
      else {
        if (depth === DEPTH_MAX) {
          isTooDeep = true;
          return 0;
        }
        push(depth++, isObject);
        if (isObject) p = readKey(p);
        if (p === 0) return 0;
        continue;
      }
    } else p = skipScalar(p);
    if (p === 0) return 0;
    // A value has ended, and with it the containers whose last value it is.
    while (true) {
      if (depth === 0) return p;
      p = skipBlanks(p);
      const isObject = isInObject(depth - 1);
      const next = load<u8>(p);
      if (next === COMMA) {
        p = skipBlanks(p + 1);
        if (isObject) p = readKey(p);
        if (p === 0) return 0;
        break;
      }
      if (next !== (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) return broken(p);
      depth--;
      p++;
    }
  }
}

/** True if the value at `p` counts as null: see core/python-json.ts. */
export function isNull(p: usize): bool {
  const first = load<u8>(p);
  if (first === MINUS) return load<u8>(p, 1) === CAPITAL_I;
  return first === LETTER_N || first === CAPITAL_N || first === CAPITAL_I;
}

/** Skips `true`, `false`, `null`, a number, or a word that counts as null. */
function skipScalar(p: usize): usize {
  switch (load<u8>(p)) {
    case 0x74: // t
      return load<u32>(p) === TRUE ? p + 4 : brokenWord(p, 4);
    case LETTER_N:
      return load<u32>(p) === NULL ? p + 4 : brokenWord(p, 4);
    case 0x66: // f
      return load<u32>(p, 1) === ALSE ? p + 5 : brokenWord(p, 5);
    case CAPITAL_N:
      return (load<u32>(p) & THREE_BYTES) === NAN ? p + 3 : brokenWord(p, 3);
    case CAPITAL_I:
      return skipInfinity(p);
    default:
      return isNull(p) ? skipInfinity(p + 1) : skipNumber(p);
  }
}

function skipInfinity(p: usize): usize {
  return load<u64>(p) === INFINITY ? p + 8 : brokenWord(p, 8);
}

/** Fails at a word. If it would reach past the end, its bytes are missing, not wrong. */
function brokenWord(p: usize, length: usize): usize {
  return broken(p + length > end ? end : p);
}

function skipNumber(p: usize): usize {
  if (load<u8>(p) === MINUS) p++;
  if (load<u8>(p) === 0x30) p++;
  else {
    p = skipDigits(p);
    if (p === 0) return 0;
  }
  if (load<u8>(p) === DOT) {
    p = skipDigits(p + 1);
    if (p === 0) return 0;
  }
  if ((load<u8>(p) | 0x20) === 0x65) {
    p++;
    if (load<u8>(p) === MINUS || load<u8>(p) === 0x2b) p++;
    p = skipDigits(p);
    if (p === 0) return 0;
  }
  // Another digit might follow.
  return p >= end ? broken(end) : p;
}

/** Skips digits, at least one. */
function skipDigits(p: usize): usize {
  const start = p;
  while (load<u8>(p) - 0x30 < 10) p++;
  return p === start ? broken(p) : p;
}
