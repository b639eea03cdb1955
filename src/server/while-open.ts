import type { Response } from 'express';
import { AppError } from '../core/errors.js';

/**
 * A signal that is aborted when the client leaves before its response has ended, and when it has waited for so long.
 *
 * @param timeoutMs after it, the signal's reason is an AppError
 */
export function whileOpen(response: Response, timeoutMs: number): AbortSignal {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new AppError('timed_out')), timeoutMs);
  response.on('close', () => {
    clearTimeout(timer);
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}
