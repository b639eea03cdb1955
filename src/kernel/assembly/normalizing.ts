/**
 * Normalizes white space: every run of it becomes one space, and at the ends of a text it is removed. White space is JavaScript's
 * `\s`: six ASCII characters and nineteen others. Texts are read and written as `JSON.stringify` spells them (see strings.ts), so
 * a line feed is two bytes. Sixteen bytes in which nothing changes are copied at once.
 */

import { addToHash, beginHash, endHash, HASHING_BYTES, hash, hashedBytes } from './hash';
import { normalized } from './memory';
import { BACKSLASH } from './strings';
import { isWholeWanted } from './wanted';

const SPACE: u8 = 0x20;
/** `\u000b`, the vertical tab. */
const VERTICAL_TAB: u64 = 0x62303030755c;
const SIX_BYTES: u64 = 0xffffffffffff;

/** How many bytes of a normalized text are hashed at its beginning, and at its end. */
const HEAD_BYTES: usize = 64;
const TAIL_BYTES: usize = 64;
/** Letters and digits that are hashed of a text's beginning: as many as `BEGINNING_LETTERS` in core/keys.ts. */
const BEGINNING_LETTERS: usize = 20;
/** Bits of the lower half that don't come from the first letters: as many as `END_BITS` in core/keys.ts. */
const END_BITS: u64 = 12;
const END_MASK: u64 = (1 << END_BITS) - 1;
/** The tail of a text may begin within a character. Then at most this many bytes of the output are wrong. */
const SEAM_BYTES: usize = 16;

/**
 * The key of a text with its white space normalized.
 *
 *     | 32 bits of both hashes | 20 of the first letters' | 12 of both hashes |
 *
 * One hash is that of the head, the other that of the whole normalized text, or of its end. The first letters have a hash of their own,
 * which ignores case, space and punctuation. An index keeps the lower half, and eight bits of the upper half. Sorted by the lower half,
 * texts that begin with the same letters are neighbours.
 */
export function normalizedKey(p: usize, length: usize): u64 {
  const head = hashHead(p, length);
  return mixed(head, hashAll(p, length));
}

/** The key with the hash of the end instead of the whole text: normalizing a whole text takes three times as long as hashing it. */
export function endsKey(p: usize, length: usize): u64 {
  const head = hashHead(p, length);
  return mixed(head, hashTail(p, length));
}

/**
 * The key that an index keeps. For most texts it is `endsKey`, which distinguishes them well enough. Texts made from a template have the
 * same beginning and end: if a beginning has occurred often, it is `normalizedKey`. With `isWholeWanted` it always is.
 */
export function indexKey(p: usize, length: usize): u64 {
  const head = hashHead(p, length);
  const isWhole = length > HEAD_BYTES + TAIL_BYTES && (isWholeWanted || isOften(head));
  return mixed(head, isWhole ? hashAll(p, length) : hashTail(p, length));
}

/**
 * How often each beginning has occurred, by this many bits of its hash: two bits for each, so that the processor's caches keep them.
 * All counts are lowered by one after `LOWERED_AFTER` texts.
 */
const COUNT_BITS: u64 = 18;
const COUNT_BYTES: usize = 1 << 16;
const COUNT_MAX: u8 = 3;
const LOWERED_AFTER: u32 = 1 << 15;
/** For about three texts in a thousand, hash collisions alone bring the count up to this. */
const OFTEN: u8 = 2;
const counts = memory.data(65_536, 16);
let counted: u32 = 0;

/** Counts a beginning; true if it has occurred often before. */
function isOften(head: u64): bool {
  const place = <usize>(head >> (64 - COUNT_BITS));
  const at = counts + (place >> 2);
  const bit = <u8>((place & 3) << 1);
  const four = load<u8>(at);
  const count = (four >> bit) & COUNT_MAX;
  if (count < COUNT_MAX) store<u8>(at, four + (1 << bit));
  if (++counted === LOWERED_AFTER) {
    counted = 0;
    for (let i: usize = 0; i < COUNT_BYTES; i += 16) v128.store(counts + i, lowered(v128.load(counts + i)));
  }
  return count >= OFTEN;
}

/** Counts of two bits, each lowered by one if it isn't 0. */
function lowered(bits: v128): v128 {
  const low = v128.and(bits, i8x16.splat(0x55));
  const high = v128.and(i8x16.shr_u(bits, 1), i8x16.splat(0x55));
  return v128.or(i8x16.shl(v128.and(high, low), 1), v128.andnot(high, low));
}

