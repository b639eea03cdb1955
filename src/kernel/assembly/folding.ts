/**
 * Case folding, for comparisons that ignore case. JavaScript supplies what each character beyond ASCII folds to: see core/folding.ts. A text
 * is folded as `JSON.stringify` spells it: its escapes stay, since their letters are small.
 */

/** The code points that may fold to something else: no higher one has a case. */
const CODE_POINTS: u32 = 0x20000;
/** For each code point the number of its entry in `folds`, 0 if it folds to itself. */
const numbers = memory.data(262_144, 16);
/** What characters fold to: the number of bytes, then their UTF-8. The first entry isn't used. */
const folds = memory.data(32_768, 16);
const FOLD_SHIFT: usize = 4;

export function foldNumbersAt(): usize {
  return numbers;
}
export function foldsAt(): usize {
  return folds;
}

/**
 * Writes the folded text. It may write up to sixteen bytes past its end; it is at most three times as long as the text.
 *
 * @param p the text, as it is spelled
 * @returns the end of what was written
 */
export function foldText(p: usize, end: usize, out: usize): usize {
  while (p < end) {
    const bytes = v128.load(p);
    const fromA = i8x16.sub(bytes, i8x16.splat(0x41));
    const isUpper = i8x16.lt_u(fromA, i8x16.splat(26));
    v128.store(out, v128.or(bytes, v128.and(isUpper, i8x16.splat(0x20))));
    const others = i8x16.bitmask(bytes);
    if (others === 0) {
      p += 16;
      out += 16;
      continue;
    }
    p += ctz(others);
    out += ctz(others);
    while (p < end && load<u8>(p) >= 0x80) {
      const first = load<u8>(p);
      const length: usize = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
      const code = codePointAt(p, length);
      const number = code < CODE_POINTS ? load<u16>(numbers + ((<usize>code) << 1)) : 0;
      if (number === 0) {
        store<u32>(out, load<u32>(p));
        out += length;
      } else {
        const fold = folds + ((<usize>number) << FOLD_SHIFT);
        v128.store(out, v128.load(fold, 1));
        out += load<u8>(fold);
      }
      p += length;
    }
  }
  // The last sixteen bytes may have gone beyond the end.
  return out - (p - end);
}

/** The code point of a character beyond ASCII, from its valid UTF-8. */
export function codePointAt(p: usize, length: usize): u32 {
  const first: u32 = load<u8>(p);
  const second: u32 = load<u8>(p, 1) & 0x3f;
  if (length === 2) return ((first & 0x1f) << 6) | second;
  const third: u32 = load<u8>(p, 2) & 0x3f;
  if (length === 3) return ((first & 0x0f) << 12) | (second << 6) | third;
  return ((first & 0x07) << 18) | (second << 12) | (third << 6) | (<u32>load<u8>(p, 3) & 0x3f);
}
