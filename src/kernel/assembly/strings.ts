/**
 * JSON strings. Most bytes of a dataset are in strings, so they are read sixteen at a time, from one special byte to the
 * next. The caller has put quotes after the end of the input: they end a string that is cut off.
 *
 * Texts are compared as `JSON.stringify` spells them, without the quotes. Each text has exactly one such spelling and no two
 * texts share one, so comparing spellings is as good as comparing texts. Nearly every string of a dataset is spelled like
 * that, so its bytes can be used unchanged.
 */

import { BACKSLASH, LETTER_U, QUOTE, SLASH } from './bytes';
import { encode } from './utf8';

export { BACKSLASH, LETTER_U, QUOTE, SLASH };

/** `\u` as a little-endian number. */
const UNICODE_ESCAPE: u16 = 0x755c;

const SURROGATES: i32 = 0xd800;
const LOW_SURROGATES: i32 = 0xdc00;
const TEN_BITS: i32 = 0xfffffc00;

/** Where the last unreadable string broke off; at or after `end` if the string was incomplete. */
export let brokeAt: usize = 0;
/** True if the last string that was skipped has escapes. */
export let hadEscape: bool = false;
/** True if the last string may have bytes that aren't ASCII. */
export let maybeNotAscii: bool = false;
/** True if the last string read by `findEnd` may have escapes that `JSON.stringify` doesn't write. */
export let maybeOdd: bool = false;

/** Skips a string. `p` is the byte after the opening quote; returns the one after the closing quote, or 0. */
export function skip(p: usize, end: usize): usize {
  // Most strings whose text doesn't matter are short.
  const stops = specials(v128.load(p));
  const close = p + ctz(stops);
  if (stops !== 0 && close < end && load<u8>(close) === QUOTE) {
    hadEscape = false;
    return close + 1;
  }
  let hadOdd = false;
  p = skipUsual(p, end);
  while (p !== 0 && load<u8>(p) === BACKSLASH) {
    hadOdd = true;
    if (load<u8>(p, 1) !== LETTER_U) p = skipUsual(p + 2, end);
    else if (p + 6 > end) p = broken(end);
    else if (hexAt(p + 2) < 0) p = broken(p + 2);
    else p = skipUsual(p + 6, end);
  }
  if (hadOdd) hadEscape = true;
  return p === 0 ? 0 : p + 1;
}

/**
 * Skips bytes that `JSON.stringify` could have written.
 *
 * @param p a byte in a string; it isn't escaped
 * @returns the closing quote, or the backslash of an escape that `JSON.stringify` doesn't write, or 0
 */
export function skipUsual(p: usize, end: usize): usize {
  p = scan(p, end, false);
  if (p >= end) return broken(p);
  const byte = load<u8>(p);
  if (byte === QUOTE) return p;
  if (byte !== BACKSLASH) return broken(p);
  if (p + 2 > end) return broken(end);
  const letter = load<u8>(p, 1);
  return letter === LETTER_U || letter === SLASH ? p : broken(p + 1);
}

/**
 * Finds the end of a string without checking its escapes.
 *
 * @param p the byte after the opening quote
 * @returns the closing quote, or 0
 */
export function findEnd(p: usize, end: usize): usize {
  p = scan(p, end, true);
  if (p >= end) return broken(p);
  const byte = load<u8>(p);
  // The scan stops at a backslash only if the byte that it escapes is missing.
  return byte === QUOTE ? p : broken(byte === BACKSLASH ? end : p);
}

/**
 * Scans to the end of a string, or to a byte that isn't allowed in one. Reads sixteen bytes at a time, even if many are escaped.
 *
 * @param passesEscapes false stops at the backslash of an escape that `JSON.stringify` doesn't write
 */
