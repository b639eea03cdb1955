import { CL100K_TOKEN_SPLIT_REGEX, O200K_TOKEN_SPLIT_REGEX } from 'gpt-tokenizer/encodingParams/constants';
import { partsOf, type TokenizerName } from '../core/tokens.js';

/** How a tokenizer divides a text, about a word at a time, before it looks for tokens: none ever goes over such a bound. */
const PIECES: Readonly<Record<TokenizerName, RegExp>> = {
  o200k_base: O200K_TOKEN_SPLIT_REGEX,
  cl100k_base: CL100K_TOKEN_SPLIT_REGEX,
};

/**
 * Cuts a text into the pieces that a stream sends one by one: about a word each, between tokens, never inside a code point.
 * Joined, they are the text.
 */
export function* piecesOf(text: string, tokenizer: TokenizerName): Generator<string, void> {
  for (const part of partsOf(text)) for (const [piece] of part.matchAll(PIECES[tokenizer])) yield piece;
}
