/** UTF-8, as the Encoding Standard decodes it (https://encoding.spec.whatwg.org/#utf-8-decoder). */

/** Writes a code point, or a surrogate as if it were one. Returns the address after it. */
export function encode(code: u32, out: usize): usize {
  if (code < 0x80) {
    store<u8>(out, code);
    return out + 1;
  }
  if (code < 0x800) {
    store<u8>(out, 0xc0 | (code >> 6));
    store<u8>(out, 0x80 | (code & 0x3f), 1);
    return out + 2;
  }
  if (code < 0x10000) {
    store<u8>(out, 0xe0 | (code >> 12));
    store<u8>(out, 0x80 | ((code >> 6) & 0x3f), 1);
    store<u8>(out, 0x80 | (code & 0x3f), 2);
    return out + 3;
  }
  store<u8>(out, 0xf0 | (code >> 18));
  store<u8>(out, 0x80 | ((code >> 12) & 0x3f), 1);
  store<u8>(out, 0x80 | ((code >> 6) & 0x3f), 2);
  store<u8>(out, 0x80 | (code & 0x3f), 3);
  return out + 4;
}

/**
 * True if the bytes from `p` to `end` are valid UTF-8.
 *
 * Checks sixteen bytes at a time. Three nibbles decide whether a byte is valid: both of the byte before it, and its own upper
 * nibble. For each of them a table has the errors that are possible with it; an error found in all three has occurred.
 * (Keiser and Lemire, "Validating UTF-8 in less than one instruction per byte", 2021.)
 */
export function isUtf8(p: usize, end: usize): bool {
  let before = i8x16.splat(0);
  let errors = i8x16.splat(0);
  for (; p < end; p += 16) {
    let bytes = v128.load(p);
    // Bytes after the end count as zeros, which make an incomplete sequence an error.
    if (p + 16 > end) bytes = v128.and(bytes, v128.load(keep + 16 - (end - p)));
    if (i8x16.bitmask(v128.or(bytes, before)) !== 0) {
      // The bytes one, two and three positions before each byte.
      const one = i8x16.shuffle(
        before,
        bytes,
        15,
        16,
        17,
        18,
        19,
        20,
        21,
        22,
        23,
        24,
        25,
        26,
        27,
        28,
        29,
        30,
      );
      const two = i8x16.shuffle(
        before,
        bytes,
        14,
        15,
        16,
        17,
        18,
        19,
        20,
        21,
        22,
        23,
        24,
        25,
        26,
        27,
        28,
        29,
      );
      const three = i8x16.shuffle(
        before,
        bytes,
        13,
        14,
        15,
        16,
        17,
        18,
        19,
        20,
        21,
        22,
        23,
        24,
        25,
        26,
        27,
        28,
      );
      const low = i8x16.splat(0x0f);
      const special = v128.and(
        v128.and(
          i8x16.swizzle(BY_FIRST_UPPER, i8x16.shr_u(one, 4)),
          i8x16.swizzle(BY_FIRST_LOWER, v128.and(one, low)),
        ),
        i8x16.swizzle(BY_SECOND_UPPER, i8x16.shr_u(bytes, 4)),
      );
      // Third and fourth bytes must be the second of two continuation bytes, and no other byte may be.
      const third = i8x16.sub_sat_u(two, i8x16.splat(0x60));
      const fourth = i8x16.sub_sat_u(three, i8x16.splat(0x70));
      const follows = v128.and(v128.or(third, fourth), i8x16.splat(<i8>0x80));
      errors = v128.or(errors, v128.xor(follows, special));
    }
    before = bytes;
  }
  // A text that fills its last block may end within a character.
  const incomplete = i8x16.gt_u(before, LAST_MAX);
  return !v128.any_true(v128.or(errors, incomplete));
}

// The possible errors in two adjacent bytes.
const TOO_SHORT: i8 = 1 << 0; // a lead byte without a continuation byte
const TOO_LONG: i8 = 1 << 1; // ASCII with a continuation byte
const OVERLONG_3: i8 = 1 << 2;
const TOO_LARGE: i8 = 1 << 3; // above U+10FFFF
const SURROGATE: i8 = 1 << 4;
const OVERLONG_2: i8 = 1 << 5;
const TOO_LARGE_1000: i8 = 1 << 6;
const OVERLONG_4: i8 = 1 << 6;
const TWO_FOLLOW: i8 = -128; // two continuation bytes: valid only if the latter is the third or fourth byte
const CARRY: i8 = TOO_SHORT | TOO_LONG | TWO_FOLLOW;