function scan(p: usize, end: usize, passesEscapes: bool): usize {
  let seen = i8x16.splat(0);
  let escapes = 0;
  let odd = 0;
  while (true) {
    const bytes = v128.load(p);
    seen = v128.or(seen, bytes);
    const quotes = i8x16.eq(bytes, i8x16.splat(QUOTE));
    const controls = i8x16.le_u(bytes, i8x16.splat(0x1f));
    const ends = i8x16.bitmask(v128.or(quotes, controls));
    const backslashes = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(BACKSLASH)));
    if (backslashes === 0) {
      if (ends === 0) {
        p += 16;
        continue;
      }
      p += ctz(ends);
      break;
    }
    escapes = 1;
    // The bytes that a backslash escapes. A backslash that is itself escaped escapes nothing.
    let escaped = backslashes << 1;
    if ((backslashes & escaped) !== 0) {
      escaped = 0;
      for (let rest = backslashes; rest !== 0; rest &= rest - 1) {
        const bit = rest & -rest;
        if ((escaped & bit) === 0) escaped |= bit << 1;
      }
    }
    const unusual = escaped & ~usualLetters(bytes);
    let stops = ends & ~escaped;
    if (passesEscapes) odd |= unusual & 0xffff;
    else stops |= (unusual & 0xffff) >> 1;
    if (stops !== 0) {
      p += ctz(stops);
      break;
    }
    if ((escaped & 0x10000) === 0) {
      p += 16;
      continue;
    }
    // The last of the sixteen bytes escapes the byte after them.
    const isUsual = load<u8>(usual + load<u8>(p, 16)) !== 0 && p + 17 <= end;
    if (!isUsual && (!passesEscapes || p + 17 > end)) {
      p += 15;
      break;
    }
    if (!isUsual) odd = 1;
    p += 17;
  }
  hadEscape = escapes !== 0;
  maybeOdd = odd !== 0;
  maybeNotAscii = i8x16.bitmask(seen) !== 0;
  return p;
}

/** A bit for each of sixteen bytes that `JSON.stringify` writes after a backslash: `"`, `\\`, b, f, n, r, t. */
function usualLetters(bytes: v128): i32 {
  const byLower = i8x16.swizzle(USUAL_BY_LOWER, v128.and(bytes, i8x16.splat(0x0f)));
  const byUpper = i8x16.swizzle(USUAL_BY_UPPER, i8x16.shr_u(bytes, 4));
  return i8x16.bitmask(i8x16.ne(v128.and(byLower, byUpper), i8x16.splat(0)));
}

/** Tables for the lower and the upper nibble of a byte. Each of the four bits represents one upper nibble of these letters. */
const USUAL_BY_LOWER = i8x16(0, 0, 13, 0, 8, 0, 4, 0, 0, 0, 0, 0, 2, 0, 4, 0);
const USUAL_BY_UPPER = i8x16(0, 0, 1, 0, 0, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0);

/** The address after what `respell` wrote. */
export let respelledTo: usize = 0;

/**
 * Reads a string and writes it as `JSON.stringify` would.
 *
 * @param p a byte in the string
 * @returns the byte after the closing quote, or 0; the output up to `end` is correct in either case
 */
export function respell(p: usize, end: usize, out: usize): usize {
  let seen = i8x16.splat(0);
  while (true) {
    const bytes = v128.load(p);
    seen = v128.or(seen, bytes);
    v128.store(out, bytes);
    const mask = specials(bytes);
    if (mask === 0) {
      p += 16;
      out += 16;
      continue;
    }
    p += ctz(mask);
    out += ctz(mask);
    if (p >= end) return brokenOff(p, out);
    if (load<u8>(p) === QUOTE) break;
    if (load<u8>(p) !== BACKSLASH) return brokenOff(p, out);
    if (load<u8>(p, 1) !== LETTER_U) {
      if (p + 2 > end) return brokenOff(end, out);
      const letter = load<u8>(p, 1);
      if (letter === SLASH) store<u8>(out++, SLASH);
      else if (load<u8>(usual + letter) === 0) return brokenOff(p + 1, out);
      else {
        store<u16>(out, load<u16>(p));
        out += 2;
      }
      p += 2;
      continue;
    }
    // If one character is escaped, its neighbours usually are, too.
    while (load<u16>(p) === UNICODE_ESCAPE) {
      if (p + 6 > end) return brokenOff(end, out);
      const code = hexAt(p + 2);
      if (code < 0) return brokenOff(p + 2, out);
      p += 6;
      if (<u32>(code - 0x80) < 0x780) {
        store<u16>(out, 0x80c0 | (code >> 6) | ((code & 0x3f) << 8));
        out += 2;
      } else if (code < 0x80) {
        out = spell(code, out);
      } else if (!isSurrogate(code)) {
        store<u32>(out, 0x8080e0 | (code >> 12) | ((code & 0xfc0) << 2) | ((code & 0x3f) << 16));
        out += 3;
      } else {
        const isFollowed = load<u16>(p) === UNICODE_ESCAPE;
        // The other half of a pair may be cut off.
        if (isFollowed && p + 6 > end) return brokenOff(end, out);
        const low = isFollowed ? hexAt(p + 2) : 0;
        const isPair = code < LOW_SURROGATES && (low & TEN_BITS) === LOW_SURROGATES;
        if (isPair) p += 6;
        out = spell(isPair ? 0x10000 + ((code - SURROGATES) << 10) + (low - LOW_SURROGATES) : code, out);
      }
    }
  }
  maybeNotAscii = i8x16.bitmask(seen) !== 0;
  respelledTo = out;
  return p + 1;
}

