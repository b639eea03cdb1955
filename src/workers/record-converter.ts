import type { Conversation } from '../core/conversation.js';
import { parsePythonJson } from '../core/python-json.js';
import {
  type ConversionReport,
  NOTHING_CONVERTED,
  type SkippedRecord,
} from '../dataset/conversion-report.js';
import { describeRead, describeRefused, describeSkipped, LONG_LINE, reasonOf } from '../dataset/refusal.js';
import {
  idOf,
  isObject,
  isRecord,
  type JsonObject,
  type JsonRecord,
  jsonOf,
} from '../dataset/shapes/record.js';
import type { JoinedShape, NumberedRecord, ShapeOptions } from '../dataset/shapes/shape.js';
import { isNativeReading, type Reading, readRecord } from '../dataset/shapes/shapes.js';
import { TextCounter } from '../dataset/text-counter.js';
import { SpoolLines } from './spool-lines.js';

/** A whole number that JavaScript would round, as the value of a key. */
const LONG_NUMBERS = /("(?:[^"\\]|\\.)*"\s*:\s*)(-?\d{16,})(?=\s*[,}\]])/g;

/** Parses a record; undefined if it isn't valid. Whole numbers that were rounded, such as long ids, become texts: they keep their digits. */
export function parseRecord(json: string): unknown {
  const record = parsePythonJson(json);
  return isObject(record) && hasRounded(record)
    ? parsePythonJson(json.replace(LONG_NUMBERS, '$1"$2"'))
    : record;
}

/** True if a field is a whole number that was rounded when it was parsed. */
function hasRounded(record: JsonObject): boolean {
  for (const key in record) {
    const value = record[key];
    if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) return true;
  }
  return false;
}

/** What may help if no record has its counterpart. */
const TOGETHER = ': put the files with both into one folder, or give a pattern that names them';

type WholeReading = Reading & { readonly kind: 'whole' };

/** Converts records to the lines of a spool, and counts what becomes of them. */
export class RecordConverter {
  readonly lines: SpoolLines;
  /** True once a record had a shape whose conversations are spread over several records. */
  isJoining = false;
  private readonly options: ShapeOptions;
  private readonly joined = new Map<JoinedShape, NumberedRecord[]>();
  private conversations = 0;
  private turns = 0;
  private leftOut = 0;
  private readonly texts = new TextCounter();
  private skipped = 0;
  private readonly shapes: Record<string, number> = {};
  private readonly reasons: Record<string, number> = {};
  private firstSkipped: SkippedRecord | undefined;
  private rows = 0;

  /** @param room see `SpoolLines` */
  constructor(options: ShapeOptions, room?: SharedArrayBuffer) {
    this.options = options;
    this.lines = new SpoolLines(room);
  }

  /** How many records were added. */
  get records(): number {
    return this.rows;
  }

  get report(): ConversionReport {
    const { counts: texts } = this.texts;
    const { rows: records, conversations, turns, leftOut, skipped, shapes, reasons, firstSkipped } = this;
    return {
      ...NOTHING_CONVERTED,
      records,
      conversations,
      turns,
      leftOut,
      texts,
      skipped,
      shapes,
      reasons,
      firstSkipped,
    };
  }

  /**
   * Adds the next record.
   *
   * @param value undefined if the record is too long or nests too deep
   * @param text its JSON, if that is at hand
   */
  add(value: unknown, text?: string): void {
    const row = this.rows++;
    const reading = isRecord(value) ? readRecord(value, this.options) : undefined;
    if (!isRecord(value) || reading === undefined) {
      this.countSkipped(reasonOf(value));
      const json = text ?? (value === undefined ? '' : JSON.stringify(value));
      this.firstSkipped ??= describeSkipped(value, json, row);
      return;
    }
    if (reading.kind === 'part') {
      this.isJoining = true;
      const records = this.joined.get(reading.shape) ?? [];
      this.joined.set(reading.shape, records);
      records.push({ record: value, row });
      return;
    }
    const isKept = isNativeReading(value, reading)
      ? this.keepRecord(value, reading, row, text)
      : this.keep(reading.conversations, row);
    if (isKept) count(this.shapes, reading.shape.name);
    else this.skip(LONG_LINE, { record: value, row });
  }

  /**
   * Adds the next record, which can't be read.
   *
   * @param text the beginning of it
   */
  addRefused(text: string, reason: string): void {
    const row = this.rows++;
    this.countSkipped(reason);
    this.firstSkipped ??= describeRefused(reason, text, row);
  }

  /**
   * Adds the lines of the next records, which others made. Of the report, they count in `records` alone.
   *
   * @param blanks see `SpoolLines.addLines`
   */
  addLines(records: number, bytes: Uint8Array, blanks: Uint32Array): void {
    this.rows += records;
    this.lines.addLines(bytes, blanks);
  }

  /** Adds the conversations that are spread over the records so far. */
  join(): void {
    for (const [shape, records] of this.joined) this.joinRecords(shape, records);
    this.joined.clear();
  }

  private joinRecords(shape: JoinedShape, records: readonly NumberedRecord[]): void {
    const skipped = new Map<number, string>();
    const { conversations } = this;
    for (const { row, ...conversation } of shape.join(records, (row, reason) => skipped.set(row, reason))) {
      if (!this.keep([conversation], row)) skipped.set(row, LONG_LINE);
    }
    const isAlone = shape.joinsFiles && this.conversations === conversations;
    for (const record of records) {
      const reason = skipped.get(record.row);
      if (reason === undefined) count(this.shapes, shape.name);
      else this.skip(isAlone && reason.includes(' without ') ? reason + TOGETHER : reason, record);
    }
  }

  private countSkipped(reason: string): void {
    this.skipped++;
    count(this.reasons, reason);
  }

  private count({ turns, leftOut = 0 }: Conversation): void {
    this.conversations++;
    this.turns += turns.length;
    this.leftOut += leftOut;
    this.texts.add(turns);
  }

  private skip(reason: string, { record, row }: NumberedRecord): void {
    this.countSkipped(reason);
    if (row < (this.firstSkipped?.row ?? Number.POSITIVE_INFINITY))
      this.firstSkipped = describeRead(record, reason, jsonOf(record), row);
  }

  /** Adds a record that is served as it is; returns false if it would be too long. */
  private keepRecord(
    record: JsonRecord,
    { conversations }: WholeReading,
    row: number,
    text?: string,
  ): boolean {
    if (!this.lines.addRecord(text ?? JSON.stringify(record), idOf(record) !== undefined, row)) return false;
    for (const conversation of conversations) this.count(conversation);
    return true;
  }

  /** Adds the conversations of a record; returns false if one of them would be too long. */
  private keep(conversations: readonly Conversation[], row: number): boolean {
    let areKept = true;
    for (const conversation of conversations) {
      if (this.lines.add(conversation, row)) this.count(conversation);
      else areKept = false;
    }
    return areKept;
  }
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
