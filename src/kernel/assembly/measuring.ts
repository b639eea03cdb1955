/**
 * Counts how much JSON.parse would create, before it runs: block by block, at about a gigabyte per second. Nothing is validated. For
 * bytes that aren't JSON the counts are meaningless, and JSON.parse rejects them.
 */

import { beginCuts, cut, endCuts, forgetCuts, isTextName } from './cutting';
import { hash } from './hash';
import { BACKSLASH, LETTER_U, QUOTE } from './strings';
import { CLOSE_BRACE, CLOSE_BRACKET, COMMA, OPEN_BRACE, OPEN_BRACKET } from './values';

const BLOCK_BYTES: i32 = 65_536;
const COLON: u8 = 0x3a;

/** V8 internalizes all names, and strings up to this length. The table lookup for each takes as long as parsing ten numbers. */
const INTERNALIZED_BYTES_MAX: usize = 10;

/** A bit for each hash of a name or a short string, truncated to `HASH_BITS` bits. */
const HASH_BITS = 18;
const seen = memory.data((1 << HASH_BITS) / 8, 8);

/** The bytes to measure. Vector loads read past their end. */
const block = memory.data(BLOCK_BYTES + 16, 16);

let values: i32 = 0;
let parts: i32 = 0;
let names: i32 = 0;
let deepest: i32 = 0;
let depth: i32 = 0;
let inString: bool = false;
/** True if the first byte of the next block is escaped. */
let escaped: bool = false;
/** True if long texts are cut out of the block: see cutting.ts. */
let isCutting: bool = false;

/** The digits of `\u0000`, which begins the names of texts that were cut out. */
const NO_DIGITS: u32 = 0x30303030;

export function measuredAt(): usize {
  return block;
}

/** The size of a block. */
export function measuredAtOnce(): i32 {
  return BLOCK_BYTES;
}
export function measuredValues(): i32 {
  return values;
}
export function measuredParts(): i32 {
  return parts;
}
export function measuredNames(): i32 {
  return names;
}
export function measuredDepth(): i32 {
  return deepest;
}

export function beginMeasuring(): void {
  // If no name was seen, the table is still clear.
  if (names > 0) memory.fill(seen, 0, (1 << HASH_BITS) / 8);
  values = parts = names = deepest = depth = 0;
  inString = escaped = false;
}

/**
 * Measures a whole body of `length` bytes in the block, and cuts its long texts out.
 *
 * @returns the length of what is left of the body; 0 if nothing was cut out
 */
export function measureAndCut(length: usize): usize {
  beginMeasuring();
  beginCuts(block);
  isCutting = true;
  measure(length);
  isCutting = false;
  return endCuts(block + length);
}

/** Measures the first `length` bytes of the block. */
export function measure(length: usize): void {
  // True if the next value may be a text to cut out; if an escape is the beginning of a name for one.
  let isTextNext = false;
  let hasName = false;
  const end = block + length;
  let p = block;
  // Where the string that was read last began, or its part in this block.
  let begin = p;
  let close = p;
  if (escaped && length > 0) {
    escaped = false;
    p++;
  }
  while (p < end) {
    if (inString) {
      const bytes = v128.load(p);
      const quotes = i8x16.eq(bytes, i8x16.splat(QUOTE));
      const stops = i8x16.bitmask(v128.or(quotes, i8x16.eq(bytes, i8x16.splat(BACKSLASH))));
      if (stops === 0) {
        p += 16;
        continue;
      }
      p += ctz(stops);
      if (p >= end) break;
      if (load<u8>(p) === BACKSLASH) {
        if (load<u8>(p, 1) === LETTER_U && load<u32>(p, 2) === NO_DIGITS) hasName = true;
        p += 2;
        escaped = p > end;
        continue;
      }
      inString = false;
      close = p++;
      if (close - begin <= INTERNALIZED_BYTES_MAX) see(begin, close - begin);
      continue;
    }
    const byte = load<u8>(p++);
    if (byte === QUOTE) {
      inString = true;
      begin = p;
      parts++;
      if (isTextNext) {
        isTextNext = false;
        const end = isCutting ? cut(p, block + length) : 0;
        if (end !== 0) {
          inString = false;
          close = end;
          p = end + 1;
        }
      }
    } else if (byte === COMMA) {
      values++;
      isTextNext = false;
    } else if (byte === COLON) {
      isTextNext = isTextName(begin, close - begin);
      if (close - begin > INTERNALIZED_BYTES_MAX) see(begin, close - begin);
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      // A container has one more value than commas, unless it is empty.
      values++;
      parts++;
      if (++depth > deepest) deepest = depth;
      isTextNext = false;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
  }
  if (hasName) forgetCuts();
}

/** Counts a name or a short string, unless it was seen before. */
function see(p: usize, length: usize): void {
  const bit = <usize>(hash(p, length) >> (64 - HASH_BITS));
  const at = seen + (bit >> 3);
  const mask: u8 = 1 << (<u8>(bit & 7));
  const byte = load<u8>(at);
  if ((byte & mask) !== 0) return;
  store<u8>(at, byte | mask);
  names++;
}
