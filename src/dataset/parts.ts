/** The files of a dataset: one file, those of a folder, or those that a pattern matches. */

import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, join, relative, resolve, sep } from 'node:path';
import { assertFile } from './dataset.js';
import { dataFilesOf } from './dataset-card.js';
import { DatasetError } from './dataset-error.js';
import { isSystemError } from './file.js';
import { chosenSplits, splitOf } from './splits.js';

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
 * Throws unless there is such a file or folder, or a file that the pattern matches, with the splits.
 *
 * @throws DatasetError
 */
export function assertFound(path: string, splits: readonly string[]): void {
  if (isSeveral(path)) partsOf(path, splits);
  else assertFile(path);
}

/** The files of a dataset. */
export interface Parts {
  /** In the order of their names. */
  readonly files: readonly string[];
  /** The splits to look for in each of them: none if the files were chosen by their splits. */
  readonly splits: readonly string[];
}

/**
 * The files of a dataset.
 *
 * @param splits those that are wanted; all if empty
 * @throws DatasetError if there is no file, or a split isn't there
 */
export function partsOf(path: string, splits: readonly string[]): Parts {
  const found = isFolder(path) ? filesOfFolder(path) : filesOfPattern(path);
  const known = found.flatMap(({ split }) => split ?? []);
  if (known.length === 0) return { files: found.map(({ file }) => file), splits };
  const chosen = chosenSplits(path, splits, known);
  const isChosen = ({ split }: Part) => splits.length === 0 || (split !== undefined && chosen.has(split));
  return { files: found.filter(isChosen).map(({ file }) => file), splits: [] };
}

interface Part {
  readonly file: string;
  readonly split: string | undefined;
}

function filesOfFolder(folder: string): Part[] {
  const all = filesIn(folder).filter((file) => DATA_ENDING.test(file));
  const named = dataFilesOf(folder)?.map(({ split, pattern }) => ({ split, matches: patternOf(pattern) }));
  if (named !== undefined) {
    const parts = all.flatMap((file) => {
      const path = slashed(relative(folder, file));
      const found = named.find(({ matches }) => matches.test(path));
      return found === undefined ? [] : { file, split: found.split ?? splitOf(path) };
    });
    if (parts.length > 0) return parts;
    throw new DatasetError(folder, 'no file that its README.md names');
  }
  if (all.length === 0) {
    throw new DatasetError(folder, 'no file of JSON, JSON lines, CSV, TSV, Parquet or Arrow in this folder');
  }
  const data = all.filter((file) => !METADATA.test(file));
  return partsIn(folder, data.length > 0 ? data : all);
}

function filesOfPattern(pattern: string): Part[] {
  const folder = folderOf(pattern);
  const matches = patternOf(pattern);
  const files = filesIn(folder).filter((file) => matches.test(slashed(file)));
  if (files.length === 0) throw new DatasetError(pattern, 'no file matches');
  return partsIn(folder, files);
}

function partsIn(folder: string, files: readonly string[]): Part[] {
  const name = basename(resolve(folder));
  return files.map((file) => ({ file, split: splitOf(slashed(relative(folder, file)), name) }));
}

function filesIn(folder: string): string[] {
  const found: string[] = [];
  collect(folder, new Set(), (file) => found.push(file));
  return found;
}

function slashed(path: string): string {
  return path.split(sep).join('/');
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
  for (const name of namesIn(folder)) {
    if (name.startsWith('.')) continue;
    const path = join(folder, name);
    if (isFolder(path)) collect(path, seen, take);
    else take(path);
  }
}

/** @throws DatasetError if the folder can't be read: files would be missing */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new DatasetError(folder, `the folder can't be read (${error.code})`, undefined, true);
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
