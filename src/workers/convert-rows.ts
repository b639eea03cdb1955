/** Converts files whose records can't be read in parallel: objects over several lines, CSV and TSV. */

import { writeSync } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { CsvError, parse as parseCsv } from 'csv-parse';
import { type ByteOffset, type ByteRange, byteOffset } from '../core/bytes.js';
import { DatasetSyntaxError } from '../core/errors.js';
import { CSV_ROW_BYTES_MAX, RECORD_BYTES_MAX, SURVEY_BYTES_MIN } from '../core/limits.js';
import { parsePythonJson } from '../core/python-json.js';
import { readBlocks, readFully } from '../dataset/file.js';
import { type OuterValue, outerValues } from '../dataset/json-values.js';
import { beginsTable, rowsIn } from '../dataset/pandas-json.js';
import { CUT_OFF, columnWarnings, encodingWarnings } from '../dataset/refusal.js';
import { type Separator, spacesAtQuotes } from '../dataset/separated.js';
import { isRecord } from '../dataset/shapes/record.js';
import type { ShapeOptions } from '../dataset/shapes/shape.js';
import { readRecord } from '../dataset/shapes/shapes.js';
import { parseRecord, type RecordConverter } from './record-converter.js';
import { fillRows } from './spool-lines.js';
import type { Outline } from './tasks.js';

/** Bytes that are read of a value that is too long. */
const QUOTED_BYTES = 1024;

const LONG_TABLE =
  'a table that pandas wrote, longer than 16 MiB: write it with orient="records", lines=True';

/** Lines are written when there are this many bytes of them. */
const FLUSH_BYTES = 1 << 22;

/** A spool that is being written, from `at` on. */
export class SpoolEnd {
  at: number;
  private readonly fd: number;

  constructor(fd: number, at: number) {
    this.fd = fd;
    this.at = at;
  }

  /** Writes the lines of a converter if there are many, or all of them if it is the end. */
  flush(converter: RecordConverter, isEnd = false): void {
    if (!isEnd && converter.lines.size < FLUSH_BYTES) return;
    const { bytes, blanks } = converter.lines.take();
    fillRows(bytes, blanks, 0);
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.fd, bytes, done, bytes.length - done, this.at + done);
    }
    this.at += bytes.length;
  }
}

/** Called with the bytes of the source read so far; what it throws ends the work. */
export type OnRead = (bytes: number) => void;

/**
 * Converts JSON values that follow each other on any number of lines.
 *
 * @param flush called after each value
 * @throws DatasetSyntaxError at the first value that isn't valid JSON, unless the end of the file cuts it off
 */
export async function convertObjects(
  fd: number,
  range: ByteRange,
  converter: RecordConverter,
  flush: () => void,
  onRead: OnRead,
): Promise<void> {
  for (const { range: value } of outerValues(readBlocks(fd, range))) {
    const length = value.end - value.start;
    if (length > RECORD_BYTES_MAX) {
      addTooLong(fd, value, converter);
    } else {
      const bytes = Buffer.alloc(length);
      readFully(fd, bytes, value.start);
      const text = bytes.toString();
      const parsed = parseRecord(text);
      const rows = rowsIn(parsed);
      if (rows !== undefined) for (const row of rows) converter.add(row);
      else if (parsed !== undefined) converter.add(parsed, text);
      else {
        const error = await syntaxErrorOf(fd, value, range.end);
        if (error.offset !== range.end || converter.records === 0) throw error;
        converter.addRefused(text, CUT_OFF);
      }
    }
    flush();
    onRead(value.end - range.start);
  }
}

/** Adds a value that is too long to be read. */
function addTooLong(fd: number, { start }: ByteRange, converter: RecordConverter): void {
  const bytes = Buffer.alloc(QUOTED_BYTES);
  readFully(fd, bytes, start);
  const text = bytes.toString();
  if (beginsTable(text)) converter.addRefused(text, LONG_TABLE);
  else converter.add(undefined, text);
}

/** Why a value isn't valid JSON. */
async function syntaxErrorOf(fd: number, value: ByteRange, end: ByteOffset): Promise<DatasetSyntaxError> {
  // Loads stream-json, which is rarely needed.
  const { explainValue } = await import('../dataset/records.js');
  return explainValue(fd, value, end) ?? new DatasetSyntaxError(value.start, 'not valid JSON');
}

/** Called with the names of the columns and the fields of a row, which may be more or fewer. */
export type TakeFields = (columns: readonly string[], fields: readonly string[]) => void;

/**
 * Passes the rows of CSV or TSV with a header line to `take`, and returns the warnings about them. A quote
 * inside of a field without quotes is a part of its text.
 *
 * @throws DatasetSyntaxError where a quote doesn't end, or a row is too long
 */
