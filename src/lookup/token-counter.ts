/** Counting tokens: each text once. What was counted stands in the index, or, for texts that are in none, in a cache. */

import { LRUCache } from 'lru-cache';
import { AppError } from '../core/errors.js';
import { COUNTED_AT_ONCE_MAX, COUNTED_TEXTS_BYTES, COUNTED_TOGETHER_MAX } from '../core/limits.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import { estimatedCut, estimateTokens } from '../core/tokens.js';
import { resultOf } from '../workers/tasks.js';
import type { TokenPool } from '../workers/token-pool.js';
import type { TokenCount } from './lookup.js';

/** What an entry of the cache costs besides its text, roughly, in bytes. */
const ENTRY_OVERHEAD_BYTES = 256;
/** V8 keeps a character in one byte or two; the larger counts. */
const BYTES_A_CHARACTER = 2;

/** A text to be counted, and where its count is kept, if an index has it. */
export interface CountedText {
  readonly text: string;
  readonly kept?: TokenCount | undefined;
}

/** Knows how many tokens texts have. */
export interface TokenCounter {
  /**
   * A promise of them only where a tokenizer has to be asked.
   *
   * @throws AppError
   */
  count(texts: readonly CountedText[]): MaybePromise<readonly number[]>;
  /**
   * The first tokens of a text, as a text; a character that is not whole at its end is left out.
   *
   * @throws AppError
   */
  cut(text: string, tokens: number): MaybePromise<string>;
}

/** Takes no tokenizer: a token is four bytes. */
export const estimatingCounter: TokenCounter = {
  count: (texts) => texts.map(estimated),
  cut: estimatedCut,
};

function estimated({ text }: CountedText): number {
  return estimateTokens(text);
}

/** Asks a tokenizer. */
export class RealCounter implements TokenCounter {
  private readonly pool: TokenPool;
  private readonly counted = new LRUCache<string, number>({
    maxSize: COUNTED_TEXTS_BYTES,
    sizeCalculation: (_, text) => text.length * BYTES_A_CHARACTER + ENTRY_OVERHEAD_BYTES,
  });
  /** Those that are being counted. */
  private readonly counting = new Map<string, Promise<number>>();
  /** Those that are to be counted. */
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
    const fresh = [...new Set(unknown.map(({ text }) => text))].filter((text) => !this.counting.has(text));
    if (this.counting.size + fresh.length > COUNTED_AT_ONCE_MAX) throw new AppError('overloaded');
    if (fresh.length > 0) this.begin(fresh);
    const counts = await Promise.all(
      texts.map((text) => this.known(text) ?? this.counting.get(text.text) ?? 0),
    );
    for (const [i, { kept }] of texts.entries()) if (kept !== undefined) kept.tokens = counts[i] as number;
    return counts;
  }

  private known(counted: CountedText): number | undefined {
    const kept = counted.kept?.tokens;
    if (kept) return kept;
    // To ask for a text may mean to decode it.
    const { text } = counted;
    return text === '' ? 0 : this.counted.get(text);
  }

  async cut(text: string, tokens: number): Promise<string> {
    return resultOf(await this.pool.cut(text, tokens));
  }

  private begin(texts: readonly string[]): void {
    for (const text of texts) {
      const one = this.inBatch(text);
      this.counting.set(text, one);
      one
        .then((count) => this.counted.set(text, count))
        // Whoever asked is told.
        .catch(() => undefined)
        .finally(() => this.counting.delete(text));
    }
  }

  /** Counts a text with those that are asked for in the same turn of the event loop. */
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
 * Texts that are counted in one task: to hand a task over takes as long as to count a short text. Where it fails, it fails for all.
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

  /** False if a text would hold up the others. */
  hasRoomFor(text: string): boolean {
    return this.length === 0 || this.length + text.length <= COUNTED_TOGETHER_MAX;
  }

  /** How many tokens a text has; settles after `send`. */
  async add(text: string): Promise<number> {
    const at = this.texts.push(text) - 1;
    this.length += text.length;
    return (await this.counts)[at] as number;
  }

  send(): void {
    if (!this.isSent) this.settle(this.pool.count(this.texts).then(resultOf));
    this.isSent = true;
  }
}
