import { relative } from 'node:path';
import { SHARD_BYTES } from '../core/limits.js';
import { assertFile } from '../dataset/dataset.js';
import { DatasetError } from '../dataset/dataset-error.js';
import { identityAt } from '../dataset/file.js';
import { folderOf, noneServed, partsOf } from '../dataset/parts.js';
import { isSeveral } from '../dataset/several.js';
import type { Progress } from '../http/progress.js';
import { alone, type FileGroup, JoinedFiles, withoutFailed } from '../models/joined-files.js';
import { WorkerPool } from '../workers/pool.js';
import { checkFile, type ReadingOptions } from './check-file.js';
import { type CheckReport, type FileReport, type FolderReport, totalOf } from './check-report.js';

/** How datasets are checked. */
export interface CheckOptions extends ReadingOptions {
  /** The most threads to use; short files get fewer. */
  readonly workers: number;
}

/**
 * Reads a whole dataset, as the server does before it builds an index: a file, a folder, or the files that a pattern matches.
 *
 * @throws DatasetError if the server can't serve the dataset
 */
export async function check(path: string, options: CheckOptions, progress: Progress): Promise<CheckReport> {
  const isFolder = isSeveral(path);
  if (!isFolder) assertFile(path);
  const { files, splits } = isFolder
    ? await partsOf(path, options.splits)
    : { files: [path], splits: options.splits };
  const largest = files.reduce((most, file) => Math.max(most, identityAt(file)?.size ?? 0), 0);
  const workers = Math.max(1, Math.min(options.workers, Math.ceil(largest / SHARD_BYTES)));
  const pool = new WorkerPool(workers);
  try {
    const checkOne = (group: FileGroup) => checkFile(group, { ...options, splits }, pool, progress);
    if (!isFolder) return await checkOne(alone(path));
    return await checkParts(path, await new JoinedFiles(options.shapes).groups(files), checkOne);
  } finally {
    await pool.close();
  }
}

async function checkParts(
  path: string,
  groups: readonly FileGroup[],
  checkOne: (group: FileGroup) => Promise<FileReport>,
): Promise<FolderReport> {
  const folder = folderOf(path);
  const checked: FileReport[] = [];
  const errors: DatasetError[] = [];
  const parts: FolderReport['parts'][number][] = [];
  const shown = ({ path, others }: FileGroup) => {
    const files = [path, ...others].map((file) => relative(folder, file));
    return { path: files[0] ?? path, files: others.length === 0 ? undefined : files };
  };
  const waiting = [...groups];
  for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
    try {
      const one = await checkOne(group);
      checked.push(one);
      parts.push({ ...one, ...shown(group) });
    } catch (error) {
      if (!(error instanceof DatasetError)) throw error;
      errors.push(error);
      // As the server does: if only one of the files can't be read, the others are served.
      const rest = withoutFailed(group, error);
      parts.push({ ...shown(rest === undefined ? group : alone(error.path)), error: error.message });
      if (rest !== undefined) waiting.unshift(rest);
    }
  }
  if (checked.length === 0) throw noneServed(path, errors);
  return totalOf(path, checked, parts);
}
