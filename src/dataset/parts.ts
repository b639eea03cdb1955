/** The files of a dataset: one file, those of a folder, or those that a pattern matches. */

import { readdirSync, realpathSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { assertFile } from './dataset.js';
import { DatasetError } from './dataset-error.js';

/** Files of a folder that are read. Those of other endings are notes, licences, programs, and what the server itself saves. */
const DATA_ENDING = /\.(?:json|jsonl|ndjson|csv|tsv|parquet|arrow|feather)(?:\.(?:gz|zst|br))?$/i;

/** What Hugging Face's `datasets` saves beside the data. */
const METADATA = /(?:^|[/\\])(?:dataset_infos?|dataset_dict|state)\.json$/;

/** True if a path names several files: a folder, or a pattern with `*` or `?` that isn't the name of a file. */
export function isSeveral(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return /[*?]/.test(path);
  }
}

/**
 * Throws unless there is such a file or folder, or a file that the pattern matches.
 *
 * @throws DatasetError
 */
export function assertFound(path: string): void {
  if (isSeveral(path)) partsOf(path);
  else assertFile(path);
}

/**
 * The files of a dataset, in the order of their names.
 *
 * @throws DatasetError if there is no file
 */
export function partsOf(path: string): string[] {
  const isPattern = !isFolder(path);
  const folder = folderOf(path);
  const matches = isPattern ? patternOf(path) : DATA_ENDING;
  const found: string[] = [];
  collect(folder, new Set(), (file) => {
    if (matches.test(isPattern ? file.split(sep).join('/') : file)) found.push(file);
  });
  const data = isPattern ? found : found.filter((file) => !METADATA.test(file));
  if (data.length > 0) return data;
  if (found.length > 0) return found;
  const expected = isPattern
    ? 'no file matches'
    : 'no file of JSON, JSON lines, CSV, TSV, Parquet or Arrow in this folder';
  throw new DatasetError(path, expected);
}

/**
 * The error for a dataset of several files of which none can be served.
 *
 * @param errors that of each file
 */
export function noneServed(path: string, errors: readonly DatasetError[]): DatasetError {
  const [first] = errors;
  if (first !== undefined && errors.length === 1) return first;
  const problem = `none of its ${errors.length} files can be served; the first: ${first?.message}`;
  return new DatasetError(
    path,
    problem,
    undefined,
    errors.some(({ isTransient }) => isTransient),
  );
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Passes each file of a folder, and of the folders in it, to `take`. A folder that is reached twice, by a link, is read once. */
function collect(folder: string, seen: Set<string>, take: (file: string) => void): void {
  let real: string;
  try {
    real = realpathSync(folder);
  } catch {
    return;
  }
  if (seen.has(real)) return;
  seen.add(real);
  for (const name of readdirSync(folder).sort()) {
    if (name.startsWith('.')) continue;
    const path = join(folder, name);
    if (isFolder(path)) collect(path, seen, take);
    else take(path);
  }
}

/** The folder at a path, or that a pattern begins with. */
export function folderOf(path: string): string {
  if (isFolder(path)) return path;
  const parts = path.split('/');
  const first = parts.findIndex((part) => /[*?]/.test(part));
  return parts.slice(0, first).join('/') || (path.startsWith('/') ? '/' : '.');
}

/** A pattern as an expression for paths: `**` matches any folders, `*` and `?` characters of a name. */
function patternOf(pattern: string): RegExp {
  const normal = pattern.replace(/^\.\//, '').replace(/\/+/g, '/');
  const source = normal
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(
      /\*\*\/|\*\*|\*|\?/g,
      (sign) => ({ '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*' })[sign] ?? '[^/]',
    );
  return new RegExp(`^${source}$`);
}
