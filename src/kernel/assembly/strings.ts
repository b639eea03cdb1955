/**
 * JSON strings. Most bytes of a dataset stand in them, so they are read sixteen at a time, from one special byte to the
 * next. Whoever calls has put quotes behind the end of what was read: a string that is cut off ends there, not anywhere.
 *
 * Texts are compared in the spelling that `JSON.stringify` gives them, without the quotes. It is as good as the text
 * itself, each text has one and no two have the same; and nearly every string of a dataset is spelled like that, so its
 * bytes can be taken as they are.
 */

import { encode } from './utf8';

export const QUOTE: u8 = 0x22;
export const BACKSLASH: u8 = 0x5c;
const SLASH: u8 = 0x2f;
const LETTER_U: u8 = 0x75;
/** `\u`, as it stands in memory. */
const UNICODE_ESCAPE: u16 = 0x755c;

const SURROGATES: i32 = 0xd800;
const LOW_SURROGATES: i32 = 0xdc00;
const TEN_BITS: i32 = 0xfffffc00;

/** Where the last string broke off that could not be read; `end` or a byte behind it if there was not enough of it. */
export let brokeAt: usize = 0;
/** True if the last string that was skipped has escapes. */
export let hadEscape: bool = false;
/** True if the last string may have bytes that are no ASCII. */
export let maybeNotAscii: bool = false;

/** Reads over a string. `p` is the byte after the opening quote; returns the one after the closing quote, or 0. */
export function skip(p: usize, end: usize): usize {
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
 * Reads over what `JSON.stringify` could have written.
 *
 * @param p a byte in a string
 * @returns the closing quote, or the backslash of an escape that `JSON.stringify` doesn't write, or 0
 */
export function skipUsual(p: usize, end: usize): usize {
  hadEscape = false;
  let seen = i8x16.splat(0);
  while (true) {
    const bytes = v128.load(p);
    seen = v128.or(seen, bytes);
    const mask = specials(bytes);
    if (mask === 0) {
      p += 16;
      continue;
    }
    p += ctz(mask);
    if (p >= end) return broken(p);
    const byte = load<u8>(p);
    if (byte === QUOTE) break;
    if (byte !== BACKSLASH) return broken(p);
    const kind = load<u8>(escapes + load<u8>(p, 1));
    if (kind === ODD_ESCAPE) break;
    if (p + 2 > end) return broken(end);
    if (kind === NO_ESCAPE) return broken(p + 1);
    hadEscape = true;
    p += 2;
  }
  maybeNotAscii = i8x16.bitmask(seen) !== 0;
  return p;
}

/** True if the last string that was found may have escapes that `JSON.stringify` doesn't write. */
export let maybeOdd: bool = false;

/**
 * Finds the end of a string without a look at its escapes: sixteen bytes at a time, however many of them are escaped.
 *
 * @param p the byte after the opening quote
 * @returns the closing quote, or 0
 */
export function findEnd(p: usize, end: usize): usize {
  let seen = i8x16.splat(0);
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
    // Bytes that a backslash escapes; a backslash that is escaped itself escapes nothing.
    let escaped = backslashes << 1;
    if ((backslashes & escaped) !== 0) {
      escaped = 0;
      for (let rest = backslashes; rest !== 0; rest &= rest - 1) {
        const bit = rest & -rest;
        if ((escaped & bit) === 0) escaped |= bit << 1;
      }
    }
    const letters = v128.or(i8x16.eq(bytes, i8x16.splat(LETTER_U)), i8x16.eq(bytes, i8x16.splat(SLASH)));
    odd |= i8x16.bitmask(letters) & escaped;
    const real = ends & ~escaped;
    if (real !== 0) {
      p += ctz(real);
      break;
    }
    // What the last of the sixteen escapes has been seen to, unless it is the end.
    if ((escaped & 0x10000) !== 0 && p + 17 <= end) {
      const letter = load<u8>(p, 16);
      odd |= <i32>(letter === LETTER_U || letter === SLASH);
      p += 17;
    } else p += 16;
  }
  maybeOdd = odd !== 0;
  maybeNotAscii = i8x16.bitmask(seen) !== 0;
  return p < end && load<u8>(p) === QUOTE ? p : broken(p);
}

/** The byte behind what `respell` wrote. */
export let respelledTo: usize = 0;

