import type { ServerResponse } from 'node:http';
import { AppError } from '../core/errors.js';
import { isDefect } from './errors.js';

/**
 * A signal that aborts when the client disconnects before its response has ended, or has waited for too long.
 *
 * @param timeoutMs how long the client may wait; after that, the signal's reason is an AppError
 */
export function whileOpen(response: ServerResponse, timeoutMs: number): AbortSignal {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new AppError('timed_out')), timeoutMs);
  const end = () => {
    clearTimeout(timer);
    if (!response.writableFinished) controller.abort();
  };
  if (response.closed) end();
  else response.on('close', end);
  return controller.signal;
}

/**
 * The result of a task, unless the signal aborts first. The task may go on then, but its result is dropped; a defect in it is still thrown.
 *
 * @throws the signal's reason, or what the task throws
 */
export async function unlessAborted<T>(signal: AbortSignal, task: Promise<T>): Promise<T> {
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => {
      reject(signal.reason);
      task.catch((error: unknown) => {
        if (isDefect(error)) throw error;
      });
    };
  });
  signal.addEventListener('abort', onAbort);
  try {
    if (signal.aborted) onAbort();
    return await Promise.race([task, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
