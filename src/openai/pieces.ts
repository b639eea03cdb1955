import { CL100K_TOKEN_SPLIT_REGEX, O200K_TOKEN_SPLIT_REGEX } from '#gpt-tokenizer/encodingParams/constants';
import { PIECES_LOOKED_AHEAD } from '../core/limits.js';
import { longWordIn, type TokenizerName } from '../core/tokens.js';

/** How a tokenizer splits a text, about a word at a time, before it looks for tokens: no token crosses such a boundary. */
const PIECES: Readonly<Record<TokenizerName, RegExp>> = {
  o200k_base: O200K_TOKEN_SPLIT_REGEX,
  cl100k_base: CL100K_TOKEN_SPLIT_REGEX,
};

/** In a text without long words, no piece is longer than this, or depends on text further ahead, in UTF-16 units. */
const PIECE_REACH = 2048;

/**
 * Cuts a text into the pieces that a stream sends one by one: about a word each, between tokens, never inside a code point. Joined, they
 * are the text. It reads only a little ahead of the next piece, however long the text is.
 */
export function* piecesOf(text: string, tokenizer: TokenizerName): Generator<string, void> {
  let at = 0;
  for (let searched = 0; searched < text.length; ) {
    const { end, isPart } = longWordIn(text, searched, PIECES_LOOKED_AHEAD);
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
