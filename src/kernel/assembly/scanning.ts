/**
 * Scans raw bytes of the dataset for places where a term may be, so that nothing else has to be read as JSON. The anchor is a part of a term
 * without special characters. It is in the file as it is, unless one of its characters is escaped, or is written as another that folds to
 * it. So the scan stops at the anchor, at an escape of a character that matters, and at a character beyond ASCII that matters.
 */

import { codePointAt } from './folding';
import { BACKSLASH, hexAt, LETTER_U } from './strings';

/** The longest anchor. */
const ANCHOR_MAX: usize = 256;
const anchor = memory.data(256, 16);
/** For each byte of the anchor, the bit that makes a capital letter a small one, if case doesn't matter. */
const bits = memory.data(256, 16);
/** A bit for each code point of the basic plane that matters. */
const mattering = memory.data(8192, 16);

let anchorLength: usize = 0;
/** The two bytes of the anchor that are compared first. */
let rare: usize = 0;
let rarer: usize = 0;
let hasOthers: bool = false;

export function anchorAt(): usize {
  return anchor;
}
export function anchorBitsAt(): usize {
  return bits;
}
export function matteringAt(): usize {
  return mattering;
}

/**
 * Takes the anchor that was written.
 *
 * @param one the places of its rarest bytes
 * @param others true if characters beyond ASCII matter that aren't in the anchor
 */
export function takeAnchor(length: usize, one: usize, two: usize, others: bool): void {
  anchorLength = min(length, ANCHOR_MAX);
  rare = one;
  rarer = two;
  hasOthers = others;
}

/** The first place between two addresses where the term may be, or next to it; 0 if nowhere. */
export function scan(from: usize, to: usize): usize {
  const rareByte = i8x16.splat(load<u8>(anchor + rare));
  const rareBits = i8x16.splat(load<u8>(bits + rare));
  const rarerByte = i8x16.splat(load<u8>(anchor + rarer));
  const rarerBits = i8x16.splat(load<u8>(bits + rarer));
  for (let p = from; p < to; p += 16) {
    const bytes = v128.load(p);
    const anchors = v128.and(
      i8x16.eq(v128.or(v128.load(p + rare), rareBits), rareByte),
      i8x16.eq(v128.or(v128.load(p + rarer), rarerBits), rarerByte),
    );
    const escapes = v128.and(
      i8x16.eq(bytes, i8x16.splat(BACKSLASH)),
      i8x16.eq(v128.load(p, 1), i8x16.splat(LETTER_U)),
    );
    if (v128.any_true(v128.or(anchors, escapes))) {
      for (let found = i8x16.bitmask(anchors); found !== 0; found &= found - 1) {
        if (isAnchor(p + ctz(found), to)) return p + ctz(found);
      }
      for (let found = i8x16.bitmask(escapes); found !== 0; found &= found - 1) {
        const code = hexAt(p + ctz(found) + 2);
        if (code >= 0 && matters(code)) return p + ctz(found);
      }
    }
    if (hasOthers && i8x16.bitmask(bytes) !== 0) {
      const other = otherIn(p, bytes);
      if (other !== 0) return other;
    }
  }
  return 0;
}

function isAnchor(p: usize, to: usize): bool {
  if (p + anchorLength > to) return false;
  for (let i: usize = 0; i < anchorLength; i++) {
    if ((load<u8>(p + i) | load<u8>(bits + i)) !== load<u8>(anchor + i)) return false;
  }
  return true;
}

/** The first character beyond ASCII that matters among those that begin in sixteen bytes; 0 if nowhere. */
function otherIn(p: usize, bytes: v128): usize {
  const leads = i8x16.bitmask(i8x16.ge_u(bytes, i8x16.splat(<i8>0xc2)));
  for (let rest = leads; rest !== 0; rest &= rest - 1) {
    const at = p + ctz(rest);
    const first = load<u8>(at);
    if (first < 0xf0 && matters(codePointAt(at, first < 0xe0 ? 2 : 3))) return at;
  }
  return 0;
}

function matters(code: u32): bool {
  return ((load<u8>(mattering + (<usize>code >> 3)) >> <u8>(code & 7)) & 1) !== 0;
}
