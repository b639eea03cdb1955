/** Looks at some records of a list, to decide whether it is served as it is. */

import { BYTE, type ByteOffset, byteOffset, isSpace } from '../core/bytes.js';
import { DatasetSyntaxError } from '../core/errors.js';
import { QUOTED_RECORD_LENGTH, SAMPLED_BYTES_MAX, SAMPLED_RECORDS_MAX } from '../core/limits.js';
import { parsePythonJson } from '../core/python-json.js';
import { splitElements } from './elements.js';
import { type DatasetFile, type DatasetFormat, readFully } from './file.js';
import { outerValues } from './json-values.js';
import { isRecord } from './shapes/record.js';
import type { ShapeOptions } from './shapes/shape.js';
import { isNativeReading, readRecord } from './shapes/shapes.js';

/**
 * True unless one of the first records has to be converted.
 *
 * @param head the start of the list
 * @param isAll true if that is the whole list
 */
export function isServedAsIs(
  head: Uint8Array,
  isAll: boolean,
  format: DatasetFormat,
  shapes: ShapeOptions,
): boolean {
  const sampled = head.subarray(0, SAMPLED_BYTES_MAX);
  const records = recordsIn(sampled, isAll && sampled.length === head.length, format);
  return !records.some(({ value }) => isConvertible(value, shapes));
}

/** A record, parsed. */
export interface SampledRecord {
  /** Undefined if it is too long, or cut off. */
  readonly value: unknown;
  readonly isCutOff: boolean;
  /** Its JSON, or the beginning of it. */
  readonly text: string;
}

/**
 * The records at these offsets.
 *
 * @throws what reading throws
 */
export function recordsAt(
  fd: number,
  { format, body }: DatasetFile,
  offsets: readonly ByteOffset[],
): SampledRecord[] {
  return offsets.map((offset) => {
    const bytes = Buffer.alloc(Math.min(SAMPLED_BYTES_MAX, body.end - offset));
    readFully(fd, bytes, offset);
    const [first] = recordsIn(bytes, offset + bytes.length === body.end, format);
    return (
      first ?? { value: undefined, isCutOff: false, text: bytes.toString('utf8', 0, QUOTED_RECORD_LENGTH) }
    );
  });
}

/**
 * The first records.
 *
 * @throws what reading throws
 */
export function sampleOf(fd: number, { format, body }: DatasetFile): SampledRecord[] {
  const bytes = Buffer.alloc(Math.min(SAMPLED_BYTES_MAX, body.end - body.start));
  readFully(fd, bytes, body.start);
  return recordsIn(bytes, bytes.length === body.end - body.start, format);
}

/**
 * The first record of a file of JSON; undefined if it doesn't end in these bytes, or isn't valid; null if they are not JSON.
 *
 * @param head the start of the file
 */
export function firstRecordIn(head: Uint8Array): unknown {
  const text = Buffer.from(head.buffer, head.byteOffset, head.length);
  const marked = text.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
  const body = marked ? text.subarray(BYTE_ORDER_MARK.length) : text;
  const start = body.findIndex((byte) => !isSpace(byte));
  const bytes = start < 0 ? Buffer.alloc(0) : body.subarray(start);
  if (bytes[0] === BYTE.openBracket) return recordsIn(bytes.subarray(1), false, 'array', 1)[0]?.value;
  if (bytes.length === 0) return undefined;
  if (bytes[0] !== BYTE.openBrace) return null;
  for (const { range } of outerValues([{ bytes, offset: byteOffset(0) }]))
    return parsePythonJson(bytes.toString('utf8', range.start, range.end));
  return undefined;
}

/**
 * True if one of the records at these offsets could be converted.
 *
 * @throws what reading throws
 */
export function hasConvertible(
  fd: number,
  file: DatasetFile,
  offsets: readonly ByteOffset[],
  shapes: ShapeOptions,
): boolean {
  return recordsAt(fd, file, offsets).some(({ value }) => isConvertible(value, shapes));
}

const BYTE_ORDER_MARK = Buffer.from('\ufeff');

/** True if a record can be read, but can't be served as it is. */
function isConvertible(record: unknown, shapes: ShapeOptions): boolean {
  if (!isRecord(record)) return false;
  const reading = readRecord(record, shapes);
  return reading !== undefined && !isNativeReading(record, reading);
}

/** The first records that begin and end in these bytes. */
function recordsIn(
  bytes: Uint8Array,
  isAll: boolean,
  format: DatasetFormat,
  recordsMax = SAMPLED_RECORDS_MAX,
): SampledRecord[] {
  const records: SampledRecord[] = [];
  const end = byteOffset(bytes.length);
  const blocks = [
    { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), offset: byteOffset(0) },
  ];
  let text = '';
  try {
    for (const part of splitElements(blocks, end, format)) {
      text += Buffer.from(part.bytes).toString();
      if (part.endedBy === undefined) continue;
      // The last line may be cut.
      const isWhole = format === 'array' || part.endedBy === 'separator' || isAll;
      if (isWhole && text.trim() !== '') records.push(sampled(text.trim()));
      text = '';
      if (records.length === recordsMax) break;
    }
  } catch (error) {
    if (!(error instanceof DatasetSyntaxError)) throw error;
  }
  return records;
}

function sampled(text: string): SampledRecord {
  const value = parsePythonJson(text);
  return { value, isCutOff: value === undefined, text };
}
