/**
 * How much JSON.parse would make of JSON: counted block by block, at some gigabyte a second, before it is parsed. Nothing is validated:
 * in bytes that aren't JSON the counts mean nothing, and JSON.parse rejects them.
 */

import { hash } from './hash';
import { BACKSLASH, QUOTE } from './strings';
import { CLOSE_BRACE, CLOSE_BRACKET, COMMA, OPEN_BRACE, OPEN_BRACKET } from './values';

const BLOCK_BYTES: i32 = 65_536;
const COLON: u8 = 0x3a;

/** V8 internalizes all names, and strings up to this length: it looks each up in a table, which takes as long as to parse ten numbers. */
const INTERNALIZED_BYTES_MAX: usize = 10;

/** A bit for each hash of a name or a short string, cut to so many bits. */
const HASH_BITS = 18;
const seen = memory.data((1 << HASH_BITS) / 8, 8);

/** What is measured. Wide loads read past its end. */
const block = memory.data(BLOCK_BYTES + 16, 16);

let values: i32 = 0;
let parts: i32 = 0;
let names: i32 = 0;
let deepest: i32 = 0;
let depth: i32 = 0;
let inString: bool = false;
/** True if the first byte of the next block is escaped. */
let escaped: bool = false;

export function measuredAt(): usize {
  return block;
}

/** How many bytes there is room for. */
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
  // Most JSON is short: then there is little to forget.
  if (names > 0) memory.fill(seen, 0, (1 << HASH_BITS) / 8);
  values = parts = names = deepest = depth = 0;
  inString = escaped = false;
}

/** Goes on over the first `length` bytes of the block. */
export function measure(length: usize): void {
  const end = block + length;
  let p = block;
  // Where the string began that was read last, as far as it is in this block.
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
    } else if (byte === COMMA) values++;
    else if (byte === COLON) {
      if (close - begin > INTERNALIZED_BYTES_MAX) see(begin, close - begin);
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      // A container has a value more than commas, unless it is empty.
      values++;
      parts++;
      if (++depth > deepest) deepest = depth;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
  }
}

/** Counts a name, or a short string, unless it was seen before. */
function see(p: usize, length: usize): void {
  const bit = <usize>(hash(p, length) >> (64 - HASH_BITS));
  const at = seen + (bit >> 3);
  const mask: u8 = 1 << (<u8>(bit & 7));
  const byte = load<u8>(at);
  if ((byte & mask) !== 0) return;
  store<u8>(at, byte | mask);
  names++;
}
