import type { KeySeed } from '../core/keys.js';
import type { Query } from '../core/query.js';

interface Entry<T> {
  readonly seed: KeySeed;
  readonly value: T;
}

/**
 * Values that are computed from the keys of a query's texts, so that each is computed once for all parts of a dataset. The indexes of parts
 * have the same seed, unless different processes have built them. They are kept in the query itself: the values of a WeakMap survive a
 * collection of garbage, and with them the texts of all requests since the last one, which took a tenth of the CPU of a long prompt.
 */
export class QueryMemo<T> {
  private readonly field = Symbol('memo');

  /** The value for a seed; undefined if it was not computed yet. */
  get(query: Query, seed: KeySeed): T | undefined {
    const entries = this.entriesOf(query);
    if (entries === undefined) return undefined;
    for (const each of entries)
      if (each.seed.low === seed.low && each.seed.high === seed.high) return each.value;
    return undefined;
  }

  /** Stores a value, and returns it. */
  set(query: Query, seed: KeySeed, value: T): T {
    const entries = this.entriesOf(query);
    if (entries === undefined) Object.assign(query, { [this.field]: [{ seed, value }] });
    else entries.push({ seed, value });
    return value;
  }

  private entriesOf(query: Query): Entry<T>[] | undefined {
    return (query as Query & { readonly [field: symbol]: Entry<T>[] | undefined })[this.field];
  }
}
