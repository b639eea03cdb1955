/**
 * Gives way: what takes long runs step by step, and all of it together takes `SLICE_MS` of a turn of the event loop, and the time of a
 * step more at most. Whatever has one more step to go queues it anew, behind those of others.
 */

import { SLICE_MS } from '../core/limits.js';

const waiting: (() => void)[] = [];
let isScheduled = false;

/** Runs a step after those that wait already, and never before the caller has returned. What it throws is a defect. */
export function queueStep(step: () => void): void {
  waiting.push(step);
  schedule();
}

/** Settles when it is the caller's turn to go on with what takes long. */
export function nextStep(): Promise<void> {
  return new Promise((resolve) => queueStep(resolve));
}

function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(run);
}

function run(): void {
  isScheduled = false;
  const endMs = performance.now() + SLICE_MS;
  try {
    do waiting.shift()?.();
    while (waiting.length > 0 && performance.now() < endMs);
  } finally {
    if (waiting.length > 0) schedule();
  }
}
