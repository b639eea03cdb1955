import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';

const ENDING = '.verbatim-index';

/**
 * The places for a dataset's index, the preferred one first.
 *
 * @param folder a folder, `none` for no place at all, or undefined: beside the dataset, else the user's cache folder
 */
export function indexPaths(datasetPath: string, folder: string | undefined): string[] {
  const path = resolve(datasetPath);
  if (folder === 'none') return [];
  // Datasets of the same name may come together in one folder.
  const unique = `${basename(path)}-${createHash('sha256').update(path).digest('hex').slice(0, 12)}${ENDING}`;
  if (folder !== undefined) return [join(resolve(folder), unique)];
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return [join(dirname(path), basename(path) + ENDING), join(cache, 'verbatim', unique)];
}

/** True if there is a file in one of these places. Whether it can be used, only loading it tells. */
export function isIndexSaved(datasetPath: string, folder: string | undefined): boolean {
  return indexPaths(datasetPath, folder).some((path) => existsSync(path));
}
