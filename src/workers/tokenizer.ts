/** What the thread of a tokenizer does with texts, whose vocabulary and library take much memory and are slow. */

import type { Message } from '../core/query.js';

/** Counts, encodes and decodes. */
export interface Tokenizer {
  count(text: string): number;
  encode(text: string): number[];
  /**
   * The tokens of a chat.
   *
   * @param beginsReply true to append the beginning of a reply
   */
  encodeChat(messages: readonly Message[], beginsReply: boolean): number[];
  /** The text of tokens; undefined if one of them isn't in the vocabulary. */
  decode(tokens: Iterable<number>): string | undefined;
  /** The text that a token of the vocabulary adds to a text. Incomplete characters are U+FFFD. */
  textOf(token: number): string;
  /**
   * Where each token of a text ends, in UTF-16 units, always at the border of a code point: an incomplete character belongs to the next
   * token. There are as many as `count` counts, and the last is the text's length.
   */
  ends(text: string): Uint32Array;
}
