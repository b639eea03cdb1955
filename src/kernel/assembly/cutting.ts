/**
 * Cuts the long texts out of a body before it is parsed, and decodes them: `JSON.parse` reads a string character by character, which takes
 * most of the time of a body with long texts. What is left of the body has a short name in place of each text:
 *
 *     | ..., "content": " | \u0000 and a number | ", ... |
 *
 * Only strings that `JSON.stringify` could have written are cut out, so their bytes are also the spelling that keys are computed from.
 */

import { BACKSLASH, QUOTE, specials } from './strings';
import { isUtf8 } from './utf8';

/** The most bytes of a body whose texts are cut out. */
const BODY_BYTES: i32 = 65_536;
/** A shorter string is parsed, encoded and spelled faster than it is cut out. */
const CUT_BYTES_MIN: i32 = 96;
/** No body has as many texts: their quotes need bytes, too. */
const CUTS_MAX: i32 = BODY_BYTES / CUT_BYTES_MIN;

/** The numbers of a text: where its string is in the body, its length there, and the address and the length of the decoded text. */
const CUT_BYTES: i32 = 16;
/** A flag of the last one: the text is UTF-16. Without it, it is ASCII. */
const WIDE_FLAG: u32 = 0x80000000;
const cuts = memory.data(CUT_BYTES * CUTS_MAX, 4);
/** The decoded texts, one after the other, each at an even address. Vector stores write past their end. */
const decoded = memory.data(2 * BODY_BYTES + 512, 16);
/** What is left of the body. */
const left = memory.data(BODY_BYTES, 16);

/** `\u0000`, in two parts. */
const NAME_START: u32 = 0x3030755c;
const NAME_END: u16 = 0x3030;

let count: u32 = 0;
/** Where the body begins, where the bytes begin that aren't copied yet, and where the copies and the decoded texts end. */
let body: usize = 0;
let from: usize = 0;
let leftTo: usize = 0;
let decodedTo: usize = 0;

export function cutTexts(): u32 {
  return count;
}
export function cutsAt(): usize {
  return cuts;
}
export function leftAt(): usize {
  return left;
}

/** Begins a body. */
export function beginCuts(at: usize): void {
  count = 0;
  body = from = at;
  leftTo = left;
  decodedTo = decoded;
}

/** Ends a body. Returns the length of what is left of it; 0 if nothing was cut out. */
export function endCuts(end: usize): usize {
  if (count === 0) return 0;
  copyTo(end);
  return leftTo - left;
}

/** Leaves the whole body as it is. */
export function forgetCuts(): void {
  count = 0;
}

/** True if a string in a member with this name is cut out if it is long: `content`, `prompt`, `input` or `text`. */
export function isTextName(p: usize, length: usize): bool {
  switch (<i32>length) {
    case 4:
      return load<u32>(p) === 0x74786574;
    case 5:
      return load<u32>(p) === 0x75706e69 && load<u8>(p, 4) === 0x74;
    case 6:
      return load<u32>(p) === 0x6d6f7270 && load<u16>(p, 4) === 0x7470;
    case 7:
      return load<u32>(p) === 0x746e6f63 && load<u32>(p, 3) === 0x746e6574;
    default:
      return false;
  }
}

/**
 * Cuts out a string, unless it is short or has unusual escapes.
 *
 * @param p the byte after the opening quote
 * @param limit the end of the body
 * @returns the closing quote; 0 if the string isn't cut out
 */
