/** A value, or a promise of it where somebody has to wait: what is known at once is answered in the same tick. */
export type MaybePromise<T> = T | Promise<T>;

/** What `next` makes of a value: at once if the value is there. What `next` throws is thrown at once, too, or rejects. */
export function after<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** All values: at once if none has to be waited for. */
export function all<T>(values: readonly MaybePromise<T>[]): MaybePromise<readonly T[]> {
  return values.some((value) => value instanceof Promise) ? Promise.all(values) : (values as readonly T[]);
}
