/** Counts tokens, each text once. The index keeps the counts of its turns; a cache keeps those of other texts. */

import { COUNTED_TEXTS_BYTES, TOKEN_ENDS_BYTES } from '../core/limits.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import { estimatedCut, estimatedEnds, estimateTokens } from '../core/tokens.js';
import { unwrap } from '../workers/tasks.js';
import type { TokenTasks } from '../workers/token-pool.js';
import type { TokenCount } from './lookup.js';
import { TextResults } from './text-results.js';

/** A text whose tokens are counted, and the place where its index keeps the count, if it is in an index. */
export interface CountedText {
  readonly text: string;
  readonly kept?: TokenCount | undefined;
}

/** Counts the tokens of texts. */
export interface TokenCounter {
  /**
   * The token counts of texts; a promise only if the tokenizer is needed.
   *
   * @throws AppError
   */
  count(texts: readonly CountedText[]): MaybePromise<readonly number[]>;
  /**
   * For each token of the text, where the text of all tokens up to it ends, in UTF-16 units; always at a code point border: an incomplete
   * character belongs to the next token. The last is the text's length, and there are as many as `count` counts. The array is shared: it
   * must not be changed. A promise only if the tokenizer is needed.
   *
   * @throws AppError
   */
  ends(text: string): MaybePromise<Uint32Array>;
  /**
   * The first tokens of a text, as text. An incomplete character at the end is dropped.
   *
   * @throws AppError
   */
  cut(text: string, tokens: number): MaybePromise<string>;
}

/** Needs no tokenizer: it assumes that a token is four bytes. */
export const estimatingCounter: TokenCounter = {
  count: (texts) => texts.map(estimated),
  ends: estimatedEnds,
  cut: estimatedCut,
};

function estimated({ text }: CountedText): number {
  return estimateTokens(text);
}

/** Counts with a tokenizer. */
export class RealCounter implements TokenCounter {
  private readonly pool: TokenTasks;
  private readonly counts: TextResults<number>;
  private readonly tokenEnds: TextResults<Uint32Array>;

  constructor(pool: TokenTasks) {
    this.pool = pool;
    this.counts = new TextResults({
      run: (texts) => pool.count(texts).then(unwrap),
      bytesMax: COUNTED_TEXTS_BYTES,
      bytesOf: () => 0,
    });
    this.tokenEnds = new TextResults({
      run: (texts) => pool.ends(texts).then(unwrap),
      bytesMax: TOKEN_ENDS_BYTES,
      bytesOf: ({ byteLength }) => byteLength,
    });
  }

  count(texts: readonly CountedText[]): MaybePromise<readonly number[]> {
    const counts: number[] = [];
    for (const text of texts) {
      const known = this.known(text);
      if (known === undefined) return this.ask(texts);
      counts.push(known);
    }
    return counts;
  }

  private async ask(texts: readonly CountedText[]): Promise<readonly number[]> {
    const unknown = texts.filter((text) => this.known(text) === undefined);
    this.counts.request(unknown.map(({ text }) => text));
    const counts = await Promise.all(
      texts.map((text) => this.known(text) ?? this.counts.requested(text.text) ?? 0),
    );
    for (const [i, { kept }] of texts.entries()) if (kept !== undefined) kept.tokens = counts[i] as number;
    return counts;
  }

  private known(counted: CountedText): number | undefined {
    const kept = counted.kept?.tokens;
    if (kept) return kept;
    // Read late: getting the text may have to decode it.
    const { text } = counted;
    return text === '' ? 0 : this.counts.known(text);
  }

  ends(text: string): MaybePromise<Uint32Array> {
    const known = text === '' ? new Uint32Array() : this.tokenEnds.known(text);
    if (known !== undefined) return known;
    this.tokenEnds.request([text]);
    return this.tokenEnds.requested(text) as Promise<Uint32Array>;
  }

  async cut(text: string, tokens: number): Promise<string> {
    return unwrap(await this.pool.cut(text, tokens));
  }
}