/** The hash of the first letters of the text whose head was hashed last. */
let beginning: u64 = 0;
const letters = memory.data(64, 16);
/** A head with its ASCII letters in lower case. */
const lowerCase = memory.data(96, 16);

/** The hash of a text's head. Sets `beginning`. */
function hashHead(p: usize, length: usize): u64 {
  const left = min(HEAD_BYTES, normalize(p, p + length, HEAD_BYTES));
  beginning = hashLetters(normalized, left);
  return hash(normalized, left);
}

/**
 * The hash of the first letters and digits of a head, ASCII letters in lower case. Every other byte that isn't ASCII counts as a letter,
 * except U+2000 to U+203F, typographic quotes and dashes.
 */
function hashLetters(p: usize, length: usize): u64 {
  let found: u64 = 0;
  let dashes: u64 = 0;
  for (let at: usize = 0; at < HEAD_BYTES; at += 16) {
    const bytes = v128.load(p + at);
    const lower = v128.or(bytes, i8x16.splat(0x20));
    const isLetter = i8x16.lt_u(i8x16.sub(lower, i8x16.splat(0x61)), i8x16.splat(26));
    const isDigit = i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(0x30)), i8x16.splat(10));
    v128.store(lowerCase + at, v128.bitselect(lower, bytes, isLetter));
    const others = v128.or(isDigit, i8x16.lt_s(bytes, i8x16.splat(0)));
    found |= (<u64>i8x16.bitmask(v128.or(isLetter, others))) << at;
    const leads = i8x16.eq(bytes, i8x16.splat(<i8>0xe2));
    dashes |=
      (<u64>i8x16.bitmask(v128.and(leads, i8x16.eq(v128.load(p + at, 1), i8x16.splat(<i8>0x80))))) << at;
  }
  const all: u64 = length < HEAD_BYTES ? ((<u64>1) << length) - 1 : u64.MAX_VALUE;
  // The second byte must be in the head, too.
  dashes &= all >> 1;
  found &= all & ~(dashes | (dashes << 1) | (dashes << 2));
  let out = letters;
  // From one stretch of letters to the next.
  let from = lowerCase;
  while (found !== 0 && out < letters + BEGINNING_LETTERS) {
    const skipped = ctz(found);
    found >>= skipped;
    from += <usize>skipped;
    const stretch = ctz(~found);
    v128.store(out, v128.load(from));
    v128.store(out, v128.load(from, 16), 16);
    out += <usize>stretch;
    from += <usize>stretch;
    // Twice, since a shift by all 64 bits would be none.
    found = (found >> 1) >> (stretch - 1);
  }
  return hash(letters, min(BEGINNING_LETTERS, out - letters));
}

/** The hash of the whole normalized text. If its head and end cover it, the hash of its end, so that such a text has only one key. */
function hashAll(p: usize, length: usize): u64 {
  const left = normalize(p, p + length, length);
  const hashed = left > HEAD_BYTES + TAIL_BYTES ? left : min(TAIL_BYTES, left);
  return hash(normalized + left - hashed, hashed);
}

function hashTail(p: usize, length: usize): u64 {
  let window = TAIL_BYTES + 2 * SEAM_BYTES;
  while (true) {
    let from = length > window ? p + length - window : p;
    // Don't cut between a backslash and the byte that it escapes.
    while (from > p && load<u8>(from - 1) === BACKSLASH) from--;
    const left = normalize(from, p + length, window);
    if (from === p || left >= TAIL_BYTES + SEAM_BYTES) {
      const length = min(TAIL_BYTES, left);
      return hash(normalized + left - length, length);
    }
    window *= 4;
  }
}

/** The key from both hashes and `beginning`. */
function mixed(head: u64, other: u64): u64 {
  const both = rotl<u64>(head, 1) ^ other;
  const upper = both & 0xffffffff00000000;
  return upper | <u64>(<u32>(beginning << END_BITS)) | ((both ^ (both >> 20)) & END_MASK);
}

/** The size of the state of the keys of a text that comes in slices. No slice ends within a character. */
export const KEYING_BYTES: usize = 2 * HASHING_BYTES + HEAD_BYTES + TAIL_BYTES + 8;
/** The state of the text that a slice is added to. */
export const keying: usize = memory.data(288, 16);
/** The hashes of the unchanged and of the normalized text; the beginning and the end of the latter; and how the last slice ended. */
const whole = keying;
const wholeNormalized = whole + HASHING_BYTES;
const head = wholeNormalized + HASHING_BYTES;
const tail = head + HEAD_BYTES;
const ending = tail + TAIL_BYTES;

