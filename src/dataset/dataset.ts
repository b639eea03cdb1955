import { statSync } from 'node:fs';
import { type ByteOffset, byteOffset } from '../core/bytes.js';
import type { TaskFailure } from '../core/errors.js';
import { SPOOL_HEADER_BYTES } from '../core/limits.js';
import type { TextPosition } from '../core/text-position.js';
import { DatasetError, EXPECTED_DATASET } from './dataset-error.js';
import {
  commonIdentity,
  type DatasetFile,
  FileChangedError,
  type FileIdentity,
  identityOf,
  withFile,
} from './file.js';
import { DEFAULT_SHAPE_OPTIONS, type ShapeOptions } from './shapes/shape.js';
import { type Recognized, type RecognizedFile, recognizeFile } from './sources.js';

/** A file of conversations. The census validates it. */
export interface Dataset extends DatasetFile {
  /** The state of the dataset's own file: the same file, unless that was spooled. */
  readonly source: FileIdentity;
  /** Records of that file that its spool lacks. */
  readonly skipped?: number;
}

const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'no permission to read it',
  EPERM: 'no permission to read it',
};

/**
 * Checks that a file is a regular file, is readable, and begins as a dataset does. Bytes may be appended to it meanwhile; afterwards only to
 * JSON lines that are served as they are, which are then read up to the end that they had.
 *
 * @param shapes how its records are read
 * @throws DatasetError
 */
export function recognizeDataset(path: string, shapes: ShapeOptions): RecognizedFile {
  return explain(path, () => {
    const file = assertFile(path);
    const recognized = recognizeFile({ ...file, mayGrow: true }, shapes);
    const { kind } = recognized;
    const mayGrow = kind === 'list' && recognized.format === 'lines' && recognized.isServedAsIs;
    return mayGrow ? recognized : { ...recognized, file };
  });
}

/**
 * The same for a file and others that its conversations are spread over, if there are some.
 *
 * @throws DatasetError
 */
export function recognizeTogether(path: string, others: readonly string[], shapes: ShapeOptions): Recognized {
  const first = recognizeDataset(path, shapes);
  if (others.length === 0) return first;
  const files = [first, ...others.map((other) => recognizeDataset(other, shapes))].map(withoutGrowth);
  const [one, ...rest] = files.map(({ file }) => file) as [FileIdentity, ...FileIdentity[]];
  return { kind: 'joined', file: commonIdentity(one, rest), files };
}

/** The same, as if nothing may be appended to the file. */
function withoutGrowth<T extends { readonly file: FileIdentity }>(recognized: T): T {
  return { ...recognized, file: { ...recognized.file, mayGrow: false } };
}

/**
 * The identity of the regular file at a path.
 *
 * @throws DatasetError if there is no such file
 */
export function assertFile(path: string): FileIdentity {
  return explain(path, () => {
    const stats = statSync(path);
    if (stats.isFile()) return identityOf(path, stats);
    const kind = stats.isDirectory() ? 'a folder' : 'not a regular file';
    throw new DatasetError(path, `it is ${kind}; expected ${EXPECTED_DATASET}`);
  });
}

/**
 * Opens a dataset that is served as it is.
 *
 * @throws DatasetError
 */
export function openDataset(path: string): Dataset {
  const recognized = recognizeDataset(path, DEFAULT_SHAPE_OPTIONS);
  if (recognized.kind === 'list') return datasetOf(recognized);
  throw new DatasetError(path, `it can't be served as it is: expected a JSON array, or JSON lines`);
}

/** The dataset that a list is, if it is served as it is. */
export function datasetOf({ file, format, body }: DatasetFile): Dataset {
  return { file, format, body, source: file };
}

/**
 * Opens the dataset's file, and passes it to `use`.
 *
 * @throws DatasetError when it can't be read, or has changed
 */
export function withDataset<T>({ file }: Pick<Dataset, 'file'>, use: (fd: number) => T): T {
  return explain(file.path, () => withFile(file, use));
}

/** Where the text of the dataset's file begins: positions in error messages count from there. */
export function textStart({ file, source }: Dataset): ByteOffset {
  return byteOffset(file === source ? 0 : SPOOL_HEADER_BYTES);
}

/** The error that a failed task reports about the dataset, and its position. */
export function datasetErrorOf(
  { source }: { readonly source: Pick<FileIdentity, 'path'> },
  { code, detail }: TaskFailure,
  position?: TextPosition,
): DatasetError {
  return new DatasetError(source.path, detail, position, code !== 'dataset_invalid');
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
