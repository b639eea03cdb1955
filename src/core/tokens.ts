/** Token functions that need no vocabulary. */

/** The tokenizers that are known by name, all of them OpenAI's. */
export const TOKENIZERS = ['o200k_base', 'cl100k_base'] as const;
export type TokenizerName = (typeof TOKENIZERS)[number];

/** A tokenizer as a setting: its name, or the path of a `tokenizer.json` of Hugging Face. */
export type TokenizerSpec = TokenizerName | { readonly file: string };

/** A `tokenizer.json` that was read. */
interface TokenizerFile {
  readonly path: string;
  /** The bytes of the file: in shared memory, so that a thread that is started later has the same. */
  readonly content: Uint8Array;
  /** A digest of the content. */
  readonly digest: string;
}

/** A tokenizer to load. */
export type TokenizerSource = TokenizerName | TokenizerFile;

/** What token counts are saved under: a name, or the digest of a file. */
export function tokenizerId(tokenizer: TokenizerSource): string {
  return typeof tokenizer === 'string' ? tokenizer : tokenizer.digest;
}

/** The tokenizer whose expression cuts the words of streams without delays: the one of a file has none that is known. */
export function wordsBy(tokenizer: TokenizerSource): TokenizerName {
  return typeof tokenizer === 'string' ? tokenizer : 'o200k_base';
}

/** OpenAI's rule of thumb: a token is about four characters of English, so four bytes of UTF-8. */
const BYTES_A_TOKEN = 4;

/** An estimate of the number of tokens in a text. */
export function estimateTokens(text: string): number {
  return Math.ceil(utf8Length(text) / BYTES_A_TOKEN);
}

/** The text's first `tokens` tokens by that estimate, or fewer; no character is cut. */
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

/**
 * Where each token of a text ends by that estimate, in UTF-16 units: there are `estimateTokens(text)`, and the last is the text's length. A
 * character that a token has only the beginning of belongs to the next token.
 */
export function estimatedEnds(text: string): Uint32Array {
  const ends = new Uint32Array(estimateTokens(text));
  let token = 0;
  let bytes = 0;
  let at = 0;
  for (const character of text) {
    bytes += utf8Length(character);
    for (; bytes > (token + 1) * BYTES_A_TOKEN; token++) ends[token] = at;
    at += character.length;
  }
  return ends.fill(text.length, token);
}

/**
 * Where each token of a text ends, in UTF-16 units, if the tokens are bytes of its UTF-8, in which a lone surrogate is U+FFFD. A character
 * that a token has only the beginning of belongs to the next token. Never more than the text's length.
 *
 * @param sizes the number of bytes of each token
 */
export function endsOfTokens(text: string, sizes: readonly number[]): Uint32Array {
  const ends = new Uint32Array(sizes.length);
  let bytes = 0;
  let at = 0;
  for (const [token, size] of sizes.entries()) {
    bytes += size;
    while (at < text.length) {
      const point = text.codePointAt(at) as number;
      const length = pointBytes(point);
      if (length > bytes) break;
      bytes -= length;
      at += point > 0xffff ? 2 : 1;
    }
    ends[token] = at;
  }
  return ends;
}

/**
 * Where each token of a text ends, in UTF-16 units, even if the texts of the tokens aren't the text, since a tokenizer normalized it or
 * doesn't know all of its characters: the tokens then share it in proportion to their sizes. If only a space was added before the text, each
 * end is exact, since it is rounded down. The last end is the text's length.
 *
 * @param sizes the number of bytes of each token
 * @param bytes the number of bytes of the text in UTF-8, with three for each lone surrogate
 */
export function endsInProportion(text: string, sizes: readonly number[], bytes: number): Uint32Array {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total === bytes) return endsOfTokens(text, sizes);
  let sum = 0;
  let before = 0;
  const shares = sizes.map((size, i) => {
    sum += size;
    const upTo = i === sizes.length - 1 ? bytes : Math.floor((sum * bytes) / Math.max(total, 1));
    const share = upTo - before;
    before = upTo;
    return share;
  });
  return endsOfTokens(text, shares);
}

/** The length of a code point in bytes of UTF-8. */
function pointBytes(point: number): number {
  if (point < 0x80) return 1;
  if (point < 0x800) return 2;
  return point < 0x10000 ? 3 : 4;
}

/** The length of a text in bytes of UTF-8. */
function utf8Length(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // Each half of a surrogate pair counts as two of its four bytes.
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800 || (unit >= 0xd800 && unit < 0xe000)) bytes += 2;
    else bytes += 3;
  }
  return bytes;
}

/** The longest word that is encoded whole, in characters. */
const WORD_LENGTH_MAX = 256;
const LONG_WORD = new RegExp(
  `[\\p{L}\\p{M}]{${WORD_LENGTH_MAX}}|[^\\s\\p{L}\\p{N}]{${WORD_LENGTH_MAX}}|[\\r\\n/]{${WORD_LENGTH_MAX}}|\\s{${WORD_LENGTH_MAX}}`,
  'gu',
);

/**
 * Yields the text in parts, none of which has a word that is too long. Each part is found when the caller requests it. Byte pair encoding
 * takes time quadratic in a word's length, and the expressions that split a text into words can't handle any length. Words longer than
 * those of any language are cut into parts, which costs about a token each.
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
 * Searches for the end of a part of a text, as `partsOf` cuts it.
 *
 * @param from where an earlier call ended, or 0
 * @param length how far to search, in characters
 * @returns the end of the part if `isPart` is true, else where to continue the search
 */
export function longWordIn(text: string, from: number, length: number): { end: number; isPart: boolean } {
  let end = Math.min(from + length, text.length);
  // Never inside a code point.
  if (end < text.length && (text.codePointAt(end - 1) as number) > 0xffff) end++;
  if (text.length > WORD_LENGTH_MAX) {
    // A word that begins before the end is found whole: each character has at most two units.
    const [found] = text.slice(from, end + 2 * WORD_LENGTH_MAX).matchAll(LONG_WORD);
    if (found !== undefined && from + found.index < end) {
      return { end: from + found.index + found[0].length, isPart: true };
    }
  }
  return { end, isPart: end === text.length };
}
