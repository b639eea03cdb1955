/** Reads Arrow files and streams, a batch of rows at a time. */

import {
  type Batch,
  CompressionType,
  setCompressionCodec,
  type Table,
  tableFromIPC,
} from '@uwdata/flechette';
import { byteOffset } from '../core/bytes.js';
import { DatasetSyntaxError } from '../core/errors.js';
import { FileChangedError, isSystemError } from '../dataset/file.js';
import type { TableFile } from '../dataset/sources.js';
import { type ArrowGroup, groupsOfFile, groupsOfStream, readMessage } from './arrow-layout.js';
import { EXTRACTION, slicesOf } from './arrow-slices.js';
import { decompressZstd, limited } from './codecs.js';
import { DamagedError, damageIn } from './damaged.js';
import { decompressLz4Frame } from './lz4-frame.js';

const encode = (): never => {
  throw new Error('nothing is compressed');
};
setCompressionCodec(CompressionType.LZ4_FRAME, { encode, decode: limited(decompressLz4Frame) });
setCompressionCodec(CompressionType.ZSTD, { encode, decode: limited(decompressZstd) });

/**
 * The batches of a file, in groups.
 *
 * @param fd the open file
 * @throws DatasetSyntaxError if the file isn't valid; what reading throws
 */
export function arrowGroups(fd: number, { file, table, start }: TableFile): ArrowGroup[] {
  const find = table === 'arrow' ? groupsOfFile : groupsOfStream;
  try {
    return find(fd, { start, end: file.size });
  } catch (error) {
    throw explained(error, start);
  }
}

/**
 * The rows of a group.
 *
 * @throws DatasetSyntaxError if the file isn't valid; what reading throws
 */
export function* arrowRows(fd: number, { schema, dictionaries, batches }: ArrowGroup): Generator<object> {
  let at = dictionaries[0]?.start ?? batches[0]?.start ?? 0;
  try {
    const { fields } = tableFromIPC([schema], EXTRACTION).schema;
    const slices = batches.map((span) => slicesOf(fd, span, fields));
    const head = [schema, ...dictionaries.map((span) => readMessage(fd, span))];
    for (const [i, batch] of batches.entries()) {
      at = batch.start;
      const sliced = slices[i];
      if (sliced !== undefined) {
        yield* sliced;
        continue;
      }
      const table = tableFromIPC([...head, readMessage(fd, batch)], EXTRACTION);
      assertValid(table);
      for (let row = 0; row < table.numRows; row++) yield table.at(row);
    }
  } catch (error) {
    throw explained(error, at);
  }
}

/** The errors that flechette throws have no class of their own. */
function explained(error: unknown, at: number): unknown {
  if (isSystemError(error) || error instanceof FileChangedError || !(error instanceof Error)) return error;
  return new DatasetSyntaxError(byteOffset(at), `not a valid Arrow file: ${damageIn(error, 'a message')}`);
}

/** flechette trusts all lengths: rows that aren't there would be read without end. */
function assertValid({ schema, children, numRows }: Table): void {
  if (schema.endianness === 1) throw new DamagedError('its numbers are big-endian');
  for (const { data } of children) {
    for (const batch of data) {
      if (batch.length !== numRows) throw new DamagedError('a column has another number of rows');
      assertWhole(batch);
    }
  }
}

function assertWhole(batch: Batch<unknown>): void {
  const { length, nullCount, validity, values, offsets, sizes, children = [] } = batch;
  const isWhole =
    (nullCount === 0 || validity === undefined || validity.length * 8 >= length) &&
    (offsets !== undefined || values === undefined || values.length * 8 >= length) &&
    (offsets === undefined || sizes !== undefined || isRising(offsets, length, children[0] ?? values)) &&
    (offsets === undefined || sizes === undefined || areInside(offsets, sizes, length, children[0]));
  if (!isWhole) throw new DamagedError('a column is damaged');
  for (const child of children) assertWhole(child);
}

type Numbers = ArrayLike<number | bigint>;

/** True if the offsets of `length` values are in a list. */
function isRising(offsets: Numbers, length: number, list: { readonly length: number }): boolean {
  if (length === 0) return true;
  let last = Number(offsets[0]);
  if (offsets.length <= length || last < 0) return false;
  for (let i = 1; i <= length; i++) {
    const offset = Number(offsets[i]);
    if (offset < last) return false;
    last = offset;
  }
  return last <= list.length;
}

/** True if `length` lists, which may share values, are in a list. */
function areInside(
  offsets: Numbers,
  sizes: Numbers,
  length: number,
  list: Batch<unknown> | undefined,
): boolean {
  if (list === undefined || offsets.length < length || sizes.length < length) return false;
  for (let i = 0; i < length; i++) {
    const [offset, size] = [Number(offsets[i]), Number(sizes[i])];
    if (offset < 0 || size < 0 || offset + size > list.length) return false;
  }
  return true;
}
