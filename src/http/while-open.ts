import type { ServerResponse } from 'node:http';
import { AppError } from '../core/errors.js';
import { isDefect } from './errors.js';

/**
 * A signal that is aborted when the client leaves before its response has ended, and when it has waited for so long.
 *
 * @param timeoutMs after it, the signal's reason is an AppError
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
 * What a task comes to, if that is before the signal is aborted: nobody waits for it any longer, though it may go on. A defect of it
 * is thrown all the same.
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
