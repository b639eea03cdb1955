/** Tokens, as far as no vocabulary is needed for them. */

/** The tokenizers that there are: OpenAI's. */
export const TOKENIZERS = ['o200k_base', 'cl100k_base'] as const;
export type TokenizerName = (typeof TOKENIZERS)[number];

/** OpenAI's rule of thumb: a token is about four characters of English, so four bytes of UTF-8. */
const BYTES_A_TOKEN = 4;

/** About how many tokens a text has. */
export function estimateTokens(text: string): number {
  return Math.ceil(utf8Length(text) / BYTES_A_TOKEN);
}

/** About the first tokens of a text, and never more; no character is cut. */
export function estimatedCut(text: string, tokens: number): string {
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += utf8Length(character);
    if (bytes > tokens * BYTES_A_TOKEN) break;
    end += character.length;
  }
  return text.slice(0, end);
}

/** How many bytes of UTF-8 a text takes. */
function utf8Length(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // Either half of a pair counts for half of its four bytes.
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800 || (unit >= 0xd800 && unit < 0xe000)) bytes += 2;
    else bytes += 3;
  }
  return bytes;
}

/** How long a word may be to be encoded whole, in characters. */
const WORD_LENGTH_MAX = 256;
const LONG_WORD = new RegExp(
  `[\\p{L}\\p{M}]{${WORD_LENGTH_MAX}}|[^\\s\\p{L}\\p{N}]{${WORD_LENGTH_MAX}}|[\\r\\n/]{${WORD_LENGTH_MAX}}|\\s{${WORD_LENGTH_MAX}}`,
  'gu',
);

/**
 * The text, in parts none of which has a word that is too long, each found when it is asked for. Byte pair encoding takes time by the square of a word's length, and
 * the expressions that divide a text into words can't take any length: words longer than any language has are taken in parts,
 * which costs a token or so each.
 */
export function* partsOf(text: string): Generator<string, void> {
  let start = 0;
  if (text.length > WORD_LENGTH_MAX) {
    for (const { index, 0: word } of text.matchAll(LONG_WORD)) {
      const end = index + word.length;
      yield text.slice(start, end);
      start = end;
    }
  }
  if (start < text.length || text === '') yield text.slice(start);
}

/**
 * Looks for the end of a part of a text, as `partsOf` cuts it, from a place that an earlier call has returned, or 0.
 *
 * @param length how far it looks, in characters
 * @returns how far is known: to the end of the part, where there is one, else to where the search goes on
 */
export function longWordIn(text: string, from: number, length: number): { end: number; isPart: boolean } {
  let end = Math.min(from + length, text.length);
  // Not inside of a code point.
  if (end < text.length && (text.codePointAt(end - 1) as number) > 0xffff) end++;
  if (text.length > WORD_LENGTH_MAX) {
    // A word that begins before the end is found whole: its characters have two units at most.
    const [found] = text.slice(from, end + 2 * WORD_LENGTH_MAX).matchAll(LONG_WORD);
    if (found !== undefined && from + found.index < end) {
      return { end: from + found.index + found[0].length, isPart: true };
    }
  }
  return { end, isPart: end === text.length };
}
