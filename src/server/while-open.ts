import type { Response } from 'express';

/** A signal that is aborted when the client leaves before its response has ended. */
export function whileOpen(response: Response): AbortSignal {
  const controller = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}
