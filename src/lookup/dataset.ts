import { readSync, statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { type ByteOffset, type ByteRange, byteOffset } from '../core/bytes.js';
import { DatasetSyntaxError, type Failure } from '../core/errors.js';
import { type DatasetFormat, EXPECTED_DATASET, readHead } from '../core/format.js';
import { cutRanges, planArrayShards, planLineShards, rangeCount, type ShardPlan } from '../core/shards.js';
import { FileChangedError, type FileIdentity, identityOf, readBlocks, withFile } from '../workers/file.js';
import type { WorkerPool } from '../workers/pool.js';
import type { StopFlag } from '../workers/stop-flag.js';
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

  /** True if the file could not be read just now; false if what it holds can never be served. */
  readonly isTransient: boolean;

  constructor(path: string, problem: string, offset?: ByteOffset, isTransient = false) {
    // Whatever a path holds, the message is one line.
    const name = path.replace(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
    super(offset === undefined ? `${name}: ${problem}` : `${name}: at byte ${offset}: ${problem}`);
    this.isTransient = isTransient;
  }
}

const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'no permission to read it',
  EPERM: 'no permission to read it',
};

/** How far apart the reads are that look at single bytes, in bytes. */
const WINDOW_BYTES = 1 << 16;

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
 * Cuts a dataset into shards: equal ranges first, then, in the workers, the survey that tells where records begin.
 *
 * @param stop ends it early; the promise then rejects
 * @throws DatasetError when the file can't be read
 */
export async function planShards(dataset: Dataset, pool: WorkerPool, stop: StopFlag): Promise<ShardPlan> {
  const { file, format, body } = dataset;
  const ranges = explain(file.path, () =>
    withFile(file, (fd) => cutRanges(body, rangeCount(body, pool.workers), byteReader(fd))),
  );
  if (format === 'lines') {
    const starts = await Promise.all(ranges.map((range) => pool.findLineStart({ file, range, stop })));
    return planLineShards(
      body,
      starts.map((outcome) => unwrap(file, outcome)),
    );
  }
  const surveys = await Promise.all(ranges.map((range) => pool.surveyRange({ file, range, stop })));
  return planArrayShards(
    body,
    surveys.map((outcome) => unwrap(file, outcome)),
  );
}

/** What a failed task says about the dataset. */
export function datasetErrorOf(file: FileIdentity, { code, detail, offset }: Failure): DatasetError {
  return new DatasetError(file.path, detail, offset, code !== 'dataset_invalid');
}

function unwrap<T>(file: FileIdentity, outcome: Outcome<T>): T {
  if (outcome.kind === 'failed') throw datasetErrorOf(file, outcome);
  return outcome.value;
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
    if (error instanceof FileChangedError) throw new DatasetError(path, error.message);
    if (!(error instanceof Error && 'syscall' in error && 'code' in error)) throw error;
    const problem = FILE_PROBLEMS[String(error.code)] ?? `it can't be read (${error.code})`;
    throw new DatasetError(path, `${problem}; expected ${EXPECTED_DATASET}`);
  }
}
