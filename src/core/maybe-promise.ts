/** A value, or a promise of it if the caller has to wait. A value that is already known is used at once. */
export type MaybePromise<T> = T | Promise<T>;

/**
 * Applies `next` to a value: synchronously if the value isn't a promise. What `next` throws is thrown in that case, and rejects the promise
 * otherwise.
 */
export function after<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Calls `find` for each item in order, until a result isn't undefined: synchronously as long as no call returns a promise. */
export function firstFound<T, U>(
  items: readonly T[],
  find: (item: T) => MaybePromise<U | undefined>,
  from = 0,
): MaybePromise<U | undefined> {
  for (let at = from; at < items.length; at++) {
    const found = find(items[at] as T);
    if (found instanceof Promise) return found.then((found) => found ?? firstFound(items, find, at + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Calls `make` for each item: the result is synchronous if no call returns a promise.
 *
 * @throws what `make` throws; the outcome of promises that it has returned before is ignored
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

/**
 * What `make` makes of each item, one after the other: of several that fail, the first does. At once if none has to be waited for.
 *
 * @throws what `make` throws, at once or as a rejection
 */
export function allInOrder<T, U>(
  items: readonly T[],
  make: (item: T, index: number) => MaybePromise<U>,
  made: readonly U[] = [],
): MaybePromise<readonly U[]> {
  const values = [...made];
  while (values.length < items.length) {
    const value = make(items[values.length] as T, values.length);
    if (value instanceof Promise) return value.then((value) => allInOrder(items, make, [...values, value]));
    values.push(value);
  }
  return values;
}

/** The value, or what `instead` makes of the error that was thrown in its place. */
export function orElse<T>(
  value: () => MaybePromise<T>,
  instead: (error: unknown) => MaybePromise<T>,
): MaybePromise<T> {
  try {
    const found = value();
    return found instanceof Promise ? found.catch(instead) : found;
  } catch (error) {
    return instead(error);
  }
}