/**
 * Writes a plain text, not a JSON string, as `JSON.stringify` would.
 *
 * @param p its first byte
 * @param to the byte after its last
 * @param limit where the output must end
 * @returns the byte after the output; 0 if there isn't enough room
 */
export function spellText(p: usize, to: usize, out: usize, limit: usize): usize {
  while (out <= limit) {
    const bytes = v128.load(p);
    v128.store(out, bytes);
    const mask = specials(bytes);
    const plain: usize = mask === 0 ? 16 : ctz(mask);
    if (p + plain >= to) {
      out += to - p;
      return out <= limit ? out : 0;
    }
    p += plain;
    out += plain;
    if (mask !== 0) out = spell(load<u8>(p++), out);
  }
  return 0;
}

/** Ends a respelling where the string breaks off. */
function brokenOff(p: usize, out: usize): usize {
  respelledTo = out;
  return broken(p);
}

function isSurrogate(code: i32): bool {
  return (code & 0xfffff800) === SURROGATES;
}

/** Writes a character as `JSON.stringify` does. */
function spell(code: i32, out: usize): usize {
  if (code >= 0x20 && code !== QUOTE && code !== BACKSLASH) {
    if (!isSurrogate(code)) return encode(code, out);
  } else {
    const letter = code < 0x20 ? load<u8>(shortEscapes + code) : <u8>code;
    if (letter !== 0) {
      store<u8>(out, BACKSLASH);
      store<u8>(out, letter, 1);
      return out + 2;
    }
  }
  store<u16>(out, UNICODE_ESCAPE);
  for (let i = 0; i < 4; i++) {
    const digit = (code >> (12 - 4 * i)) & 0xf;
    store<u8>(out + i, digit < 10 ? 0x30 + digit : 0x57 + digit, 2);
  }
  return out + 6;
}

function broken(p: usize): usize {
  brokeAt = p;
  return 0;
}

/** A bit for each of sixteen bytes that is special in a string: quotes, backslashes, control characters. */
export function specials(bytes: v128): i32 {
  const quotes = i8x16.eq(bytes, i8x16.splat(QUOTE));
  const backslashes = i8x16.eq(bytes, i8x16.splat(BACKSLASH));
  const controls = i8x16.le_u(bytes, i8x16.splat(0x1f));
  return i8x16.bitmask(v128.or(v128.or(quotes, backslashes), controls));
}

/** The value of four hexadecimal digits; negative if one isn't a digit. */
export function hexAt(p: usize): i32 {
  const upper: i32 = load<u16>(hex + ((<usize>load<u16>(p)) << 1));
  const lower: i32 = load<u16>(hex + ((<usize>load<u16>(p, 2)) << 1));
  return upper & lower & IS_HEX ? ((upper & 0xff) << 8) | (lower & 0xff) : -1;
}

/** For every byte, 1 if `JSON.stringify` writes it after a backslash. */
const usual = memory.data(256);
/** For every control character, the letter of its short escape; 0 if it has none. */
const shortEscapes = memory.data(32);
/** Maps two hexadecimal digits, as a little-endian number, to their value and `IS_HEX`. */
const hex = memory.data(131_072, 2);
const IS_HEX: i32 = 0x100;

for (let i = 0; i < 7; i++) store<u8>(usual + '"\\bfnrt'.charCodeAt(i), 1);
for (let i = 0; i < 5; i++) store<u8>(shortEscapes + '\b\f\n\r\t'.charCodeAt(i), 'bfnrt'.charCodeAt(i));

const digits = '0123456789abcdefABCDEF';
for (let i = 0; i < 22; i++) {
  for (let j = 0; j < 22; j++) {
    const number = ((i < 16 ? i : i - 6) << 4) | (j < 16 ? j : j - 6);
    const bytes: usize = digits.charCodeAt(i) | (digits.charCodeAt(j) << 8);
    store<u16>(hex + (bytes << 1), number | IS_HEX);
  }
}