export function cut(p: usize, limit: usize): usize {
  const start = decodedTo;
  let close = decode(p, limit, start);
  const isWide = close !== 0 && load<u8>(close) !== QUOTE;
  if (isWide) close = decodeWide(p, limit, start);
  if (close < p + CUT_BYTES_MIN || (isWide && !isUtf8(p, close))) return 0;
  const row = cuts + CUT_BYTES * count;
  store<u32>(row, p - body);
  store<u32>(row, close - p, 4);
  store<u32>(row, start, 8);
  store<u32>(row, <u32>(endOfText - start) | (isWide ? WIDE_FLAG : 0), 12);
  decodedTo = (endOfText + 1) & ~1;
  copyTo(p);
  store<u32>(leftTo, NAME_START);
  store<u16>(leftTo, NAME_END, 4);
  // Three digits: there are fewer texts.
  store<u8>(leftTo, <u8>(0x30 + count / 100), 6);
  store<u8>(leftTo, <u8>(0x30 + ((count / 10) % 10)), 7);
  store<u8>(leftTo, <u8>(0x30 + (count % 10)), 8);
  leftTo += 9;
  from = close;
  count++;
  return close;
}

function copyTo(p: usize): void {
  memory.copy(leftTo, from, p - from);
  leftTo += p - from;
}

/** The address after the text that was decoded last. */
let endOfText: usize = 0;

/**
 * Decodes a string of ASCII to `out`.
 *
 * @returns the closing quote, or the first byte that isn't ASCII; 0 if the string is invalid or has unusual escapes
 */
function decode(p: usize, limit: usize, out: usize): usize {
  while (true) {
    const bytes = v128.load(p);
    v128.store(out, bytes);
    const stops = specials(bytes) | i8x16.bitmask(bytes);
    const plain: usize = stops === 0 ? 16 : ctz(stops);
    p += plain;
    out += plain;
    if (p >= limit) return 0;
    if (stops === 0) continue;
    if (load<u8>(p) !== BACKSLASH) break;
    const meant = load<u8>(meanings + load<u8>(p, 1));
    if (meant === 0) return 0;
    store<u8>(out++, meant);
    p += 2;
  }
  endOfText = out;
  return load<u8>(p) >= 0x20 ? p : 0;
}

/** The same for UTF-8, which isn't validated, to UTF-16. */
function decodeWide(p: usize, limit: usize, out: usize): usize {
  while (true) {
    const bytes = v128.load(p);
    v128.store(out, i16x8.extend_low_i8x16_u(bytes));
    v128.store(out, i16x8.extend_high_i8x16_u(bytes), 16);
    const stops = specials(bytes) | i8x16.bitmask(bytes);
    const plain: usize = stops === 0 ? 16 : ctz(stops);
    p += plain;
    out += 2 * plain;
    if (p >= limit) return 0;
    if (stops === 0) continue;
    const byte = load<u8>(p);
    if (byte === BACKSLASH) {
      const meant = load<u8>(meanings + load<u8>(p, 1));
      if (meant === 0) return 0;
      store<u16>(out, meant);
      p += 2;
      out += 2;
    } else if (byte >= 0x80) {
      // The neighbours of a character that isn't ASCII usually aren't, either.
      do {
        const lead: u32 = load<u8>(p);
        const second: u32 = load<u8>(p, 1) & 0x3f;
        const third: u32 = load<u8>(p, 2) & 0x3f;
        if (lead < 0xe0) {
          store<u16>(out, ((lead & 0x1f) << 6) | second);
          p += 2;
        } else if (lead < 0xf0) {
          store<u16>(out, ((lead & 0x0f) << 12) | (second << 6) | third);
          p += 3;
        } else {
          const code = ((lead & 7) << 18) | (second << 12) | (third << 6) | (load<u8>(p, 3) & 0x3f);
          store<u16>(out, 0xd7c0 + (code >> 10));
          store<u16>(out, 0xdc00 | (code & 0x3ff), 2);
          p += 4;
          out += 2;
        }
        out += 2;
      } while (load<u8>(p) >= 0x80 && p < limit);
    } else break;
  }
  endOfText = out;
  return load<u8>(p) === QUOTE ? p : 0;
}

/** For each letter except `u` that `JSON.stringify` writes after a backslash, the character that is meant. */
const meanings = memory.data(256);
for (let i = 0; i < 7; i++) store<u8>(meanings + '"\\bfnrt'.charCodeAt(i), '"\\\b\f\n\r\t'.charCodeAt(i));
