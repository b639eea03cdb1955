import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { isSystemError } from './file.js';

/**
 * Creates a folder and its parents, unless it exists. Node's recursive `mkdir` never returns if the system doesn't allow folders there, as in
 * /proc. It is synchronous: a signal that ends a command has removed its temporary folder, which must not be made again.
 *
 * @throws what `node:fs` throws
 */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === 'EEXIST') return;
    if (error.code !== 'ENOENT' || dirname(path) === path) throw error;
    makeFolder(dirname(path));
    mkdirSync(path);
  }
}
