import { readSync, statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { BYTE, type ByteOffset, byteOffset } from '../core/bytes.js';
import { CommandError, DatasetSyntaxError, type Failure } from '../core/errors.js';
import { EXPECTED_DATASET, readHead } from '../core/format.js';
import { SURVEY_BYTES_MAX, SURVEY_BYTES_MIN } from '../core/limits.js';
import { edgesOf, rangeCount, shardsBetween } from '../core/shards.js';
import type { Kernel } from '../kernel/kernel.js';
import {
  type DatasetFile,
  FileChangedError,
  identityOf,
  readBlocks,
  readFully,
  withFile,
} from '../workers/file.js';
import { ShardPlan } from './shard-run.js';

/** A file that begins as a dataset does. Whether the rest of it is valid, the census finds out. */
export interface Dataset extends DatasetFile {
  /** The file's name without its ending: what the API calls the model. */
  readonly name: string;
}

/** Why a file can't be served: one line that names it, says where the trouble is, and what was expected. */
export class DatasetError extends CommandError {
  override readonly name = 'DatasetError';

  /** True if the file could not be read just now; false if what it holds can never be served. */
  readonly isTransient: boolean;

  constructor(path: string, problem: string, offset?: ByteOffset, isTransient = false) {
    const name = printable(path);
    super(offset === undefined ? `${name}: ${problem}` : `${name}: at byte ${offset}: ${problem}`);
    this.isTransient = isTransient;
  }
}

/** The path as it goes into a message: whatever it holds, that is one line. */
export function printable(path: string): string {
  return path.replace(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
}

const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'no permission to read it',
  EPERM: 'no permission to read it',
};

/** How far apart the reads are that look at single bytes, in bytes. */
const WINDOW_BYTES = 1 << 12;

/**
 * Looks at a file: that it is one, that it can be read, and how it begins.
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
    const end = byteOffset(file.size);
    const { format, bodyStart } = withFile(file, (fd) =>
      readHead(readBlocks(fd, { start: byteOffset(0), end })),
    );
    return { name: basename(path, extname(path)), file, format, body: { start: bodyStart, end } };
  });
}

/**
 * Opens the dataset's file, and hands it to `use`.
 *
 * @throws DatasetError when it can't be read, or is not as it was
 */
export function withDataset<T>({ file }: Dataset, use: (fd: number) => T): T {
  return explain(file.path, () => withFile(file, use));
}

/**
 * Cuts a dataset into shards: at the edges of equal ranges, moved right to where a record seems to begin. Nothing relies on
 * these cuts being right (see `ShardPlan`), but few are wrong.
 *
 * @throws DatasetError when the file can't be read
 */
export function planShards(dataset: Dataset, workers: number, kernel: Kernel): ShardPlan {
  const { format, body } = dataset;
  return withDataset(dataset, (fd) => {
    const edges = edgesOf(body, rangeCount(body, workers), byteReader(fd));
    const cuts: ByteOffset[] = [];
    for (const [i, edge] of edges.entries()) {
      const end = edges[i + 1] ?? body.end;
      const cut = format === 'lines' ? lineStart(fd, edge, end) : surveyedStart(fd, edge, end, kernel);
      if (cut !== undefined) cuts.push(cut);
    }
    return new ShardPlan(dataset, shardsBetween(body, cuts));
  });
}

/** Where the first line begins behind an edge. */
function lineStart(fd: number, edge: ByteOffset, end: ByteOffset): ByteOffset | undefined {
  for (const { bytes, offset } of readBlocks(fd, { start: edge, end }, SURVEY_BYTES_MIN)) {
    const lineEnd = bytes.indexOf(BYTE.lineFeed);
    if (lineEnd >= 0) return offset + lineEnd + 1 < end ? byteOffset(offset + lineEnd + 1) : undefined;
  }
  return undefined;
}

/** Where the first record of an array seems to begin behind an edge: more is looked at where little doesn't tell. */
function surveyedStart(
  fd: number,
  edge: ByteOffset,
  end: ByteOffset,
  kernel: Kernel,
): ByteOffset | undefined {
  const longest = Math.min(SURVEY_BYTES_MAX, end - edge);
  for (let length: number = SURVEY_BYTES_MIN; ; length *= 4) {
    const looked = Math.min(length, longest);
    kernel.reserve(looked);
    readFully(fd, kernel.input.subarray(0, looked), edge);
    const start = kernel.surveyStart(looked);
    if (start !== undefined) return byteOffset(edge + start);
    if (looked === longest) return undefined;
  }
}

/** What a failed task says about the dataset. */
export function datasetErrorOf({ file }: Dataset, { code, detail, offset }: Failure): DatasetError {
  return new DatasetError(file.path, detail, offset, code !== 'dataset_invalid');
}

/** Reads single bytes, mostly out of a window that was read before. */
function byteReader(fd: number): (offset: ByteOffset) => number {
  const window = Buffer.alloc(WINDOW_BYTES);
  let start = 0;
  let length = 0;
  return (offset) => {
    if (offset < start || offset >= start + length) {
      start = offset;
      length = readSync(fd, window, 0, WINDOW_BYTES, offset);
    }
    return window[offset - start] ?? 0;
  };
}

/** Runs what reads the file, and says in a DatasetError what went wrong with it. */
function explain<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DatasetSyntaxError) throw new DatasetError(path, error.message, error.offset);
    if (error instanceof FileChangedError) throw new DatasetError(path, error.message, undefined, true);
    if (!(error instanceof Error && 'syscall' in error && 'code' in error)) throw error;
    const problem = FILE_PROBLEMS[String(error.code)] ?? `it can't be read (${error.code})`;
    throw new DatasetError(path, `${problem}; expected ${EXPECTED_DATASET}`, undefined, true);
  }
}
