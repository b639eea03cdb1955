import { CL100K_TOKEN_SPLIT_REGEX, O200K_TOKEN_SPLIT_REGEX } from 'gpt-tokenizer/encodingParams/constants';
import type { Tokenizer } from '../core/tokens.js';

/** How a tokenizer divides a text, about a word at a time, before it looks for tokens: none ever goes over such a bound. */
const PIECES: Readonly<Record<Tokenizer, RegExp>> = {
  o200k_base: O200K_TOKEN_SPLIT_REGEX,
  cl100k_base: CL100K_TOKEN_SPLIT_REGEX,
};

/**
 * Cuts a text into the pieces that a stream sends one by one: about a word each, between tokens, never inside a code point.
 * Joined, they are the text.
 */
export function piecesOf(text: string, tokenizer: Tokenizer): readonly string[] {
  return text.match(PIECES[tokenizer]) ?? [];
}
