/** Comparing texts by their letters and digits alone: case, white space and punctuation don't count. */

/** Where two texts differ, apart from case, white space and punctuation. */
export interface LetterDifference {
  /** Letters and digits that both texts begin with. */
  readonly common: number;
  /** The place of the first letter that differs, in either text; the length of a text that has no such letter. */
  readonly at: number;
  readonly otherAt: number;
}

/** Where the letters of two texts begin to differ; undefined if all are the same. */
export function letterDifference(text: string, other: string): LetterDifference | undefined {
  let at = 0;
  let otherAt = 0;
  for (let common = 0; ; common++) {
    while (at < text.length && !isLetter(text.charCodeAt(at))) at++;
    while (otherAt < other.length && !isLetter(other.charCodeAt(otherAt))) otherAt++;
    if (at === text.length && otherAt === other.length) return undefined;
    if (at === text.length || otherAt === other.length) return { common, at, otherAt };
    if (lower(text.charCodeAt(at)) !== lower(other.charCodeAt(otherAt))) return { common, at, otherAt };
    at++;
    otherAt++;
  }
}

/** How many letters a text has, up to a number. */
export function countLetters(text: string, max: number): number {
  let count = 0;
  for (let at = 0; at < text.length && count < max; at++) if (isLetter(text.charCodeAt(at))) count++;
  return count;
}

function isLetter(code: number): boolean {
  if (code >= 0x80) return (code < 0x2000 || code > 0x203f) && code !== 0xa0 && code !== 0x3000;
  return isCapital(code) || (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39);
}

function isCapital(code: number): boolean {
  return code >= 0x41 && code <= 0x5a;
}

function lower(code: number): number {
  return isCapital(code) ? code + 0x20 : code;
}