/** Begins the keys of a text. */
export function beginSlices(): void {
  beginHash(whole);
  beginHash(wholeNormalized);
  store<u8>(ending, 1);
  store<u8>(ending, 0, 1);
}

/** Adds a slice of the text. */
export function addSlice(p: usize, length: usize): void {
  addToHash(whole, p, length);
  const left = normalize(p, p + length, length, load<u8>(ending));
  if (left > 0) {
    // A space is written once it is known not to end the text.
    if (load<u8>(ending, 1) !== 0) addNormalized(space, 1);
    addNormalized(normalized, left);
    store<u8>(ending, <u8>endsInSpace, 1);
  } else if (endsInSpace) store<u8>(ending, 1, 1);
  store<u8>(ending, <u8>isAfterSpace);
}

const space = memory.data<u8>([SPACE]);

function addNormalized(p: usize, length: usize): void {
  const before = hashedBytes(wholeNormalized);
  if (before < HEAD_BYTES) memory.copy(head + before, p, min(length, HEAD_BYTES - before));
  const kept = length < TAIL_BYTES ? min(before, TAIL_BYTES - length) : 0;
  const added = min(length, TAIL_BYTES);
  memory.copy(tail, tail + min(before, TAIL_BYTES) - kept, kept);
  memory.copy(tail + kept, p + length - added, added);
  addToHash(wholeNormalized, p, length);
}

/** Writes the keys of a text whose slices were added, as `writeKeys` does. */
export function writeKeysOfSlices(to: usize): void {
  const left = hashedBytes(wholeNormalized);
  beginning = hashLetters(head, min(HEAD_BYTES, left));
  const start = hash(head, min(HEAD_BYTES, left));
  const end = hash(tail, min(TAIL_BYTES, left));
  store<u64>(to, endHash(whole));
  store<u64>(to, mixed(start, left > HEAD_BYTES + TAIL_BYTES ? endHash(wholeNormalized) : end), 8);
  store<u64>(to, mixed(start, end), 16);
  store<u64>(to, firstBytes(head, left), 24);
  store<u32>(to, <u32>hashedBytes(whole), 32);
}

/** Writes the key of a text, its normalized key, the key of its ends, its normalized head and its length. */
export function writeKeys(to: usize, p: usize, length: usize): void {
  store<u64>(to, hash(p, length));
  store<u64>(to, normalizedKey(p, length), 8);
  store<u64>(to, endsKey(p, length), 16);
  store<u64>(to, normalizedHead(p, length), 24);
  store<u32>(to, <u32>length, 32);
}

/** The first bytes of the normalized text, at most eight. They are equal for texts whose normalized keys are equal. */
export function normalizedHead(p: usize, length: usize): u64 {
  return firstBytes(normalized, normalize(p, p + length, 8));
}

function firstBytes(p: usize, length: usize): u64 {
  const bytes = load<u64>(p);
  return length >= 8 ? bytes : bytes & (((<u64>1) << (length * 8)) - 1);
}

/** True if all texts that begin with these bytes have the same normalized head. */
export function hasNormalizedHead(p: usize, length: usize): bool {
  return normalize(p, p + length, 8) > 8;
}

/** How the last normalized bytes ended: with white space; with a space that was written but isn't counted. */
let isAfterSpace: bool = true;
let endsInSpace: bool = false;

/**
 * Normalizes the bytes from `from` to `end` into the region `normalized`, until `enough` bytes are written, or a few more.
 *
 * @param after 1 if white space comes before `from`, else 0; 1 at the beginning of a text, so that it is trimmed
 * @returns how many bytes were written
 */
