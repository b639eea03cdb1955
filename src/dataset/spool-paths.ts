import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';

const ENDING = '.verbatim-spool';

/**
 * The paths for a dataset's spool, the preferred one first.
 *
 * @param folder a folder, or undefined: next to the dataset, else the user's cache folder
 * @param reading identifies the settings that decide how the dataset is read; empty for the defaults
 */
export function spoolPaths(datasetPath: string, folder: string | undefined, reading: string): string[] {
  const path = resolve(datasetPath);
  const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 12);
  const variant = reading === '' ? '' : `-${hash(reading)}`;
  // Datasets with the same name may share a folder.
  const unique = `${basename(path)}-${hash(path)}${variant}${ENDING}`;
  if (folder !== undefined) return [join(resolve(folder), unique)];
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return [join(dirname(path), `${basename(path)}${variant}${ENDING}`), join(cache, 'verbatim', unique)];
}