export async function convertSeparated(
  fd: number,
  { start, end }: ByteRange,
  delimiter: Separator,
  take: TakeFields,
  onRead: OnRead,
): Promise<readonly string[]> {
  const encoding = new EncodingCheck();
  // A stream of `node:fs` would close the file when it is destroyed.
  const blocks = function* () {
    for (const { bytes, offset } of readBlocks(fd, { start, end })) {
      onRead(offset + bytes.length - start);
      encoding.add(bytes);
      yield Buffer.from(bytes);
    }
  };
  let rowAt = 0;
  const parser = parseCsv({
    on_record: (fields: string[], { bytes }) => {
      rowAt = bytes;
      return withoutMark(fields);
    },
    bom: true,
    delimiter,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: CSV_ROW_BYTES_MAX,
    ...spacesAtQuotes(headOf(fd, start, end), delimiter),
  });
  // The error arrives where the rows are read.
  const rows = pipeline(Readable.from(blocks(), { objectMode: false }), parser, () => undefined);
  try {
    let columns: readonly string[] | undefined;
    for await (const fields of rows as AsyncIterable<readonly string[]>) {
      encoding.addTexts(fields);
      if (columns === undefined) columns = fields.map((name) => name.trim());
      else if (!isHeaderAgain(columns, fields)) take(columns, fields);
    }
    return [...columnWarnings(columns ?? []), ...encodingWarnings(encoding.rows)];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new DatasetSyntaxError(byteOffset(start + rowAt), csvProblem(error));
  }
}

/** Counts the rows of a file that have bytes which aren't UTF-8. */
class EncodingCheck {
  private readonly decoder = new TextDecoder('utf-8', { fatal: true });
  private isValid = true;
  private replaced = 0;

  /** Adds the next bytes of the file. */
  add(bytes: Uint8Array): void {
    try {
      if (this.isValid) this.decoder.decode(bytes, { stream: true });
    } catch {
      this.isValid = false;
    }
  }

  /** Adds the next row, whose bytes were added before. */
  addTexts(texts: readonly string[]): void {
    if (texts.some((text) => text.includes('\ufffd'))) this.replaced++;
  }

  /** A file that is valid UTF-8 may have the replacement character itself. */
  get rows(): number {
    return this.isValid ? 0 : this.replaced;
  }
}

/** The start of the file, as far as its style is looked at. */
function headOf(fd: number, start: ByteOffset, end: ByteOffset): string {
  const bytes = Buffer.alloc(Math.min(SURVEY_BYTES_MIN, end - start));
  readFully(fd, bytes, start);
  return bytes.toString();
}

const BYTE_ORDER_MARK = '\ufeff';

/** The fields without the byte order mark that is before the first one where files were put together. */
function withoutMark(fields: string[]): string[] {
  const [first = '', ...others] = fields;
  return first.startsWith(BYTE_ORDER_MARK) ? [first.slice(1), ...others] : fields;
}

/** True for the header of a file that was put after another one. */
function isHeaderAgain(columns: readonly string[], fields: readonly string[]): boolean {
  return fields.length === columns.length && fields.every((field, i) => field.trim() === columns[i]);
}

/** What is wrong with the row after the last one that was read. */
function csvProblem({ code, message }: CsvError): string {
  if (code === 'CSV_MAX_RECORD_SIZE') return `a row is longer than ${CSV_ROW_BYTES_MAX >> 20} MiB`;
  return code === 'CSV_QUOTE_NOT_CLOSED' ? 'expected the end of a quoted field in this row' : message;
}

/**
 * The values of a file of JSON. A single value that is a conversation, or a table by pandas, counts as one without lists.
 *
 * @throws what reading throws
 */
export function outlineOf(fd: number, range: ByteRange, shapes: ShapeOptions, onRead: OnRead): Outline {
  let first: OuterValue | undefined;
  const blocks = function* () {
    for (const block of readBlocks(fd, range)) {
      yield block;
      onRead(block.offset + block.bytes.length - range.start);
    }
  };
  for (const value of outerValues(blocks())) {
    if (first !== undefined) return { values: 2, lists: [] };
    first = value;
  }
  const lists = first === undefined || isWhole(fd, first.range, shapes) ? [] : first.lists;
  return { values: first === undefined ? 0 : 1, lists };
}

/** True if a value is a record that can be read, or a table that pandas wrote. */
function isWhole(fd: number, { start, end }: ByteRange, shapes: ShapeOptions): boolean {
  if (end - start > RECORD_BYTES_MAX) return false;
  const bytes = Buffer.alloc(end - start);
  readFully(fd, bytes, start);
  const value = parsePythonJson(bytes.toString());
  return rowsIn(value) !== undefined || (isRecord(value) && readRecord(value, shapes) !== undefined);
}
