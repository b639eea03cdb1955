import { after, type MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import type { Lookup, Match } from './lookup.js';

/**
 * Looks up queries in order: the first match of the rung `context`, else the first match of any rung without rules, else the first match.
 *
 * @throws AppError, synchronously or as a rejection
 */
export function findFirst(
  lookup: Lookup,
  [query, ...others]: readonly Query[],
  signal: () => AbortSignal,
  first?: Match,
): MaybePromise<Match | undefined> {
  if (query === undefined) return first;
  return after(lookup.find(query, signal), (match) =>
    match?.rung === 'context' ? match : findFirst(lookup, others, signal, earlierOf(first, match)),
  );
}

/** The first of two matches; the second if the first needs rules, and the second doesn't. */
export function earlierOf(first: Match | undefined, second: Match | undefined): Match | undefined {
  const isSecond = first === undefined || (first.isRuled && second !== undefined && !second.isRuled);
  return isSecond ? second : first;
}
