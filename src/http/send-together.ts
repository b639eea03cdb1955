import { SLICE_MS } from '../core/limits.js';
import { beforeSteps } from '../core/steps.js';

/** Collects items to send. */
export interface SendTogether<T> {
  add(item: T): void;
}

/**
 * Sends answers together that were found in one turn of the event loop, while the requests of many connections were read. The first answer
 * wakes a sleeping client, which costs the sender as much as everything else about the answer; the others find the client awake. A single
 * answer is sent at the end of that turn of the event loop, too. After `SLICE_MS`, the rest is sent in the
 * next one. (Redis writes its replies in the same way: `handleClientsWithPendingWrites`.)
 *
 * @param send called for one item after the other. An error that it throws is a defect, and ends the process.
 */
export function sendTogether<T>(send: (item: T) => void): SendTogether<T> {
  let waiting: T[] = [];
  const flush = () => {
    const items = waiting;
    waiting = [];
    const endMs = items.length > 1 ? performance.now() + SLICE_MS : 0;
    for (let next = 0; next < items.length; ) {
      send(items[next++] as T);
      if (next === items.length || performance.now() < endMs) continue;
      // The rest is sent first in the next turn of the event loop.
      if (waiting.length === 0) beforeSteps(flush);
      waiting = [...items.slice(next), ...waiting];
      return;
    }
  };
  return {
    add: (item) => {
      if (waiting.push(item) === 1) beforeSteps(flush);
    },
  };
}
