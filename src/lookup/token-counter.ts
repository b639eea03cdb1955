/** Counts tokens, each text once. The index keeps the counts of its turns; a cache keeps those of other texts. */

import { LRUCache } from 'lru-cache';
import { AppError } from '../core/errors.js';
import { COUNTED_AT_ONCE_MAX, COUNTED_TEXTS_BYTES, COUNTED_TOGETHER_MAX } from '../core/limits.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import { estimatedCut, estimateTokens } from '../core/tokens.js';
import { unwrap } from '../workers/tasks.js';
import type { TokenPool } from '../workers/token-pool.js';
import type { TokenCount } from './lookup.js';
import { textId } from './text-id.js';

/** The approximate overhead of a cache entry, in bytes, without its text. */
const ENTRY_OVERHEAD_BYTES = 256;
/** V8 stores a character in one or two bytes: assume two. */
const BYTES_A_CHARACTER = 2;

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
   * The first tokens of a text, as text. An incomplete character at the end is dropped.
   *
   * @throws AppError
   */
  cut(text: string, tokens: number): MaybePromise<string>;
}

/** Needs no tokenizer: it assumes that a token is four bytes. */
export const estimatingCounter: TokenCounter = {
  count: (texts) => texts.map(estimated),
  cut: estimatedCut,
};

function estimated({ text }: CountedText): number {
  return estimateTokens(text);
}

/** Counts with a tokenizer. */
export class RealCounter implements TokenCounter {
  private readonly pool: TokenPool;
  private readonly counted = new LRUCache<string, number>({
    maxSize: COUNTED_TEXTS_BYTES,
    sizeCalculation: (_, id) => id.length * BYTES_A_CHARACTER + ENTRY_OVERHEAD_BYTES,
  });
  /** The texts that are being counted. */
  private readonly counting = new Map<string, Promise<number>>();
  /** The texts that will be counted next. */
  private batch: Batch | undefined;

  constructor(pool: TokenPool) {
    this.pool = pool;
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
    const fresh = new Map(unknown.map(({ text }) => [textId(text), text]));
    for (const id of fresh.keys()) if (this.counting.has(id)) fresh.delete(id);
    if (this.counting.size + fresh.size > COUNTED_AT_ONCE_MAX) throw new AppError('overloaded');
    if (fresh.size > 0) this.begin(fresh);
    const counts = await Promise.all(
      texts.map((text) => this.known(text) ?? this.counting.get(textId(text.text)) ?? 0),
    );
    for (const [i, { kept }] of texts.entries()) if (kept !== undefined) kept.tokens = counts[i] as number;
    return counts;
  }

  private known(counted: CountedText): number | undefined {
    const kept = counted.kept?.tokens;
    if (kept) return kept;
    // Read late: getting the text may have to decode it.
    const { text } = counted;
    return text === '' ? 0 : this.counted.get(textId(text));
  }

  async cut(text: string, tokens: number): Promise<string> {
    return unwrap(await this.pool.cut(text, tokens));
  }

  private begin(texts: ReadonlyMap<string, string>): void {
    for (const [id, text] of texts) {
      const one = this.inBatch(text);
      this.counting.set(id, one);
      one
        .then((count) => this.counted.set(id, count))
        // The callers that wait for the count get the error.
        .catch(() => undefined)
        .finally(() => this.counting.delete(id));
    }
  }

  /** Counts a text together with those that arrive in the same turn of the event loop. */
  private inBatch(text: string): Promise<number> {
    if (this.batch?.hasRoomFor(text) !== true) {
      this.batch?.send();
      const batch = new Batch(this.pool);
      this.batch = batch;
      setImmediate(() => {
        if (this.batch === batch) this.batch = undefined;
        batch.send();
      });
    }
    return this.batch.add(text);
  }
}

/**
 * Texts that are counted in one task, since passing a task to the thread takes as long as counting a short text. If the task fails, it
 * fails for all of them.
 */
class Batch {
  private readonly pool: TokenPool;
  private readonly texts: string[] = [];
  private length = 0;
  private isSent = false;
  private settle: (counts: Promise<readonly number[]>) => void = () => {};
  private readonly counts = new Promise<readonly number[]>((resolve) => {
    this.settle = resolve;
  });

  constructor(pool: TokenPool) {
    this.pool = pool;
  }

  /** False if counting the text would delay the others. */
  hasRoomFor(text: string): boolean {
    return this.length === 0 || this.length + text.length <= COUNTED_TOGETHER_MAX;
  }

  /** The token count of a text. Settles after `send`. */
  async add(text: string): Promise<number> {
    const at = this.texts.push(text) - 1;
    this.length += text.length;
    return (await this.counts)[at] as number;
  }

  send(): void {
    if (!this.isSent) this.settle(this.pool.count(this.texts).then(unwrap));
    this.isSent = true;
  }
}
