/** A value, or a promise of it where somebody has to wait: what is known at once is answered in the same tick. */
export type MaybePromise<T> = T | Promise<T>;

/** What `next` makes of a value: at once if the value is there. What `next` throws is thrown at once, too, or rejects. */
export function after<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** The first that is found for an item, which are asked in order: at once if none has to be waited for. */
export function firstFound<T, U>(
  items: readonly T[],
  find: (item: T) => MaybePromise<U | undefined>,
  from = 0,
): MaybePromise<U | undefined> {
  if (from === items.length) return undefined;
  return after(find(items[from] as T), (found) => found ?? firstFound(items, find, from + 1));
}

/**
 * What `make` makes of each item: at once if none has to be waited for.
 *
 * @throws what `make` throws; of the promises that it has made before, nobody is told any more
 */
export function all<T, U>(
  items: readonly T[],
  make: (item: T, index: number) => MaybePromise<U>,
): MaybePromise<readonly U[]> {
  const made: MaybePromise<U>[] = [];
  try {
    for (const [i, item] of items.entries()) made.push(make(item, i));
  } catch (error) {
    Promise.allSettled(made);
    throw error;
  }
  return made.some((value) => value instanceof Promise) ? Promise.all(made) : (made as readonly U[]);
}
