/** The classes of characters in `assembly/characters.ts`, by JavaScript's own regular expressions. */

/** A later entry overrides earlier ones; all other characters are `OTHER`. */
const CLASSES: readonly (readonly [class_: number, characters: RegExp])[] = [
  [1, /[\p{Lu}\p{Lt}]/gu],
  [2, /\p{Ll}/gu],
  [4, /[\p{Lm}\p{Lo}]/gu],
  [8, /\p{M}/gu],
  [16, /\p{N}/gu],
  [32, /\s/gu],
  [64, /[\r\n]/gu],
];
const OTHER = 128;

/** The code points of a page. */
export const PAGE_CODE_POINTS = 256;

/** The classes of the code points of a page. */
export function classesOf(page: number): Uint8Array {
  const first = page * PAGE_CODE_POINTS;
  const characters = String.fromCodePoint(...Array.from({ length: PAGE_CODE_POINTS }, (_, i) => first + i));
  const unitsEach = characters.length / PAGE_CODE_POINTS;
  const classes = new Uint8Array(PAGE_CODE_POINTS).fill(OTHER);
  for (const [class_, expression] of CLASSES) {
    for (const { index } of characters.matchAll(expression)) classes[index / unitsEach] = class_;
  }
  return classes;
}

const BLANK = 32;
const NEXT_LINE = 0x85;
const BYTE_ORDER_MARK = 0xfeff;

/** The same as tiktoken has them: of white space, JavaScript's expressions know U+FEFF and not U+0085, and Rust's the other one. */
export function tiktokenClassesOf(page: number): Uint8Array {
  const classes = classesOf(page);
  const first = page * PAGE_CODE_POINTS;
  if (first === 0) classes[NEXT_LINE] = BLANK;
  if (first === (BYTE_ORDER_MARK & ~(PAGE_CODE_POINTS - 1))) classes[BYTE_ORDER_MARK - first] = OTHER;
  return classes;
}
