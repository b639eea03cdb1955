import { AppError } from '../core/errors.js';

/**
 * Loads a module when it is first needed.
 *
 * @throws AppError if the system has no file descriptor left to open it
 */
export async function loaded<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw unlessLoadable(cause);
  }
}

/** The error for the client, if a module can't be loaded for lack of file descriptors; any other error itself. */
export function unlessLoadable(cause: unknown): unknown {
  return isOutOfFiles(cause) ? new AppError('overloaded', { cause }) : cause;
}

/** True if the process, or the system, has too many files open. */
export function isOutOfFiles(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EMFILE' || error.code === 'ENFILE');
}
