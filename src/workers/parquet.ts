/** Reads Parquet files, a group of rows at a time. */

import { type Compressors, type FileMetaData, parquetMetadataAsync } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { byteOffset } from '../core/bytes.js';
import { DatasetSyntaxError } from '../core/errors.js';
import { FileChangedError, isSystemError, readFully } from '../dataset/file.js';
import type { TableFile } from '../dataset/sources.js';
import { decompressBrotli, decompressGzip, decompressZstd } from './codecs.js';
import { DamagedError, damageIn } from './damaged.js';
import { rowsOfGroup } from './parquet-columns.js';
import { assertFooter, assertPages } from './parquet-pages.js';

const MAGIC = 'PAR1';
/** The length of the footer, and the magic number. */
const TAIL_BYTES = 4 + MAGIC.length;

/** A group of rows. */
export interface ParquetGroup {
  readonly table: 'parquet';
  /** Decompressed. */
  readonly bytes: number;
  /** The number of the group, counted from 0. */
  readonly index: number;
  /** How many rows it has. */
  readonly rows: number;
}

/** Those of Node are faster, and end with an error if the data are damaged. */
const COMPRESSORS: Compressors = {
  ...compressors,
  GZIP: decompressGzip,
  BROTLI: decompressBrotli,
  ZSTD: decompressZstd,
};

/**
 * The groups of rows of a file.
 *
 * @param fd the open file
 * @throws DatasetSyntaxError if the file isn't valid Parquet; what reading throws
 */
export async function parquetGroups(fd: number, file: TableFile): Promise<ParquetGroup[]> {
  const { row_groups } = await metadataOf(fd, file);
  return row_groups.map(({ num_rows, total_byte_size }, index) => ({
    table: 'parquet',
    bytes: Number(total_byte_size),
    index,
    rows: Number(num_rows),
  }));
}

/**
 * The rows of a group. Iterating throws, too.
 *
 * @throws DatasetSyntaxError if the file isn't valid Parquet; what reading throws
 */
export async function parquetRows(
  fd: number,
  file: TableFile,
  group: ParquetGroup,
): Promise<Generator<object, void>> {
  return rowsIn(fd, file, await metadataOf(fd, file), group);
}

function* rowsIn(
  fd: number,
  file: TableFile,
  metadata: FileMetaData,
  { index, rows }: ParquetGroup,
): Generator<object, void> {
  const { slice } = bufferOf(fd, file);
  try {
    for (const { meta_data, crypto_metadata } of metadata.row_groups[index]?.columns ?? []) {
      if (crypto_metadata !== undefined) throw new DamagedError('its columns are encrypted');
      if (meta_data !== undefined) assertPages(slice, meta_data);
    }
    let count = 0;
    for (const row of rowsOfGroup(slice, metadata, index, COMPRESSORS)) {
      count++;
      yield row;
    }
    if (count !== rows) throw new DamagedError(`a group of ${rows} rows has ${count}`);
  } catch (error) {
    throw explained(file, error);
  }
}

async function metadataOf(fd: number, file: TableFile): Promise<FileMetaData> {
  try {
    const buffer = bufferOf(fd, file);
    const tail = Buffer.from(buffer.slice(Math.max(0, buffer.byteLength - TAIL_BYTES)));
    if (tail.length < TAIL_BYTES || tail.toString('latin1', 4) !== MAGIC) {
      throw new DamagedError('its footer is missing: the file ends too early');
    }
    const end = buffer.byteLength - TAIL_BYTES;
    assertFooter(Buffer.from(buffer.slice(Math.max(0, end - tail.readUInt32LE()), end)));
    const metadata = await parquetMetadataAsync(buffer, { geoparquet: false });
    // hyparquet would look for such columns without end.
    if (metadata.schema.some(({ num_children = 0 }) => num_children < 0)) {
      throw new DamagedError('its schema is damaged');
    }
    return metadata;
  } catch (error) {
    throw explained(file, error);
  }
}

/** The bytes of the table: what is before it in the file is no part of them. */
function bufferOf(fd: number, { file, start: from }: TableFile) {
  const byteLength = file.size - from;
  return {
    byteLength,
    slice: (start: number, end = byteLength) => {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, byteLength) - start));
      readFully(fd, bytes, from + start);
      return bytes.buffer;
    },
  };
}

/** The errors that hyparquet throws have no class of their own. */
function explained({ file: { size } }: TableFile, error: unknown): unknown {
  if (isSystemError(error) || error instanceof FileChangedError || !(error instanceof Error)) return error;
  return new DatasetSyntaxError(
    byteOffset(size),
    `not a valid Parquet file: ${damageIn(error, 'its footer')}`,
  );
}
