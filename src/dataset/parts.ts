/** The files of a dataset: one file, those of a folder, or those that a pattern matches. */

import { statSync } from 'node:fs';
import { basename, relative, resolve, sep } from 'node:path';
import { allInSteps } from '../core/steps.js';
import { assertFile } from './dataset.js';
import { type DataFiles, dataFilesOf } from './dataset-card.js';
import { DatasetError } from './dataset-error.js';
import { FolderWalk } from './folder-walk.js';
import { isSeveral } from './several.js';
import { chosenSplits, splitOf } from './splits.js';

/** Files of a folder that are read. Those of other endings are notes, licences, programs, and what the server itself saves. */
const DATA_ENDING = /\.(?:json|jsonl|ndjson|csv|tsv|parquet|arrow|feather)(?:\.(?:gz|zst|br))?$/i;

/** What Hugging Face's `datasets` saves beside the data. */
const METADATA = /(?:^|[/\\])(?:dataset_infos?|dataset_dict|state)\.json$/;

/**
 * Throws unless there is such a file or folder, or a file that the pattern matches, with the splits.
 *
 * @throws DatasetError
 */
export async function assertFound(path: string, splits: readonly string[]): Promise<void> {
  if (isSeveral(path)) await partsOf(path, splits);
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
export async function partsOf(path: string, splits: readonly string[]): Promise<Parts> {
  return new PartsFinder(path, splits).find();
}

/** Finds the files of a dataset, again and again. */
export class PartsFinder {
  private readonly path: string;
  private readonly splits: readonly string[];
  private readonly folder: string;
  private readonly walk: FolderWalk;
  private last: { readonly files: readonly string[]; readonly card: Card; readonly parts: Parts } | undefined;

  /** @param splits those that are wanted; all if empty */
  constructor(path: string, splits: readonly string[]) {
    this.path = path;
    this.splits = splits;
    this.folder = folderOf(path);
    this.walk = new FolderWalk(this.folder);
  }

  /**
   * The files now.
   *
   * @returns the same object as the last time if no folder has changed
   * @throws DatasetError if there is no file, or a split isn't there
   */
  async find(): Promise<Parts> {
    const files = await this.walk.files();
    const card = this.folder === this.path ? dataFilesOf(this.folder) : undefined;
    if (this.last?.files === files && this.last.card === card) return this.last.parts;
    const parts = await this.partsAmong(files, card);
    this.last = { files, card, parts };
    return parts;
  }

  private async partsAmong(files: readonly string[], card: Card): Promise<Parts> {
    const { path, folder, splits } = this;
    const found =
      folder === path ? await filesOfFolder(folder, files, card) : await filesOfPattern(path, folder, files);
    const known = found.flatMap(({ split }) => split ?? []);
    if (known.length === 0) return { files: found.map(({ file }) => file), splits };
    const chosen = chosenSplits(path, splits, known);
    const isChosen = ({ split }: Part) => splits.length === 0 || (split !== undefined && chosen.has(split));
    return { files: found.filter(isChosen).map(({ file }) => file), splits: [] };
  }
}

/** The files that the card of a folder names; undefined if it names none. */
type Card = readonly DataFiles[] | undefined;

interface Part {
  readonly file: string;
  readonly split: string | undefined;
}

async function filesOfFolder(folder: string, files: readonly string[], card: Card): Promise<readonly Part[]> {
  const all = await wantedOf(files, (file) => DATA_ENDING.test(file));
  const named = card?.map(({ split, pattern }) => ({ split, matches: patternOf(pattern) }));
  if (named !== undefined) {
    const parts = await allInSteps(all, (file): readonly Part[] => {
      const path = slashed(relative(folder, file));
      const found = named.find(({ matches }) => matches.test(path));
      return found === undefined ? [] : [{ file, split: found.split ?? splitOf(path) }];
    });
    if (parts.some((each) => each.length > 0)) return parts.flat();
    throw new DatasetError(folder, 'no file that its README.md names');
  }
  if (all.length === 0) {
    throw new DatasetError(folder, 'no file of JSON, JSON lines, CSV, TSV, Parquet or Arrow in this folder');
  }
  const data = await wantedOf(all, (file) => !METADATA.test(file));
  return partsIn(folder, data.length > 0 ? data : all);
}

async function filesOfPattern(
  pattern: string,
  folder: string,
  all: readonly string[],
): Promise<readonly Part[]> {
  const matches = patternOf(pattern);
  const files = await wantedOf(all, (file) => matches.test(slashed(file)));
  if (files.length === 0) throw new DatasetError(pattern, 'no file matches');
  return partsIn(folder, files);
}

async function wantedOf(
  files: readonly string[],
  isWanted: (file: string) => boolean,
): Promise<readonly string[]> {
  const wanted = await allInSteps(files, isWanted);
  return files.filter((_, i) => wanted[i]);
}

async function partsIn(folder: string, files: readonly string[]): Promise<readonly Part[]> {
  const name = basename(resolve(folder));
  return allInSteps(files, (file) => ({ file, split: splitOf(slashed(relative(folder, file)), name) }));
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
