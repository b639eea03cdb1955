import type { DatasetFormat } from '../dataset/file.js';
import { CUT_OFF, reasonOf } from '../dataset/refusal.js';
import { RECORD, RECORD_NUMBERS } from '../kernel/kernel.js';
import type { PlainRecords } from './plain-records.js';
import { parseRecord, type RecordConverter } from './record-converter.js';
import type { RecordRows } from './walk.js';

/** Adds the records of a batch to a converter: the kernel converts those that are plain, the others are parsed. */
export function addBatch(
  converter: RecordConverter,
  plain: PlainRecords,
  batch: RecordRows,
  format: DatasetFormat,
): void {
  if (batch.unread !== undefined) {
    const { text, isCutOff } = batch.unread;
    converter.addRefused(text, isCutOff ? CUT_OFF : reasonOf(undefined));
    return;
  }
  const rows = batch.records.length / RECORD_NUMBERS;
  const isLoaded = rows > 0 && plain.load(batch, format);
  for (let row = 0; row < rows; row++) {
    if (isLoaded) row = plain.convert(row, converter);
    if (row < rows) addRecord(converter, batch, row * RECORD_NUMBERS);
  }
}

/** Adds the record of a row. */
function addRecord(
  converter: RecordConverter,
  { base, offset, bytes, records }: RecordRows,
  at: number,
): void {
  const length = records[at + RECORD.length] as number;
  const start = base + (records[at + RECORD.start] as number) - offset;
  const text = textOf(bytes, start, start + length);
  converter.add(parseRecord(text), text);
}

function textOf({ buffer, byteOffset: from }: Uint8Array, start: number, end: number): string {
  return Buffer.from(buffer, from + start, end - start).toString();
}
