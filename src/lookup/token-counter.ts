/** Counts tokens, cuts texts between them, encodes and decodes, as requests need it. */

import type { MaybePromise } from '../core/maybe-promise.js';
import { estimatedEnds, estimateTokens, type TokenizerSource } from '../core/tokens.js';
import type { DecodedTokens, EncodeTask, SpelledTokens } from '../workers/tasks.js';
import type { TokenCount } from './lookup.js';

/** A text whose tokens are counted, and the place where its index keeps the count, if it is in an index. */
export interface CountedText {
  readonly text: string;
  /** The text as it is sent (see core/spelled-text.ts), if it has that form already: it needn't be decoded then. */
  readonly spelled?: string | undefined;
  readonly kept?: TokenCount | undefined;
}

/** Counts the tokens of texts. */
export interface TokenCounter {
  /**
   * The token counts of texts; a promise only if it takes long. They are stored where an index keeps them.
   *
   * @throws AppError
   */
  count(texts: readonly CountedText[]): MaybePromise<readonly number[]>;
  /**
   * For each token of the text, where the text of all tokens up to it ends, in UTF-16 units; always at a code point border: an incomplete
   * character belongs to the next token. The last is the text's length, and there are as many as `count` counts. The array is shared: it
   * must not be changed. A promise only if it takes long.
   *
   * @throws AppError
   */
  ends(text: string): MaybePromise<Uint32Array>;
}

/** A tokenizer, as requests use it. */
export interface RequestTokenizer extends TokenCounter {
  readonly source: TokenizerSource;
  /**
   * The tokens of a text, or of a chat (see `Tokenizer.encodeChat`), as JSON.
   *
   * @throws AppError
   */
  encode(task: EncodeTask): MaybePromise<SpelledTokens>;
  /**
   * The text of tokens.
   *
   * @param lengthMax the maximum length of the text, in characters
   * @throws AppError
   */
  decode(tokens: readonly number[], lengthMax: number): MaybePromise<DecodedTokens>;
}

/** Needs no tokenizer: it assumes that a token is four bytes. */
export const estimatingCounter: TokenCounter = {
  count: (texts) => texts.map(estimated),
  ends: estimatedEnds,
};

function estimated({ text }: CountedText): number {
  return estimateTokens(text);
}
