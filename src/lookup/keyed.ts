import type { KeySeed, TextKeys } from '../core/keys.js';
import { KEYED_AT_ONCE_MAX } from '../core/limits.js';
import { after, type MaybePromise } from '../core/maybe-promise.js';
import { type KeyedQuery, keyedQuery, NO_KEYS, type Query } from '../core/query.js';
import { inSlices } from '../core/steps.js';
import type { Kernel } from '../kernel/kernel.js';
import { QueryMemo } from './query-memo.js';
import { textId } from './text-id.js';

const memo = new QueryMemo<KeyedQuery>();

/**
 * A query's keys, computed at once unless its texts are long.
 *
 * @param signal aborted when the keys aren't needed any more
 * @throws AppError if too many lookups wait
 */
export function keysOf(
  query: Query,
  kernel: Kernel,
  seed: KeySeed,
  signal?: () => AbortSignal,
): MaybePromise<KeyedQuery> {
  const known = memo.get(query, seed);
  if (known !== undefined) return known;
  if (isLong(query)) {
    const made = inSlices(keysInSlices(query, kernel, seed), signal);
    return after(made, (keys) => memo.set(query, seed, keys));
  }
  kernel.useSeed(seed);
  const keys = keyedQuery(query, (text) => kernel.keysOf(text));
  return memo.set(query, seed, keys);
}

/** True if the texts of all histories are too long to be processed in one step. */
export function isLong({ histories }: Query): boolean {
  let length = 0;
  for (const history of histories) for (const text of history) length += text.length;
  return length > KEYED_AT_ONCE_MAX;
}

function* keysInSlices(query: Query, kernel: Kernel, seed: KeySeed): Generator<void, KeyedQuery> {
  const known = new Map<string, TextKeys>();
  const histories: TextKeys[][] = [];
  for (const history of query.histories) {
    const keys: TextKeys[] = [];
    for (const text of history) {
      const id = textId(text);
      const made = known.get(id) ?? (yield* kernel.keysInSlices(text, seed)) ?? NO_KEYS;
      known.set(id, made);
      keys.push(made);
      yield;
    }
    histories.push(keys);
  }
  return { contextual: query.contextual, histories };
}
