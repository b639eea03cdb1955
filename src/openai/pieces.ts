/** White space and what follows it, so that a piece is about a word; a long run of other characters is divided. */
const PIECE = /\s*\S{1,16}|\s+$/gu;

/**
 * Cuts a text into the pieces that a stream sends one by one: about a word each, never inside a code point.
 * Joined, they are the text.
 */
export function piecesOf(text: string): string[] {
  return text.match(PIECE) ?? [];
}