export function normalize(from: usize, end: usize, enough: usize, after: i32 = 1): usize {
  const to = normalized;
  let p = from;
  let out = to;
  // One byte more than needed: the last may be a trailing space, which is dropped.
  while (p < end && out <= to + enough) {
    const bytes = v128.load(p);
    const escapes = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(BACKSLASH)));
    const spaces = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(SPACE)));
    const hasRun = (spaces & ((spaces << 1) | after)) !== 0;
    const isAscii = i8x16.bitmask(bytes) === 0;
    v128.store(out, bytes);
    if (escapes === 0 && !hasRun && p + 16 <= end && (isAscii || !hasWide(bytes, p, end))) {
      p += 16;
      out += 16;
      after = spaces >> 15;
      continue;
    }
    const count = <i32>min<usize>(escapes === 0 ? 16 : ctz(escapes), end - p);
    if (count > 0) {
      const counted = spaces & ((1 << count) - 1);
      if ((counted & ((counted << 1) | after)) === 0 && (isAscii || !hasWide(bytes, p, end))) {
        p += count;
        out += count;
        after = counted >> (count - 1);
        continue;
      }
      const stop = p + count;
      while (p < stop) {
        const byte = load<u8>(p);
        const width = byte < 0x80 ? <usize>(byte === SPACE) : wide(p, end);
        if (width === 0) {
          store<u8>(out++, byte);
          p++;
          after = 0;
        } else {
          if (!after) store<u8>(out++, SPACE);
          p += width;
          after = 1;
        }
      }
      continue;
    }
    const width = blankEscape(p);
    if (width === 0) {
      store<u16>(out, load<u16>(p));
      p += 2;
      out += 2;
      after = 0;
    } else {
      if (!after) store<u8>(out++, SPACE);
      p += width;
      after = 1;
    }
  }
  isAfterSpace = after !== 0;
  // A space at the end is the rest of trailing white space.
  endsInSpace = isAfterSpace && out > to;
  return out - to - <usize>endsInSpace;
}

/** Skips white space up to `end`. */
export function skipSpace(p: usize, end: usize): usize {
  while (p < end) {
    const byte = load<u8>(p);
    let width: usize = byte === SPACE ? 1 : 0;
    if (byte === BACKSLASH) width = blankEscape(p);
    else if (byte >= 0x80) width = wide(p, end);
    if (width === 0) break;
    p += width;
  }
  return p;
}

/** The length of the escape at `p` if it is that of white space, else 0. */
function blankEscape(p: usize): usize {
  switch (load<u8>(p, 1)) {
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
    case 0x66: // f
      return 2;
    case 0x75: // u
      return (load<u64>(p) & SIX_BYTES) === VERTICAL_TAB ? 6 : 0;
    default:
      return 0;
  }
}

/** True if one of sixteen bytes begins a white space character that isn't ASCII. */
function hasWide(bytes: v128, p: usize, end: usize): bool {
  const second = v128.load(p, 1);
  const third = v128.load(p, 2);
  const second80 = i8x16.eq(second, i8x16.splat(<i8>0x80));
  const third80 = i8x16.eq(third, i8x16.splat(<i8>0x80));
  // U+2000 to U+200F, U+2028 to U+202F, U+205F, and a few characters that aren't white space: `wide` rejects those below.
  const general = v128.and(
    i8x16.eq(bytes, i8x16.splat(<i8>0xe2)),
    v128.or(
      v128.and(second80, i8x16.le_u(third, i8x16.splat(<i8>0xaf))),
      i8x16.eq(second, i8x16.splat(<i8>0x81)),
    ),
  );
  const ideographic = v128.and(i8x16.eq(bytes, i8x16.splat(<i8>0xe3)), v128.and(second80, third80));
  const noBreak = v128.and(i8x16.eq(bytes, i8x16.splat(<i8>0xc2)), i8x16.eq(second, i8x16.splat(<i8>0xa0)));
  const rare = v128.or(
    v128.and(i8x16.eq(bytes, i8x16.splat(<i8>0xe1)), i8x16.eq(second, i8x16.splat(<i8>0x9a))),
    v128.and(i8x16.eq(bytes, i8x16.splat(<i8>0xef)), i8x16.eq(second, i8x16.splat(<i8>0xbb))),
  );
  let mask = i8x16.bitmask(v128.or(v128.or(general, ideographic), v128.or(noBreak, rare)));
  for (; mask !== 0; mask &= mask - 1) {
    if (wide(p + ctz(mask), end) !== 0) return true;
  }
  return false;
}

/** The length of the white space character at `p` that isn't ASCII, or 0. */
function wide(p: usize, end: usize): usize {
  const lead = load<u8>(p);
  if (lead === 0xc2) return p + 2 <= end && load<u8>(p, 1) === 0xa0 ? 2 : 0;
  if (p + 3 > end) return 0;
  const code = ((<u32>load<u8>(p, 1)) << 8) | load<u8>(p, 2);
  switch (lead) {
    case 0xe1:
      return code === 0x9a80 ? 3 : 0; // U+1680
    case 0xe2: // U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F
      return (code >= 0x8080 && code <= 0x808a) ||
        code === 0x80a8 ||
        code === 0x80a9 ||
        code === 0x80af ||
        code === 0x819f
        ? 3
        : 0;
    case 0xe3:
      return code === 0x8080 ? 3 : 0; // U+3000
    case 0xef:
      return code === 0xbbbf ? 3 : 0; // U+FEFF
    default:
      return 0;
  }
}
