import type { KeySeed, TextKeys } from '../core/keys.js';
import { KEYED_AT_ONCE_MAX } from '../core/limits.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import { type KeyedQuery, keyedQuery, type Query } from '../core/query.js';
import { inSlices } from '../core/turns.js';
import type { Kernel } from '../kernel/kernel.js';

/**
 * The keys of a query: synchronous unless its texts are long.
 *
 * @param signal aborts the computation
 * @throws AppError if too many lookups wait
 */
export function keysOf(
  query: Query,
  kernel: Kernel,
  seed: KeySeed,
  signal?: () => AbortSignal,
): MaybePromise<KeyedQuery> {
  if (!isLong(query)) {
    kernel.useSeed(seed);
    return keyedQuery(query, (text) => kernel.keysOf(text));
  }
  return inSlices(keysInSlices(query, kernel, seed), signal);
}

function isLong({ histories }: Query): boolean {
  let length = 0;
  for (const history of histories) for (const text of history) length += text.length;
  return length > KEYED_AT_ONCE_MAX;
}

function* keysInSlices(query: Query, kernel: Kernel, seed: KeySeed): Generator<void, KeyedQuery> {
  const known = new Map<string, TextKeys | undefined>();
  for (const text of new Set(query.histories.flat())) known.set(text, yield* kernel.keysInSlices(text, seed));
  return keyedQuery(query, (text) => known.get(text));
}
