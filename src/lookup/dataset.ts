import { readSync, statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { type ByteOffset, type ByteRange, byteOffset } from '../core/bytes.js';
import { DatasetSyntaxError, type Failure } from '../core/errors.js';
import { type DatasetFormat, EXPECTED_DATASET, readHead } from '../core/format.js';
import { cutRanges, planArrayShards, planLineShards, rangeCount, type ShardPlan } from '../core/shards.js';
import { type FileIdentity, identityOf, readBlocks, withFile } from '../workers/file.js';
import type { WorkerPool } from '../workers/pool.js';
import type { Outcome } from '../workers/tasks.js';

/** A file that begins as a dataset does. Whether the rest of it is valid, the inventory finds out. */
export interface Dataset {
  /** The file's name without its ending: what the API calls the model. */
  readonly name: string;
  readonly file: FileIdentity;
  readonly format: DatasetFormat;
  /** The bytes that hold the list's elements, to the end of the file. */
  readonly body: ByteRange;
}

/** Why a file can't be served: one line that names it, says where the trouble is, and what was expected. */
export class DatasetError extends Error {
  override readonly name = 'DatasetError';

  constructor(path: string, problem: string, offset?: ByteOffset) {
    super(offset === undefined ? `${path}: ${problem}` : `${path}: at byte ${offset}: ${problem}`);
  }
}

const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'no permission to read it',
  EPERM: 'no permission to read it',
};

/**
 * Looks at a file: that it is one, that it can be read, and how it begins.
 *
 * @throws DatasetError
 */
export function openDataset(path: string): Dataset {
  try {
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
  } catch (error) {
    if (error instanceof DatasetSyntaxError) throw new DatasetError(path, error.message, error.offset);
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    if (code === undefined) throw error;
    throw new DatasetError(
      path,
      `${FILE_PROBLEMS[code] ?? `it can't be read (${code})`}; expected ${EXPECTED_DATASET}`,
    );
  }
}

/**
 * Cuts a dataset into shards: equal ranges first, then, in the workers, the survey that tells where records begin.
 *
 * @throws DatasetError when the file can't be read
 */
export async function planShards(dataset: Dataset, pool: WorkerPool): Promise<ShardPlan> {
  const { file, format, body } = dataset;
  const ranges = withFile(file, (fd) => {
    const byte = new Uint8Array(1);
    const byteAt = (offset: ByteOffset) => (readSync(fd, byte, 0, 1, offset) === 1 ? (byte[0] as number) : 0);
    return cutRanges(body, rangeCount(body, pool.workers), byteAt);
  });
  if (format === 'lines') {
    const starts = await Promise.all(ranges.map((range) => pool.findLineStart({ file, range })));
    return planLineShards(
      body,
      starts.map((outcome) => unwrap(file, outcome)),
    );
  }
  const surveys = await Promise.all(ranges.map((range) => pool.surveyRange({ file, range })));
  return planArrayShards(
    body,
    surveys.map((outcome) => unwrap(file, outcome)),
  );
}

/** What a failed task says about the dataset, for the start of the server. */
export function datasetErrorOf(file: FileIdentity, { detail, offset }: Failure): DatasetError {
  return new DatasetError(file.path, detail, offset);
}

function unwrap<T>(file: FileIdentity, outcome: Outcome<T>): T {
  if (outcome.kind === 'failed') throw datasetErrorOf(file, outcome);
  return outcome.value;
}
