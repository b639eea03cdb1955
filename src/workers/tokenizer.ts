/**
 * What the tokenizer's thread does with texts. Loading a vocabulary takes some 45 MB of memory and a fifth of a second, so a thread of its
 * own does it.
 */

import type { Message } from '../core/query.js';

/** Counts, cuts, encodes and decodes. */
export interface Tokenizer {
  count(text: string): number;
  encode(text: string): number[];
  /**
   * The tokens of a chat: with OpenAI's tokenizers, as many as the OpenAI cookbook counts.
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
  /** The first tokens of a text, as text. An incomplete character at the end is dropped. */
  cut(text: string, tokens: number): string;
}
