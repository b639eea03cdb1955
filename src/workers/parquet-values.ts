/** Reads the values of a page of Parquet, some at a time. */

import { convert } from 'hyparquet/src/convert.js';
import { readDataPage } from 'hyparquet/src/datapage.js';
import { deltaBinaryUnpack } from 'hyparquet/src/delta.js';
import { readRleBitPackedHybrid } from 'hyparquet/src/encoding.js';
import type { ColumnDecoder, DataPageHeader, DataReader, DecodedArray } from 'hyparquet/src/types.js';
import type { ByteWindow } from './byte-window.js';
import { DamagedError } from './damaged.js';
import { assertDeltas, assertRuns } from './parquet-runs.js';

/** Bytes of values that are read at once, or one value. */
const CHUNK_BYTES = 1 << 20;
/** More bytes are decompressed once there are fewer than this. */
const REFILL_BYTES = 1 << 16;
/** Bytes that the lengths of values may have; more are tried if they are too few. */
const LENGTHS_BYTES = 1 << 16;

/** Reads the next values, at least one and at most `count`. */
export type TakeValues = (count: number) => DecodedArray;

/**
 * The values of a page.
 *
 * @param window what is after the levels
 * @param count how many values there are: without those that are null
 * @param encoding how they are encoded
 */
export function valuesOf(
  window: ByteWindow,
  count: number,
  encoding: DataPageHeader['encoding'],
  decoder: ColumnDecoder,
  dictionary: DecodedArray | undefined,
): TakeValues {
  if (decoder.type === 'BYTE_ARRAY' && encoding === 'PLAIN') return prefixedValues(window, decoder);
  if (encoding === 'DELTA_LENGTH_BYTE_ARRAY') return lengthValues(window, count, decoder);
  if (encoding === 'RLE_DICTIONARY' || encoding === 'PLAIN_DICTIONARY') {
    return dictionaryValues(window, count, dictionary);
  }
  return wholeValues(window, count, encoding, decoder);
}

/** The values of a page of a dictionary, all of them. */
export function dictionaryOf(window: ByteWindow, count: number, decoder: ColumnDecoder): DecodedArray {
  const take = valuesOf(window, count, 'PLAIN', decoder, undefined);
  const first = count === 0 ? [] : take(count);
  if (first.length === count) return first;
  const values = Array.from(first);
  while (values.length < count) for (const value of take(count - values.length)) values.push(value);
  return values;
}

/** Byte arrays, each after its length. */
function prefixedValues(window: ByteWindow, decoder: ColumnDecoder): TakeValues {
  return (count) => {
    if (window.end - window.at < REFILL_BYTES) window.need(Math.min(window.left, CHUNK_BYTES));
    window.need(4);
    window.need(4 + window.bytes.readUInt32LE(window.at));
    const views: Uint8Array[] = [];
    const { bytes, end } = window;
    for (let { at } = window; views.length < count && at + 4 <= end; window.at = at) {
      const from = at + 4;
      at = from + bytes.readUInt32LE(at);
      if (at > end) break;
      views.push(bytes.subarray(from, at));
    }
    return converted(views, decoder);
  };
}

/** Byte arrays after the lengths of all of them. */
function lengthValues(window: ByteWindow, count: number, decoder: ColumnDecoder): TakeValues {
  const lengths = new Int32Array(count);
  for (let size = LENGTHS_BYTES; count > 0; size *= 4) {
    const needed = Math.min(window.left, size);
    window.need(needed);
    const reader = { view: viewOf(window.bytes.subarray(window.at, window.at + needed)), offset: 0 };
    const isWhole = needed === window.left;
    if (unpackLengths(reader, lengths, isWhole)) {
      window.at += reader.offset;
      break;
    }
  }
  let next = 0;
  return (wanted) => {
    let bytes = 0;
    const to = Math.min(count, next + wanted);
    const sizes: number[] = [];
    for (; next < to && (bytes === 0 || bytes < CHUNK_BYTES); next++) {
      const length = lengths[next] as number;
      if (length < 0) throw new DamagedError('a value has a negative length');
      sizes.push(length);
      bytes += length;
    }
    window.need(bytes);
    return converted(
      sizes.map((length) => window.take(length)),
      decoder,
    );
  };
}

/** Reads lengths. Returns false if the bytes are too few; throws if they are all there is. */
function unpackLengths(reader: DataReader, lengths: Int32Array, isWhole: boolean): boolean {
  try {
    assertDeltas(reader.view);
    deltaBinaryUnpack(reader, lengths.length, lengths);
    if (reader.offset <= reader.view.byteLength) return true;
  } catch (error) {
    if (isWhole || !(error instanceof RangeError)) throw error;
    return false;
  }
  if (isWhole) throw new DamagedError('a page is shorter than its values');
  return false;
}

function dictionaryValues(
  window: ByteWindow,
  count: number,
  dictionary: DecodedArray | undefined,
): TakeValues {
  if (dictionary === undefined) throw new DamagedError('a column has no dictionary');
  const indices = new Uint32Array(count);
  const width = count === 0 ? 0 : (window.take(1)[0] as number);
  if (width > 32) throw new DamagedError('a page has numbers of too many bits');
  if (width > 0) {
    const bytes = window.take(window.left);
    assertRuns(bytes, width, count);
    readRleBitPackedHybrid({ view: viewOf(bytes), offset: 0 }, width, indices, bytes.length);
  }
  let next = 0;
  return (wanted) => {
    const values: unknown[] = [];
    for (const to = Math.min(count, next + wanted); next < to; next++) {
      const index = indices[next] as number;
      if (index >= dictionary.length)
        throw new DamagedError('a dictionary lacks a value that a page refers to');
      values.push(dictionary[index]);
    }
    return values;
  };
}

/** Values of any other kind, which are short. */
function wholeValues(
  window: ByteWindow,
  count: number,
  encoding: DataPageHeader['encoding'],
  decoder: ColumnDecoder,
): TakeValues {
  const bytes = window.take(window.left);
  if (decoder.type === 'BOOLEAN' && encoding === 'RLE' && count > 0) {
    assertRuns(bytes.subarray(4, 4 + bytes.readUInt32LE(0)), 1, count);
  }
  if (encoding.startsWith('DELTA_') && count > 0) assertDeltas(viewOf(bytes));
  const head = { num_values: count, encoding } as DataPageHeader;
  // Without a schema, it looks for no levels.
  const { dataPage } = readDataPage(bytes, head, { ...decoder, schemaPath: [] });
  let next = 0;
  return (wanted) => {
    const from = next;
    next = Math.min(dataPage.length, from + wanted);
    return converted(dataPage.slice(from, next), decoder);
  };
}

/** Values that don't share the memory of the window. */
function converted(values: DecodedArray, decoder: ColumnDecoder): DecodedArray {
  const found = convert(values, decoder);
  return found === values && Array.isArray(values) ? values.map(copied) : found;
}

function copied(value: unknown): unknown {
  return value instanceof Uint8Array ? value.slice() : value;
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}
