/** The keys of queries, in memory that threads share: thousands of queries may share a sweep, and each of its tasks needs them. */

import type { KeyedQuery } from '../core/query.js';

/** The numbers of one message: both halves of both keys, in the order of a turn's row. */
export const MESSAGE_NUMBERS = 4;

/** One query. */
export interface SharedQuery {
  readonly contextual: boolean;
  /** For each history, `MESSAGE_NUMBERS` per message. */
  readonly histories: readonly Uint32Array[];
}

/**
 * Writes queries into one piece of memory:
 *
 *     for each query:   1 if it is contextual, else 0 | number of histories | the histories
 *     for each history: number of numbers | the numbers
 */
export function shareQueries(queries: readonly KeyedQuery[]): Uint32Array {
  const numbers: number[] = [];
  for (const { contextual, histories } of queries) {
    numbers.push(contextual ? 1 : 0, histories.length);
    for (const history of histories) {
      numbers.push(history.length * MESSAGE_NUMBERS);
      for (const { key, normalized } of history)
        numbers.push(key.low, key.high, normalized.low, normalized.high);
    }
  }
  const shared = new Uint32Array(new SharedArrayBuffer(numbers.length * Uint32Array.BYTES_PER_ELEMENT));
  shared.set(numbers);
  return shared;
}

/** Reads the queries back. */
export function sharedQueries(shared: Uint32Array): SharedQuery[] {
  const queries: SharedQuery[] = [];
  for (let at = 0; at < shared.length; ) {
    const contextual = shared[at++] === 1;
    const histories = Array.from({ length: shared[at++] as number }, () => {
      const start = at + 1;
      at = start + (shared[at] as number);
      return shared.subarray(start, at);
    });
    queries.push({ contextual, histories });
  }
  return queries;
}
