/**
 * Marks: the places of some records of a file, so that a record is found by its number. A mark is set at the first record of each shard,
 * then at the next record after `MARK_RECORDS` records or `MARK_BYTES` bytes, whichever comes first. A block is the records from one mark
 * to the next one: reading one block is enough to find any record in it.
 */

import { type ByteRange, byteOffset } from '../core/bytes.js';
import { firstNear } from '../core/first.js';
import { MARK_BYTES, MARK_RECORDS } from '../core/limits.js';

/** Marks, as they are passed between threads. */
export interface MarkData {
  /** How many marks there are. */
  readonly count: number;
  /** How many records there are up to `end`. */
  readonly records: number;
  /** The offset in the file where the last block ends. */
  readonly end: number;
  /** Room for as many marks or more. */
  readonly buffer: SharedArrayBuffer;
}

/** The bytes of a mark: an offset, the number of a record, and a flag. */
const COLUMN_BYTES = 8 + 4 + 1;
const ROOM_MIN = 64;

/** The columns of the marks in a buffer. */
function columnsOf(buffer: SharedArrayBuffer) {
  const room = Math.floor(buffer.byteLength / COLUMN_BYTES);
  return {
    room,
    offsets: new Float64Array(buffer, 0, room),
    records: new Uint32Array(buffer, 8 * room, room),
    mixed: new Uint8Array(buffer, 12 * room, room),
  };
}

/** The marks of a file, or of its beginning. */
export class Marks {
  readonly data: MarkData;
  private readonly columns: ReturnType<typeof columnsOf>;

  constructor(data: MarkData) {
    this.data = data;
    this.columns = columnsOf(data.buffer);
  }

  /** How many marks, and so blocks, there are. */
  get count(): number {
    return this.data.count;
  }

  /** How many records there are. */
  get records(): number {
    return this.data.records;
  }

  /** The number of the first record of block `i`; for the block after the last one, the number of records. */
  recordAt(i: number): number {
    return i < this.count ? (this.columns.records[i] as number) : this.records;
  }

  /** The offset in the file of the first record of block `i`; for the block after the last one, where the last one ends. */
  offsetAt(i: number): number {
    return i < this.count ? (this.columns.offsets[i] as number) : this.data.end;
  }

  /**
   * False if a text in block `i` may have been put together from several parts. In plain blocks, the text of each turn is the content of one
   * JSON string. False may be a false negative.
   */
  isPlain(i: number): boolean {
    return this.columns.mixed[i] === 0;
  }

  /** The bytes of block `i`, with what separates its records. */
  rangeOf(i: number): ByteRange {
    return { start: byteOffset(this.offsetAt(i)), end: byteOffset(this.offsetAt(i + 1)) };
  }

  /** The block of a record, whose number is less than `records`. */
  find(record: number): number {
    const guess = Math.max(1, Math.floor((record / this.records) * this.count));
    return firstNear(guess, 1, this.count, (i) => this.recordAt(i) > record) - 1;
  }

  /** The size of the marks without spare room, in bytes. */
  static byteLength(count: number): number {
    return COLUMN_BYTES * count;
  }

  /** The same marks without spare room. */
  trimmed(): Marks {
    const list = new MarkList(this.count);
    list.append(this, 0);
    return list.marks(this.records, this.data.end);
  }
}

/** Marks that become more. Those that were taken from it before stay as they are. */
export class MarkList {
  private buffer: SharedArrayBuffer;
  private columns: ReturnType<typeof columnsOf>;
  private count = 0;

  /** @param room for how many marks there is room at first */
  constructor(room: number = ROOM_MIN) {
    this.buffer = new SharedArrayBuffer(Marks.byteLength(room));
    this.columns = columnsOf(this.buffer);
  }

  /** Adds a record, which becomes a mark if it is due. Records are added in the order of the file. */
  add(record: number, offset: number, isPlain: boolean): void {
    const { offsets, records, mixed } = this.columns;
    const last = this.count - 1;
    const isDue =
      last < 0 ||
      record - (records[last] as number) >= MARK_RECORDS ||
      offset - (offsets[last] as number) >= MARK_BYTES;
    if (isDue) this.push(record, offset, isPlain);
    else if (!isPlain) mixed[last] = 1;
  }

  /** Adds marks of records that follow. @param before how many records come before theirs */
  append(marks: Marks, before: number): void {
    for (let i = 0; i < marks.count; i++)
      this.push(before + marks.recordAt(i), marks.offsetAt(i), marks.isPlain(i));
  }

  /**
   * The same, but a block that is short together with the last one becomes a part of that one: many short appended pieces of a file would
   * have many marks.
   */
  extend(marks: Marks, before: number): void {
    if (this.count === 0 && before === 0) {
      this.copy(marks);
      return;
    }
    const { offsets, records, mixed } = this.columns;
    const last = this.count - 1;
    const joins =
      marks.count > 0 &&
      last >= 0 &&
      before + marks.recordAt(1) - (records[last] as number) <= MARK_RECORDS &&
      marks.offsetAt(1) - (offsets[last] as number) <= MARK_BYTES;
    if (joins && !marks.isPlain(0)) mixed[last] = 1;
    for (let i = joins ? 1 : 0; i < marks.count; i++)
      this.push(before + marks.recordAt(i), marks.offsetAt(i), marks.isPlain(i));
  }

  /** Takes the marks of the beginning of a file: all at once, since a file has many. */
  private copy({ count, data }: Marks): void {
    const { offsets, records, mixed } = columnsOf(data.buffer);
    this.makeRoom(count);
    this.columns.offsets.set(offsets.subarray(0, count));
    this.columns.records.set(records.subarray(0, count));
    this.columns.mixed.set(mixed.subarray(0, count));
    this.count = count;
  }

  /**
   * The marks that were added so far.
   *
   * @param records how many records there are, marks or not
   * @param end the offset in the file of what comes after them
   */
  marks(records: number, end: number): Marks {
    return new Marks({ count: this.count, records, end, buffer: this.buffer });
  }

  private push(record: number, offset: number, isPlain: boolean): void {
    if (this.count === this.columns.room) this.makeRoom(2 * Math.max(ROOM_MIN, this.count));
    const { offsets, records, mixed } = this.columns;
    offsets[this.count] = offset;
    records[this.count] = record;
    mixed[this.count] = isPlain ? 0 : 1;
    this.count++;
  }

  /** Makes room for `count` marks, if there is less. */
  private makeRoom(count: number): void {
    const { room, offsets, records, mixed } = this.columns;
    if (count <= room) return;
    this.buffer = new SharedArrayBuffer(Marks.byteLength(count));
    this.columns = columnsOf(this.buffer);
    this.columns.offsets.set(offsets);
    this.columns.records.set(records);
    this.columns.mixed.set(mixed);
  }
}
