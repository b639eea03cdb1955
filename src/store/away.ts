import { AppError } from '../core/errors.js';

/**
 * What is done in place of what needed the store.
 *
 * @param error why that failed
 * @throws `error` itself, unless the store is away
 */
export function insteadOfStore<T>(error: unknown, act: () => T): T {
  if (error instanceof AppError && error.code === 'store_unavailable') return act();
  throw error;
}
