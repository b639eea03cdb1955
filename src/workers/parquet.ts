/** Reads Parquet files, a group of rows at a time. */

import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { byteOffset } from '../core/bytes.js';
import { DatasetSyntaxError } from '../core/errors.js';
import { FileChangedError, type FileIdentity, isSystemError, readFully } from '../dataset/file.js';

/** Some rows of a file, counted from 0: from `start` to before `end`. */
export interface RowRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The groups of rows of a file.
 *
 * @param fd the open file
 * @throws DatasetSyntaxError if the file isn't valid Parquet; what reading throws
 */
export async function rowGroups(fd: number, file: FileIdentity): Promise<RowRange[]> {
  const { row_groups } = await metadataOf(fd, file);
  let start = 0;
  return row_groups.map(({ num_rows }) => {
    const end = start + Number(num_rows);
    const range = { start, end };
    start = end;
    return range;
  });
}

/**
 * Some rows, as JSON values.
 *
 * @throws DatasetSyntaxError if the file isn't valid Parquet; what reading throws
 */
export async function readRows(fd: number, file: FileIdentity, { start, end }: RowRange): Promise<object[]> {
  const metadata = await metadataOf(fd, file);
  const rows = await explain(file, () =>
    parquetReadObjects({
      file: bufferOf(fd, file),
      metadata,
      compressors,
      rowStart: start,
      rowEnd: end,
    }),
  );
  // A row is a record, even if all its columns are lists: only a value in it may be a structure of lists.
  return rows.map((row) => mapValues(row, jsonValue));
}

function metadataOf(fd: number, file: FileIdentity): Promise<FileMetaData> {
  return explain(file, () => parquetMetadataAsync(bufferOf(fd, file)));
}

function bufferOf(fd: number, { size }: FileIdentity): AsyncBuffer {
  return {
    byteLength: size,
    slice: (start, end = size) => {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, size) - start));
      readFully(fd, bytes, start);
      return bytes.buffer;
    },
  };
}

/** The errors that hyparquet throws have no class of their own. */
async function explain<T>({ size }: FileIdentity, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (isSystemError(error) || error instanceof FileChangedError || !(error instanceof Error)) throw error;
    throw new DatasetSyntaxError(byteOffset(size), `not a valid Parquet file: ${error.message}`);
  }
}

/** A value of a row as JSON has it: without 64-bit integers, dates and bytes, and with lists of structures in place of structures of lists. */
function jsonValue(value: unknown): unknown {
  if (typeof value === 'bigint') {
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  }
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (ArrayBuffer.isView(value)) return null;
  if (Array.isArray(value)) return value.map(jsonValue);
  const fields = mapValues(value, jsonValue);
  return rowsOf(Object.entries(fields)) ?? fields;
}

function mapValues(fields: object, map: (value: unknown) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, map(value)]));
}

/** The structures that lists of their fields hold; undefined unless all fields are lists of the same length. */
function rowsOf(fields: readonly (readonly [string, unknown])[]): object[] | undefined {
  const [first] = fields;
  if (fields.length < 2 || !Array.isArray(first?.[1])) return undefined;
  const { length } = first[1];
  if (!fields.every(([, list]) => Array.isArray(list) && list.length === length)) return undefined;
  return Array.from({ length }, (_, i) =>
    Object.fromEntries(fields.map(([key, list]) => [key, (list as unknown[])[i]])),
  );
}
