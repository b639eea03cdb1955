import { statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { byteOffset } from '../core/bytes.js';
import type { Failure } from '../core/errors.js';
import type { TextPosition } from '../core/text-position.js';
import { DatasetError } from './dataset-error.js';
import { type DatasetFile, FileChangedError, identityOf, readBlocks, withFile } from './file.js';
import { EXPECTED_DATASET, openBySource } from './sources.js';

/** A file that begins as a dataset does. The census validates the rest. */
export interface Dataset extends DatasetFile {
  /** The file's name without its ending: what the API calls the model. */
  readonly name: string;
}

const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'no permission to read it',
  EPERM: 'no permission to read it',
};

/**
 * Checks that a file is a regular file, is readable, and begins as a dataset does.
 *
 * @throws DatasetError
 */
export function openDataset(path: string): Dataset {
  return explain(path, () => {
    const stats = statSync(path);
    if (!stats.isFile()) {
      const kind = stats.isDirectory() ? 'a folder' : 'not a regular file';
      throw new DatasetError(path, `it is ${kind}; expected a file that holds ${EXPECTED_DATASET}`);
    }
    const file = identityOf(path, stats);
    const opened = withFile(file, (fd) =>
      openBySource(file, readBlocks(fd, { start: byteOffset(0), end: byteOffset(file.size) })),
    );
    return { name: basename(path, extname(path)), ...opened };
  });
}

/**
 * Opens the dataset's file, and passes it to `use`.
 *
 * @throws DatasetError when it can't be read, or has changed
 */
export function withDataset<T>({ file }: Dataset, use: (fd: number) => T): T {
  return explain(file.path, () => withFile(file, use));
}

/** The error that a failed task reports about the dataset, and its position. */
export function datasetErrorOf(
  { file }: Dataset,
  { code, detail }: Failure,
  position?: TextPosition,
): DatasetError {
  return new DatasetError(file.path, detail, position, code !== 'dataset_invalid');
}

/** Runs a function that reads the file, and turns its errors into a DatasetError. */
function explain<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof FileChangedError) throw new DatasetError(path, error.message, undefined, true);
    if (!(error instanceof Error && 'syscall' in error && 'code' in error)) throw error;
    const problem = FILE_PROBLEMS[String(error.code)] ?? `it can't be read (${error.code})`;
    throw new DatasetError(path, `${problem}; expected ${EXPECTED_DATASET}`, undefined, true);
  }
}
