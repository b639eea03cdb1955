import { SLICE_MS } from '../core/limits.js';
import { beforeSteps } from '../core/turns.js';

/** Takes what is to be sent. */
export interface SendTogether<T> {
  add(item: T): void;
}

/**
 * Sends answers together that were found in one turn of the event loop, while requests of many connections were read. The first one
 * wakes a client that sleeps, which costs the sender as much as all else about it; for the others it is awake. One that is alone goes
 * at the end of the turn, too. (Redis writes its replies like that: `handleClientsWithPendingWrites`.) What
 * takes longer than `SLICE_MS` goes on in the next turn.
 *
 * @param send is called for one after the other. What it throws is a defect, and ends the process.
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
      // The rest goes first in the next turn.
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
