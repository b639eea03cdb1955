/** Token functions that need no vocabulary. */

import { TOKENS_TOGETHER_MAX } from './limits.js';
import { atOnce } from './steps.js';

/** The tokenizers that are known by name, all of them OpenAI's. */
export const TOKENIZERS = ['o200k_base', 'cl100k_base'] as const;
export type TokenizerName = (typeof TOKENIZERS)[number];

/** A tokenizer as a setting: its name, or the path of a `tokenizer.json` of Hugging Face. */
export type TokenizerSpec = TokenizerName | { readonly file: string };

/** A `tokenizer.json` that was read. */
export interface TokenizerFile {
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
function endsOfTokens(text: string, sizes: ArrayLike<number>): Uint32Array {
  return atOnce(endsInSteps(text, sizes.length, (token) => sizes[token] as number));
}

/**
 * The same in steps.
 *
 * @param count the number of tokens
 * @param sizeOf the number of bytes of a token, by its index
 */
export function* endsInSteps(
  text: string,
  count: number,
  sizeOf: (index: number) => number,
): Generator<void, Uint32Array> {
  const ends = new Uint32Array(count);
  let bytes = 0;
  let at = 0;
  for (let token = 0; token < count; token++) {
    bytes += sizeOf(token);
    while (at < text.length) {
      const point = text.codePointAt(at) as number;
      const length = pointBytes(point);
      if (length > bytes) break;
      bytes -= length;
      at += point > 0xffff ? 2 : 1;
    }
    ends[token] = at;
    if (token % TOKENS_TOGETHER_MAX === TOKENS_TOGETHER_MAX - 1) yield;
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

/** The tokens of all parts of a text. */
export function joinedTokens(parts: readonly ArrayLike<number>[]): Uint32Array {
  const [first] = parts;
  if (parts.length === 1 && first instanceof Uint32Array) return first;
  const all = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
