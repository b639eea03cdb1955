/** Counting tokens: each text once. What was counted stands in the index, or, for texts that are in none, in a cache. */

import { LRUCache } from 'lru-cache';
import { AppError } from '../core/errors.js';
import type { IndexTable } from '../core/index-table.js';
import { COUNTED_AT_ONCE_MAX, COUNTED_TEXTS_BYTES, COUNTED_TOGETHER_MAX } from '../core/limits.js';
import { estimatedCut, estimateTokens } from '../core/tokens.js';
import { resultOf } from '../workers/tasks.js';
import type { TokenPool } from '../workers/token-pool.js';

/** What an entry of the cache costs besides its text, roughly, in bytes. */
const ENTRY_OVERHEAD_BYTES = 256;
/** V8 keeps a character in one byte or two; the larger counts. */
const BYTES_A_CHARACTER = 2;

/** A text to be counted, and the turn that it is, if an index has that. */
export interface CountedText {
  readonly text: string;
  readonly turn?: { readonly table: IndexTable; readonly row: number } | undefined;
}

/** Knows how many tokens texts have. */
export interface TokenCounter {
  /** @throws AppError */
  count(texts: readonly CountedText[]): Promise<readonly number[]>;
  /** The same of one text, if it is known; else undefined. */
  countNow(text: CountedText): number | undefined;
  /**
   * The first tokens of a text, as a text; a character that is not whole at its end is left out.
   *
   * @throws AppError
   */
  cut(text: string, tokens: number): Promise<string>;
}

/** Takes no tokenizer: a token is four bytes. */
export const estimatingCounter: TokenCounter = {
  count: async (texts) => texts.map(estimated),
  countNow: estimated,
  cut: async (text, tokens) => estimatedCut(text, tokens),
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

  async count(texts: readonly CountedText[]): Promise<readonly number[]> {
    const unknown = texts.filter((text) => this.countNow(text) === undefined);
    const fresh = [...new Set(unknown.map(({ text }) => text))].filter((text) => !this.counting.has(text));
    if (this.counting.size + fresh.length > COUNTED_AT_ONCE_MAX) throw new AppError('overloaded');
    if (fresh.length > 0) this.begin(fresh);
    const counts = await Promise.all(
      texts.map((text) => this.countNow(text) ?? this.counting.get(text.text) ?? 0),
    );
    for (const [i, { turn }] of texts.entries())
      if (turn !== undefined) turn.table.setTokens(turn.row, counts[i] as number);
    return counts;
  }

  countNow(counted: CountedText): number | undefined {
    const { turn } = counted;
    const known = turn?.table.tokensOf(turn.row);
    if (known) return known;
    return counted.text === '' ? 0 : this.counted.get(counted.text);
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
