/**
 * Gives way: what takes long on the main thread runs step by step. Whatever waits gets one step in a turn of the event loop at most,
 * and all together take `SLICE_MS` of it, and the time of a step more at most.
 */

import { AppError } from './errors.js';
import { COMPARE_SLICE_MS, LOOKUPS_MAX, SLICE_MS } from './limits.js';
import type { MaybePromise } from './maybe-promise.js';

const waiting: (() => void)[] = [];
let quick: (() => void)[] = [];
let isScheduled = false;

/** Runs a step after those that wait already, and never before the caller has returned. What it throws is a defect. */
export function queueStep(step: () => void): void {
  waiting.push(step);
  schedule();
}

/** Runs what is quick when the sockets have been read in this turn of the event loop, before any step. What it throws is a defect. */
export function beforeSteps(act: () => void): void {
  quick.push(act);
  schedule();
}

/** Does what takes long in a step of its own. */
export function inStep<T>(work: () => MaybePromise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    queueStep(() => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    });
  });
}

/**
 * What `make` makes of each item: at once if none has to be waited for, and all of it takes no longer than a slice.
 *
 * @throws what `make` throws, at once or as a rejection
 */
export function allInSteps<T, U>(
  items: readonly T[],
  make: (item: T, index: number) => MaybePromise<U>,
): MaybePromise<readonly U[]> {
  const made: MaybePromise<U>[] = [];
  const goOn = (endMs: number): MaybePromise<readonly U[]> => {
    while (made.length < items.length) {
      const value = make(items[made.length] as T, made.length);
      // Its failure is told with all of them, or not at all if an earlier one has failed.
      if (value instanceof Promise) value.catch(() => undefined);
      made.push(value);
      if (performance.now() >= endMs && made.length < items.length)
        return inStep(() => goOn(performance.now() + SLICE_MS));
    }
    return made.some((value) => value instanceof Promise) ? Promise.all(made) : (made as readonly U[]);
  };
  // While steps wait, one item is made at once, and the others after those steps: many requests may come in one turn.
  return goOn(waiting.length === 0 ? performance.now() + SLICE_MS : 0);
}

/** Lookups whose comparisons wait for their next step. */
let comparing = 0;

/**
 * What comparing texts comes to: at once if it takes no longer than `COMPARE_SLICE_MS`, else by steps of that length.
 *
 * @param comparisons yields after each
 * @param signal tells when the result is no longer wanted; the promise then rejects with its reason. Asked for only where somebody waits
 * @throws what a comparison throws, at once or as a rejection; AppError if too many wait
 */
export function inSlices<T>(comparisons: Iterator<void, T>, signal?: () => AbortSignal): MaybePromise<T> {
  // What comes while others wait makes one comparison, and waits behind them.
  const first = compareUntil(comparisons, comparing === 0 ? performance.now() + COMPARE_SLICE_MS : 0);
  if (first.done === true) return first.value;
  if (comparing >= LOOKUPS_MAX) throw new AppError('overloaded');
  const stop = signal?.();
  const goOn = (): Promise<T> =>
    inStep(() => {
      stop?.throwIfAborted();
      const result = compareUntil(comparisons, performance.now() + COMPARE_SLICE_MS);
      return result.done === true ? result.value : goOn();
    });
  comparing++;
  return goOn().finally(() => comparing--);
}

/** Makes comparisons, one at least. */
function compareUntil<T>(comparisons: Iterator<void, T>, endMs: number): IteratorResult<void, T> {
  let result = comparisons.next();
  while (result.done !== true && performance.now() < endMs) result = comparisons.next();
  return result;
}

function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(runTurn);
}

function runTurn(): void {
  isScheduled = false;
  const acts = quick;
  quick = [];
  for (const act of acts) act();
  if (waiting.length > 0) runSteps();
}

function runSteps(): void {
  const endMs = performance.now() + SLICE_MS;
  // Steps that are queued meanwhile wait for the next turn.
  let left = waiting.length;
  try {
    do waiting.shift()?.();
    while (--left > 0 && performance.now() < endMs);
  } finally {
    if (waiting.length > 0) schedule();
  }
}
