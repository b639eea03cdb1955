/**
 * A byte in the middle of a JSON file doesn't show whether it is inside a string. So the bytes are read under both
 * hypotheses at once: under one of them a byte is inside a string, under the other it is outside, and a quote swaps
 * the two. A hypothesis is refuted by a byte outside strings that JSON doesn't allow there. This happens soon to the
 * wrong hypothesis, since it treats text as structure.
 *
 *     … y", "value": "a [b] {c" }, { "id": …
 *     outside:        ^ string  ^ text          (a letter outside strings: refuted)
 *     inside:  ^ text ^ string  ^ text
 *
 * The two hypotheses are an idea of Pison (Jiang et al., VLDB 2021), which uses them for structural indexes.
 */

import { BACKSLASH, brokeAt, findEnd, QUOTE } from './strings';

/** What a byte may be: structure is outside strings, text is inside. */
const STRUCTURE: u8 = 1;
const TEXT: u8 = 2;
const OPENS: u8 = 4;
const CLOSES: u8 = 8;
const kinds = memory.data(256);

/**
 * Under each hypothesis: the nesting relative to the start, its minimum, and where the first container opens at that minimum. In `] }, { [`
 * the nesting is -1 after `]` and -2 after `}`, the minimum. The first container that opens there is `{`: a record may begin at it.
 */
const NESTING_BYTES: usize = 12;
const nestings = memory.data(24, 4);

/** Where a record may begin under a hypothesis, 0 for "begins outside a string" and 1 for "begins inside"; 0 if nowhere. */
export function surveyedStart(hypothesis: usize): usize {
  return load<u32>(nestings + hypothesis * NESTING_BYTES, 8);
}

/**
 * Reads `length` bytes at `from`. A backslash must not precede them. Overwrites the bytes that follow them.
 *
 * @returns a bit for each hypothesis that was not refuted: 1 for "begins outside a string", 2 for "begins inside"
 */
export function survey(from: usize, length: usize): i32 {
  if (load<u8>(kinds) === 0) classify();
  memory.fill(nestings, 0, 2 * NESTING_BYTES);
  const end = from + length;
  /** The hypothesis under which the byte at `p` is outside a string. */
  let outside: usize = 0;
  let refuted = 0;
  let p = from;
  for (; p < end && refuted === 0; p++) {
    const byte = load<u8>(p);
    const kind = load<u8>(kinds + byte);
    if ((kind & STRUCTURE) === 0) refuted |= 1 << (<i32>outside);
    if ((kind & TEXT) === 0) refuted |= 2 >> <i32>outside;
    if (byte === QUOTE) outside = 1 - outside;
    else if (byte === BACKSLASH) p++;
    else if (kind & OPENS) open(nestings + outside * NESTING_BYTES, p);
    else if (kind & CLOSES) close(nestings + outside * NESTING_BYTES);
  }
  if (refuted === 1 || refuted === 2) {
    const left: usize = refuted === 1 ? 1 : 0;
    if (!follow(p, end, nestings + left * NESTING_BYTES, left !== outside)) refuted = 3;
  }
  return ~refuted & 3;
}

/** Continues with the remaining hypothesis; returns false if it is refuted, too. Strings can be skipped now. */
function follow(p: usize, end: usize, nesting: usize, isInString: bool): bool {
  for (let i: usize = 0; i < 32; i += 16) v128.store(end + i, i8x16.splat(QUOTE));
  while (p < end) {
    const byte = load<u8>(p);
    if (isInString || byte === QUOTE) {
      p = findEnd(isInString ? p : p + 1, end);
      if (p === 0) return brokeAt >= end;
      isInString = false;
    } else {
      const kind = load<u8>(kinds + byte);
      if ((kind & STRUCTURE) === 0) return false;
      if (kind & OPENS) open(nesting, p);
      else if (kind & CLOSES) close(nesting);
    }
    p++;
  }
  return true;
}

function open(nesting: usize, p: usize): void {
  const depth = load<i32>(nesting);
  if (depth === load<i32>(nesting, 4) && load<u32>(nesting, 8) === 0) store<u32>(nesting, p, 8);
  store<i32>(nesting, depth + 1);
}

function close(nesting: usize): void {
  const depth = load<i32>(nesting) - 1;
  store<i32>(nesting, depth);
  if (depth >= load<i32>(nesting, 4)) return;
  store<i32>(nesting, depth, 4);
  store<u32>(nesting, 0, 8);
}

function classify(): void {
  for (let byte = 0x20; byte < 256; byte++) store<u8>(kinds + byte, TEXT);
  const structure = '{}[]:,"+-.0123456789eEtrufalsnNIiy ';
  for (let i = 0; i < structure.length; i++) mark(<u8>structure.charCodeAt(i), STRUCTURE);
  store<u8>(kinds + 0x09, STRUCTURE);
  store<u8>(kinds + 0x0a, STRUCTURE);
  store<u8>(kinds + 0x0d, STRUCTURE);
  mark(0x7b, OPENS);
  mark(0x5b, OPENS);
  mark(0x7d, CLOSES);
  mark(0x5d, CLOSES);
  // Marks the table as filled.
  store<u8>(kinds, 16);
}

function mark(byte: u8, bit: u8): void {
  store<u8>(kinds + byte, load<u8>(kinds + byte) | bit);
}
