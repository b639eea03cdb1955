import { byteOffset } from '../core/bytes.js';
import { counted } from '../core/counted.js';
import { QUOTED_RECORD_LENGTH, RECORD_BYTES_MAX } from '../core/limits.js';
import { RECORD, RECORD_NUMBERS } from '../kernel/kernel.js';
import { addBatch } from './convert-batch.js';
import type { PlainRecords } from './plain-records.js';
import type { RecordConverter } from './record-converter.js';

const BATCH_BYTES = 1 << 20;
const BATCH_ROWS = 1 << 12;
/** The most bytes that a character of JavaScript takes. */
const CHARACTER_BYTES = 3;

/** Converts rows of a table. Those of texts alone are collected as JSON, for the kernel: most of them are plain records. */
export class RowConverter {
  private readonly converter: RecordConverter;
  private readonly plain: PlainRecords;
  private readonly bytes = Buffer.allocUnsafe(BATCH_BYTES);
  private readonly rows = new Uint32Array(BATCH_ROWS * RECORD_NUMBERS);
  private count = 0;
  private length = 0;
  /** False once none of many rows was plain. */
  private collects = true;

  constructor(converter: RecordConverter, plain: PlainRecords) {
    this.converter = converter;
    this.plain = plain;
  }

  /** Adds the next row. */
  add(row: object): void {
    const json = this.collects && isOfTexts(row) ? JSON.stringify(row) : undefined;
    const bytesMax = CHARACTER_BYTES * (json?.length ?? 0);
    if (json === undefined || bytesMax > BATCH_BYTES) {
      this.flush();
      this.converter.add(row);
      return;
    }
    if (this.count === BATCH_ROWS || this.length + bytesMax > BATCH_BYTES) this.flush();
    const at = this.count++ * RECORD_NUMBERS;
    const length = this.bytes.write(json, this.length);
    this.rows[at + RECORD.start] = this.length;
    this.rows[at + RECORD.length] = length;
    this.length += length;
  }

  /**
   * Adds the next row of CSV or TSV.
   *
   * @param columns their names; columns without one are ignored
   * @param fields if they are too long, or aren't as many as the columns, the row is skipped
   */
  addFields(columns: readonly string[], fields: readonly string[]): void {
    const isLong = isTooLong(fields);
    if (fields.length === columns.length && !isLong) {
      this.add(recordOf(columns, fields));
      return;
    }
    this.flush();
    const ragged = `a row with ${counted(fields.length, 'field')}, not ${columns.length}`;
    const text = JSON.stringify(fields.map((field) => field.slice(0, QUOTED_RECORD_LENGTH)));
    this.converter.addRefused(text, isLong ? 'longer than 16 MiB' : ragged);
  }

  /** Converts the rows that were collected. */
  flush(): void {
    if (this.count === 0) return;
    const { converted } = this.plain;
    const records = this.rows.subarray(0, this.count * RECORD_NUMBERS);
    addBatch(
      this.converter,
      this.plain,
      { base: 0, records, bytes: this.bytes, offset: byteOffset(0) },
      'lines',
    );
    if (this.count === BATCH_ROWS || this.length > BATCH_BYTES / 2)
      this.collects = this.plain.converted > converted;
    this.count = 0;
    this.length = 0;
  }
}

/** True if the texts are longer together than a record may be. */
function isTooLong(fields: readonly string[]): boolean {
  const characters = fields.reduce((sum, { length }) => sum + length, 0);
  if (CHARACTER_BYTES * characters <= RECORD_BYTES_MAX) return false;
  return fields.reduce((sum, field) => sum + Buffer.byteLength(field), 0) > RECORD_BYTES_MAX;
}

function recordOf(columns: readonly string[], fields: readonly string[]): object {
  const entries: [string, string | undefined][] = [];
  for (const [i, name] of columns.entries()) if (name !== '') entries.push([name, fields[i]]);
  return Object.fromEntries(entries);
}

function isOfTexts(row: object): boolean {
  for (const value of Object.values(row)) if (typeof value !== 'string') return false;
  return true;
}
