import { setTimeout as delay } from 'node:timers/promises';
import { StoreAwayError } from './store-error.js';

/** The pause before something is tried again: the first one, and the longest, in ms. */
const PAUSE_MS = 10;
const PAUSE_MS_MAX = 200;

/**
 * Does something that needs the store, again while that is away.
 *
 * @param waitMs how long to try
 * @param signal ends the waiting
 * @throws what `act` throws; the last `StoreAwayError` once the time is over; the signal's reason
 */
export async function whileAway<T>(act: () => Promise<T>, waitMs: number, signal?: AbortSignal): Promise<T> {
  const endMs = performance.now() + waitMs;
  for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof StoreAwayError) || performance.now() + pauseMs > endMs) throw error;
    }
    // Many requests wait for the same server.
    await pause(pauseMs * (0.5 + Math.random()), signal);
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  }
}
