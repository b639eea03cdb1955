/**
 * Skips a record that is too long to hold in memory or nested too deeply. Goes from block to block, and follows only strings
 * and nesting.
 */

import { BACKSLASH, QUOTE } from './strings';
import { CLOSE_BRACE, CLOSE_BRACKET, COMMA, OPEN_BRACE, OPEN_BRACKET } from './values';

const LINE_FEED: u8 = 0x0a;
const SPACE: u8 = 0x20;

let depth: i32 = 0;
let inString: bool = false;
let escaped: bool = false;

/**
 * Skips the bytes from `from` to `to`.
 *
 * @param begins true for a record's first bytes
 * @param isLine true for JSON lines
 * @returns the byte after the record; 0 if the record continues
 */
export function passOver(from: usize, to: usize, begins: bool, isLine: bool): usize {
  if (begins) {
    depth = 0;
    inString = false;
    escaped = false;
  }
  for (let p = from; p < to; p++) {
    const byte = load<u8>(p);
    if (isLine) {
      if (byte === LINE_FEED) return p;
      continue;
    }
    if (inString) {
      if (escaped) escaped = false;
      else if (byte === BACKSLASH) escaped = true;
      else if (byte === QUOTE) {
        inString = false;
        if (depth === 0) return p + 1;
      }
    } else if (byte === QUOTE) inString = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (depth > 0) {
      if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) return p + 1;
    } else if (byte === COMMA || byte === CLOSE_BRACKET || byte <= SPACE) return p;
  }
  return 0;
}
