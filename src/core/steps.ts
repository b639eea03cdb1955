/**
 * Yields to the event loop: long work on the main thread runs in steps. Each waiting job gets at most one step per turn of the event loop.
 * All of them together take `SLICE_MS` of that time, plus at most the time of one step.
 */

import { AppError } from './errors.js';
import { COMPARE_SLICE_MS, LOOKUPS_MAX, SLICE_MS, WORK_SLICE_MS } from './limits.js';
import type { MaybePromise } from './maybe-promise.js';

const waiting: (() => void)[] = [];
let quick: (() => void)[] = [];
let isScheduled = false;

/** Runs a step after those that are already waiting, and never before the caller has returned. A step must not throw. */
export function queueStep(step: () => void): void {
  waiting.push(step);
  schedule();
}

/** Runs quick work after the sockets have been read in this turn of the event loop, and before any step. It must not throw. */
export function beforeSteps(act: () => void): void {
  quick.push(act);
  schedule();
}

/** Runs long work in a step of its own. */
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
 * Calls `make` for each item: the result is synchronous if no call returns a promise and all of them take no longer than a slice.
 *
 * @throws what `make` throws, synchronously or as a rejection
 */
export function allInSteps<T, U>(
  items: readonly T[],
  make: (item: T, index: number) => MaybePromise<U>,
): MaybePromise<readonly U[]> {
  const made: MaybePromise<U>[] = [];
  const goOn = (endMs: number): MaybePromise<readonly U[]> => {
    while (made.length < items.length) {
      const value = make(items[made.length] as T, made.length);
      // Prevents an unhandled rejection: `Promise.all` is called later, or never if an earlier item has failed.
      if (value instanceof Promise) value.catch(() => undefined);
      made.push(value);
      if (performance.now() >= endMs && made.length < items.length)
        return inStep(() => goOn(performance.now() + SLICE_MS));
    }
    return made.some((value) => value instanceof Promise) ? Promise.all(made) : (made as readonly U[]);
  };
  // While steps are waiting, make one item now and the others after those steps: many requests may arrive in one turn of the
  // event loop.
  return goOn(waiting.length === 0 ? performance.now() + SLICE_MS : 0);
}

/**
 * The result of work that isn't done for one request: it begins at once, and runs in steps of `WORK_SLICE_MS` until it is complete.
 *
 * @param work yields wherever it may be interrupted
 * @throws what the work throws, synchronously or as a rejection
 */
export function inSteps<T>(work: Iterator<void, T>): MaybePromise<T> {
  const result = compareUntil(work, performance.now() + WORK_SLICE_MS);
  return result.done === true ? result.value : inStep(() => inSteps(work));
}

/** The result of work that yields wherever it may be interrupted, and isn't. */
export function atOnce<T>(work: Iterator<void, T>): T {
  let result = work.next();
  while (result.done !== true) result = work.next();
  return result.value;
}

/** Lookups that wait for the next step of their comparisons. */
let comparing = 0;

/**
 * The result of comparing texts: synchronous if it takes no longer than `COMPARE_SLICE_MS`, else in steps of that length.
 *
 * @param comparisons yields after each comparison
 * @param signal aborts the comparisons: the promise then rejects with the signal's reason. Called only if the result isn't synchronous
 * @throws what a comparison throws, synchronously or as a rejection; AppError if too many lookups wait
 */
export function inSlices<T>(comparisons: Iterator<void, T>, signal?: () => AbortSignal): MaybePromise<T> {
  // While other lookups wait, make one comparison, then wait after them.
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

/** Makes comparisons until `endMs`, at least one. */
function compareUntil<T>(comparisons: Iterator<void, T>, endMs: number): IteratorResult<void, T> {
  let result = comparisons.next();
  while (result.done !== true && performance.now() < endMs) result = comparisons.next();
  return result;
}

function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(runWaiting);
}

function runWaiting(): void {
  isScheduled = false;
  const acts = quick;
  quick = [];
  for (const act of acts) act();
  if (waiting.length > 0) runSteps();
}

function runSteps(): void {
  const endMs = performance.now() + SLICE_MS;
  // Steps that are queued meanwhile wait for the next turn of the event loop.
  let left = waiting.length;
  try {
    do waiting.shift()?.();
    while (--left > 0 && performance.now() < endMs);
  } finally {
    if (waiting.length > 0) schedule();
  }
}