const BY_FIRST_UPPER = i8x16(
  TOO_LONG,
  TOO_LONG,
  TOO_LONG,
  TOO_LONG,
  TOO_LONG,
  TOO_LONG,
  TOO_LONG,
  TOO_LONG,
  TWO_FOLLOW,
  TWO_FOLLOW,
  TWO_FOLLOW,
  TWO_FOLLOW,
  TOO_SHORT | OVERLONG_2,
  TOO_SHORT,
  TOO_SHORT | OVERLONG_3 | SURROGATE,
  TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4,
);
const BY_FIRST_LOWER = i8x16(
  CARRY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4,
  CARRY | OVERLONG_2,
  CARRY,
  CARRY,
  CARRY | TOO_LARGE,
  CARRY | TOO_LARGE | TOO_LARGE_1000,
  CARRY | TOO_LARGE | TOO_LARGE_1000,
  CARRY | TOO_LARGE | TOO_LARGE_1000,
  CARRY | TOO_LARGE | TOO_LARGE_1000,
  CARRY | TOO_LARGE | TOO_LARGE_1000,
  CARRY | TOO_LARGE | TOO_LARGE_1000,
  CARRY | TOO_LARGE | TOO_LARGE_1000,
  CARRY | TOO_LARGE | TOO_LARGE_1000,
  CARRY | TOO_LARGE | TOO_LARGE_1000 | SURROGATE,
  CARRY | TOO_LARGE | TOO_LARGE_1000,
  CARRY | TOO_LARGE | TOO_LARGE_1000,
);
const BY_SECOND_UPPER = i8x16(
  TOO_SHORT,
  TOO_SHORT,
  TOO_SHORT,
  TOO_SHORT,
  TOO_SHORT,
  TOO_SHORT,
  TOO_SHORT,
  TOO_SHORT,
  TOO_LONG | OVERLONG_2 | TWO_FOLLOW | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4,
  TOO_LONG | OVERLONG_2 | TWO_FOLLOW | OVERLONG_3 | TOO_LARGE,
  TOO_LONG | OVERLONG_2 | TWO_FOLLOW | SURROGATE | TOO_LARGE,
  TOO_LONG | OVERLONG_2 | TWO_FOLLOW | SURROGATE | TOO_LARGE,
  TOO_SHORT,
  TOO_SHORT,
  TOO_SHORT,
  TOO_SHORT,
);
/** The maximum values of the last three bytes of a text. */
const LAST_MAX = i8x16(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, <i8>0xef, <i8>0xdf, <i8>0xbf);
/** Loaded at 16 - n, a mask that keeps the first n bytes of a block. */
const keep = memory.data(32);
memory.fill(keep, 0xff, 16);

/** Copies the bytes from `p` to `end`, with U+FFFD in place of invalid UTF-8. Returns the address after the copy. */
export function repair(p: usize, end: usize, out: usize): usize {
  while (p < end) {
    const length = sequence(p, end);
    if (length < 0) {
      out = encode(0xfffd, out);
      p -= length;
      continue;
    }
    for (let i = 0; i < length; i++) store<u8>(out++, load<u8>(p++));
  }
  return out;
}

/**
 * The length of the sequence at `p`. If it is invalid, minus the number of bytes that one U+FFFD replaces: the beginning of a
 * valid sequence, or one byte.
 */
function sequence(p: usize, end: usize): i32 {
  const lead = load<u8>(p);
  if (lead < 0x80) return 1;
  let length = 0;
  // The limits of the second byte exclude overlong encodings, surrogates, and code points above U+10FFFF.
  let lowest: u8 = 0x80;
  let highest: u8 = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) length = 2;
  else if (lead >= 0xe0 && lead <= 0xef) {
    length = 3;
    if (lead === 0xe0) lowest = 0xa0;
    if (lead === 0xed) highest = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    length = 4;
    if (lead === 0xf0) lowest = 0x90;
    if (lead === 0xf4) highest = 0x8f;
  } else return -1;
  for (let i = 1; i < length; i++) {
    const byte = p + i < end ? load<u8>(p + i) : 0;
    if (byte < lowest || byte > highest) return -i;
    lowest = 0x80;
    highest = 0xbf;
  }
  return length;
}
