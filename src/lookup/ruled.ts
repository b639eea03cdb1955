import { AppError } from '../core/errors.js';
import { type Key, type KeySeed, NO_SEED } from '../core/keys.js';
import { RULED_GROWTH_MAX } from '../core/limits.js';
import type { Query } from '../core/query.js';
import { normalizerOf, type Rule } from '../core/rules.js';
import type { DatasetReader } from '../dataset/reader.js';
import { IndexSearch, type RepliedTurn } from '../index/search.js';
import type { IndexTable } from '../index/table.js';
import type { Kernel } from '../kernel/kernel.js';
import { bounded, TooSlow } from '../workers/bounded.js';
import { ruleKeyOf } from '../workers/rule-key.js';
import type { Match } from './lookup.js';
import { replyAt, textAt } from './verify.js';

/** The first turn of each key, by a hash table with open addressing. */
export class RuleKeys {
  private readonly keys: Uint32Array;
  private readonly slots: Uint32Array;
  private filled = 0;

  /** @param count the number of turns that have a reply */
  constructor(count: number) {
    this.keys = new Uint32Array(2 * count);
    this.slots = new Uint32Array(2 ** Math.ceil(Math.log2(2 * count + 1)));
  }

  /** Adds the keys of the next turns in file order; false if there are more than there should be. */
  add(keys: ArrayLike<number>): boolean {
    const first = this.filled / 2;
    if (this.filled + keys.length > this.keys.length) return false;
    this.keys.set(keys, this.filled);
    this.filled += keys.length;
    for (let turn = first; turn < this.filled / 2; turn++) {
      const key = this.keyOf(turn);
      if (key.low === 0 && key.high === 0) continue;
      const slot = this.slotOf(key);
      if (this.slots[slot] === 0) this.slots[slot] = turn + 1;
    }
    return true;
  }

  /** Those of several consecutive ranges of a file, in file order; each of them complete. */
  static joined(parts: readonly RuleKeys[]): RuleKeys {
    const all = new RuleKeys(parts.reduce((sum, { keys }) => sum + keys.length / 2, 0));
    for (const { keys } of parts) all.add(keys);
    return all;
  }

  /** True once all are added. */
  get isComplete(): boolean {
    return this.filled === this.keys.length;
  }

  /** The number of the first turn with that key; undefined without one. */
  firstOf(key: Key): number | undefined {
    const found = this.slots[this.slotOf(key)] as number;
    return found === 0 ? undefined : found - 1;
  }

  /** The slot that has the key, or the empty one where it would be. */
  private slotOf({ low, high }: Key): number {
    const mask = this.slots.length - 1;
    let slot = high & mask;
    for (; ; slot = (slot + 1) & mask) {
      const turn = this.slots[slot] as number;
      if (turn === 0) return slot;
      const key = this.keyOf(turn - 1);
      if (key.low === low && key.high === high) return slot;
    }
  }

  private keyOf(turn: number): Key {
    return { low: this.keys[2 * turn] as number, high: this.keys[2 * turn + 1] as number };
  }
}

/** A table of an index, with the keys of its turns after rules were applied to them. */
export interface RuledTable {
  readonly table: IndexTable;
  readonly keys: RuleKeys;
}

/** A table's keys, and what finds its turns. */
interface Ruled {
  readonly index: IndexSearch;
  readonly keys: RuleKeys;
}

/** Finds turns that equal a prompt after rules were applied to both. */
export class RuledTurns {
  private readonly ruled: readonly Ruled[];
  private readonly seed: KeySeed;
  private readonly kernel: Kernel;
  private readonly reader: DatasetReader;
  private readonly normalize: ReturnType<typeof normalizerOf>;

  /** @param tables the tables of the index, in file order; their keys have the same seed */
  constructor(tables: readonly RuledTable[], rules: readonly Rule[], kernel: Kernel, reader: DatasetReader) {
    this.ruled = tables.map(({ table, keys }) => ({ index: new IndexSearch(table), keys }));
    this.seed = tables[0]?.table.seed ?? NO_SEED;
    this.kernel = kernel;
    this.reader = reader;
    this.normalize = normalizerOf(rules);
  }

  /**
   * The first such turn whose reply is an assistant's, or else the first.
   *
   * @throws AppError if the rules take too long or make a prompt too long, or if the file can't be read
   */
  find({ histories, contextual, wantsTimings }: Query): Match | undefined {
    if (!contextual) return undefined;
    const texts = [...new Set(histories.map((history) => history.at(-1) ?? ''))];
    const prompts = this.normalized(texts).map((prompt) => {
      if (prompt !== undefined) return prompt;
      const message = `The rules of NORMALIZE make the prompt more than ${RULED_GROWTH_MAX} times as long.`;
      throw new AppError('worker_failed', { message });
    });
    this.kernel.useSeed(this.seed);
    for (const isOther of [false, true]) {
      for (const prompt of prompts) {
        const key = ruleKeyOf(this.kernel, prompt, isOther);
        const match = key && this.findKey(key, prompt, wantsTimings);
        if (match !== undefined) return match;
      }
    }
    return undefined;
  }

  /** The first turn in file order that has a key, and equals a prompt. */
  private findKey(key: Key, prompt: string, wantsTimings?: boolean): Match | undefined {
    for (const { index, keys } of this.ruled) {
      const number = keys.firstOf(key);
      const match =
        number === undefined ? undefined : this.verified(prompt, index.replied(number), wantsTimings);
      if (match !== undefined) return match;
    }
    return undefined;
  }

  private verified(
    prompt: string,
    { prompt: place, pair }: RepliedTurn,
    wantsTimings?: boolean,
  ): Match | undefined {
    const text = textAt(place, this.reader);
    if (text === undefined || this.normalized([text])[0] !== prompt) return undefined;
    const found = replyAt(pair, this.reader, wantsTimings);
    return found && { ...found, rung: 'normalized', isRuled: true };
  }

  private normalized(texts: readonly string[]): readonly (string | undefined)[] {
    try {
      return bounded(() => texts.map(this.normalize));
    } catch (error) {
      if (!(error instanceof TooSlow)) throw error;
      throw new AppError('worker_failed', {
        message: `The rules of NORMALIZE ${error.message}.`,
        cause: error,
      });
    }
  }
}
