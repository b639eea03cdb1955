import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';

const ENDING = '.verbatim-index';

/**
 * The paths for a dataset's index, the preferred one first.
 *
 * @param folder a folder, `none` for no path at all, or undefined: next to the dataset, else the user's cache folder
 */
export function indexPaths(datasetPath: string, folder: string | undefined): string[] {
  const path = resolve(datasetPath);
  if (folder === 'none') return [];
  // Datasets with the same name may share a folder.
  const unique = `${basename(path)}-${createHash('sha256').update(path).digest('hex').slice(0, 12)}${ENDING}`;
  if (folder !== undefined) return [join(resolve(folder), unique)];
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return [join(dirname(path), basename(path) + ENDING), join(cache, 'verbatim', unique)];
}

/**
 * Where the index of a later range of a dataset's bytes is saved.
 *
 * @param path a path for the index of the first range
 * @param start the offset where the range begins
 */
export function segmentPath(path: string, start: number | ''): string {
  return `${path}.from-${start}`;
}

/** True if a file exists at one of these paths. Only loading it shows whether it can be used. */
export function isIndexSaved(datasetPath: string, folder: string | undefined): boolean {
  return indexPaths(datasetPath, folder).some((path) => existsSync(path));
}
