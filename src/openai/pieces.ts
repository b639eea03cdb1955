import { PIECES_LOOKED_AHEAD } from '../core/limits.js';
import type { TokenizerName } from '../core/tokens.js';

const CONTRACTION = "'(?:[sS]|[dD]|[mM]|[tT]|[lL][lL]|[vV][eE]|[rR][eE])";

/**
 * How a tokenizer splits a text, about a word at a time, before it looks for tokens: no token crosses such a boundary, except around U+FEFF,
 * U+0085 and `'ſ`, whose classes are tiktoken's for tokens (see `kernel/tokenizer.ts`), and JavaScript's here.
 */
const PIECES: Readonly<Record<TokenizerName, RegExp>> = {
  o200k_base: new RegExp(
    [
      String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?:${CONTRACTION})?`,
      String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?:${CONTRACTION})?`,
      String.raw`\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    ].join('|'),
    'gu',
  ),
  cl100k_base: new RegExp(
    [
      String.raw`${CONTRACTION}|[^\r\n\p{L}\p{N}]?\p{L}+`,
      String.raw`\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+$|\s*[\r\n]|\s+(?!\S)|\s`,
    ].join('|'),
    'gu',
  ),
};

/** In a text without long words, no piece is longer than this, or depends on text further ahead, in UTF-16 units. */
const PIECE_REACH = 2048;

/** The longest word of one piece, in characters: an event of a stream has room for it. Longer words are cut, inside tokens if need be. */
const WORD_LENGTH_MAX = 256;
const LONG_WORD = new RegExp(
  `[\\p{L}\\p{M}]{${WORD_LENGTH_MAX}}|[^\\s\\p{L}\\p{N}]{${WORD_LENGTH_MAX}}|[\\r\\n/]{${WORD_LENGTH_MAX}}|\\s{${WORD_LENGTH_MAX}}`,
  'gu',
);

/**
 * Cuts a text into the pieces that a stream sends one by one: about a word each, between tokens, never inside a code point. Words longer
 * than those of any language are cut into several. Joined, the pieces are the text. It reads only a little ahead of the next piece, however
 * long the text is.
 */
export function* piecesOf(text: string, tokenizer: TokenizerName): Generator<string, void> {
  let at = 0;
  for (let searched = 0; searched < text.length; ) {
    const { end, isPart } = longWordIn(text, searched);
    // The expressions only look ahead: a piece that begins well before the end of the known text is cut as in the whole text.
    const sure = isPart ? end : end - PIECE_REACH;
    for (const [piece] of text.slice(at, end).matchAll(PIECES[tokenizer])) {
      if (at >= sure) break;
      yield piece;
      at += piece.length;
    }
    searched = end;
  }
}

/**
 * Searches for the end of the next long word.
 *
 * @param from where an earlier call ended, or 0
 * @returns the end of the word, or of the text, if `isPart` is true; else where to continue the search
 */
function longWordIn(text: string, from: number): { end: number; isPart: boolean } {
  let end = Math.min(from + PIECES_LOOKED_AHEAD, text.length);
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
