import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { isSystemError } from './file.js';

/**
 * Creates a folder and its parents, unless it exists. Node's recursive `mkdir` never returns if the system doesn't allow folders there, as in
 * /proc. It is synchronous: a signal that ends a command has removed its temporary folder, which must not be made again.
 *
 * @param mode the permissions of those that are created
 * @throws what `node:fs` throws
 */
export function makeFolder(path: string, mode = 0o777): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === 'EEXIST') return;
    if (error.code !== 'ENOENT' || dirname(path) === path) throw error;
    makeFolder(dirname(path), mode);
    mkdirSync(path, { mode });
  }
}
