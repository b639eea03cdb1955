import type { TextKeys } from '../core/keys.js';
import type { KeyedQuery } from '../core/query.js';
import type { IndexTable } from './table.js';

/** The fewest bits of the bitmap per turn, unless there are too many turns: of 100 beginnings that no turn has, six are false positives. */
const TURN_BITS = 16;
/** The length of beginnings: see `beginningOf`. More bits of the bitmap would not distinguish more of them. */
const BEGINNING_BITS = 20;
/** Bits in a word of the bitmap. */
const WORD_BITS = 32;

const known = new WeakMap<IndexTable, Beginnings>();

/** The beginnings of all turns of a table, which are collected once. */
export function beginningsOf(table: IndexTable): Beginnings {
  let beginnings = known.get(table);
  if (beginnings === undefined) {
    beginnings = new Beginnings(table);
    known.set(table, beginnings);
  }
  return beginnings;
}

/**
 * The beginnings of all turns of an index, as a bitmap. A text without its beginning in the index equals no turn of it and is similar to
 * none, so most parts of a dataset needn't be searched.
 */
export class Beginnings {
  /** Undefined if most bits would be set, because there are too many turns. */
  private readonly words: Uint32Array | undefined;
  private readonly shift: number;

  constructor({ normalized }: Pick<IndexTable, 'normalized'>) {
    const enough = Math.ceil(Math.log2(TURN_BITS * (normalized.length + 1)));
    const bits = Math.min(BEGINNING_BITS, enough);
    this.shift = 32 - bits;
    if (normalized.length > 2 ** BEGINNING_BITS) return;
    this.words = new Uint32Array(Math.ceil(2 ** bits / WORD_BITS));
    for (let row = 0; row < normalized.length; row++) {
      const at = (normalized[row] as number) >>> this.shift;
      const word = at >>> 5;
      this.words[word] = (this.words[word] as number) | (1 << (at & 31));
    }
  }

  /** False if no turn begins as a prompt of a query does. True may be a false positive. */
  mayHavePrompt({ histories }: Pick<KeyedQuery, 'histories'>): boolean {
    // Both normalized keys have the beginning, and this one takes less to compute.
    for (const history of histories) if (this.mayHave((history.at(-1) as TextKeys).ends.low)) return true;
    return false;
  }

  /**
   * False if no turn begins as a text does. True may be a false positive.
   *
   * @param low the lower half of the text's normalized key
   */
  mayHave(low: number): boolean {
    const { words, shift } = this;
    const at = low >>> shift;
    return words === undefined || ((words[at >>> 5] as number) & (1 << (at & 31))) !== 0;
  }
}
