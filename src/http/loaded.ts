import { createRequire } from 'node:module';
import { AppError } from '../core/errors.js';

/** The packages that only some requests need. */
interface Packages {
  readonly cors: typeof import('cors');
  readonly express: typeof import('express');
  readonly 'prom-client': typeof import('prom-client');
}

const require = createRequire(import.meta.url);

/**
 * Loads a package when it is first needed. A later call tries again what failed in an earlier one: `import()` would fail the same way
 * until the process ends.
 *
 * @throws AppError if the process, or the system, has no file descriptor left
 */
export function loaded<Name extends keyof Packages>(name: Name): Packages[Name] {
  try {
    return require(name);
  } catch (cause) {
    throw isOutOfFiles(cause) ? new AppError('overloaded', { cause }) : cause;
  }
}

/** True if the process, or the system, has too many files open. */
export function isOutOfFiles(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EMFILE' || error.code === 'ENFILE');
}