/**
 * Reads a string, and writes it as `JSON.stringify` would.
 *
 * @param p a byte in the string
 * @returns the byte after the closing quote, or 0; what was written up to `end` is right in any case
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
    if (p >= end) {
      respelledTo = out;
      return broken(p);
    }
    if (load<u8>(p) === QUOTE) break;
    if (load<u8>(p) !== BACKSLASH) return broken(p);
    if (load<u8>(p, 1) !== LETTER_U) {
      if (p + 2 > end) {
        respelledTo = out;
        return broken(end);
      }
      if (load<u8>(escapes + load<u8>(p, 1)) === NO_ESCAPE) return broken(p + 1);
      if (load<u8>(p, 1) === SLASH) store<u8>(out++, SLASH);
      else {
        store<u16>(out, load<u16>(p));
        out += 2;
      }
      p += 2;
      continue;
    }
    // Where one character is escaped, its neighbours mostly are, too.
    while (load<u16>(p) === UNICODE_ESCAPE) {
      if (p + 6 > end) {
        respelledTo = out;
        return broken(end);
      }
      const code = hexAt(p + 2);
      if (code < 0) return broken(p + 2);
      p += 6;
      if (code >= 0x80 && code < 0x800) {
        store<u16>(out, 0x80c0 | (code >> 6) | ((code & 0x3f) << 8));
        out += 2;
      } else if (code >= 0x800 && (code < SURROGATES || code > 0xdfff)) {
        store<u32>(out, 0x8080e0 | (code >> 12) | ((code & 0xfc0) << 2) | ((code & 0x3f) << 16));
        out += 3;
      } else if ((code & TEN_BITS) === SURROGATES && load<u16>(p) === UNICODE_ESCAPE && p + 6 <= end) {
        const low = hexAt(p + 2);
        const isPair = (low & TEN_BITS) === LOW_SURROGATES;
        if (isPair) p += 6;
        out = spell(isPair ? 0x10000 + ((code - SURROGATES) << 10) + (low - LOW_SURROGATES) : code, out);
      } else out = spell(code, out);
    }
  }
  maybeNotAscii = i8x16.bitmask(seen) !== 0;
  respelledTo = out;
  return p + 1;
}

/** Writes a character as `JSON.stringify` does. */
function spell(code: i32, out: usize): usize {
  if (code >= 0x20 && code !== QUOTE && code !== BACKSLASH) {
    if (code < SURROGATES || code > 0xdfff) return encode(code, out);
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

/** A bit for each of sixteen bytes that doesn't stand for itself in a string: quotes, backslashes, control characters. */
function specials(bytes: v128): i32 {
  const quotes = i8x16.eq(bytes, i8x16.splat(QUOTE));
  const backslashes = i8x16.eq(bytes, i8x16.splat(BACKSLASH));
  const controls = i8x16.le_u(bytes, i8x16.splat(0x1f));
  return i8x16.bitmask(v128.or(v128.or(quotes, backslashes), controls));
}

/** The number that four hexadecimal digits stand for, negative if one is none. */
function hexAt(p: usize): i32 {
  return (hex(p) << 12) | (hex(p + 1) << 8) | (hex(p + 2) << 4) | hex(p + 3);
}

function hex(p: usize): i32 {
  return load<i8>(digits + load<u8>(p));
}

// What a letter means behind a backslash.
const NO_ESCAPE: u8 = 0;
const USUAL_ESCAPE: u8 = 1;
/** One that `JSON.stringify` never writes. */
const ODD_ESCAPE: u8 = 2;

/** For every byte, what it means behind a backslash. */
const escapes = memory.data(256);
/** For every control character, the letter of its escape, 0 if it has none. */
const shortEscapes = memory.data(32);
/** For every byte, the value of the hexadecimal digit that it is, -1 if it is none. */
const digits = memory.data(256);

for (let i = 0; i < 7; i++) store<u8>(escapes + '"\\bfnrt'.charCodeAt(i), USUAL_ESCAPE);
store<u8>(escapes + SLASH, ODD_ESCAPE);
store<u8>(escapes + LETTER_U, ODD_ESCAPE);
for (let i = 0; i < 5; i++) store<u8>(shortEscapes + '\b\f\n\r\t'.charCodeAt(i), 'bfnrt'.charCodeAt(i));
memory.fill(digits, 0xff, 256);
for (let i = 0; i < 22; i++) store<u8>(digits + '0123456789abcdefABCDEF'.charCodeAt(i), i < 16 ? i : i - 6);
