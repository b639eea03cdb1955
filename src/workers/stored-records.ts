import { NO_CONVERSATION, RECORD, RECORD_NUMBERS, TURN, TURN_NUMBERS } from '../kernel/kernel.js';
import type { RecordBatch } from './walk.js';

/** Bytes before the turns: their number, and where the id is. */
const HEAD_BYTES = 12;
/** Bytes of each turn: where it starts, and its length with its flags. */
const TURN_BYTES = 8;

/** Some records as a store has them. */
export interface StoredRecords {
  /** The records, one after the other, in shared memory. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  /** The number of each among the records of the shard, and where it ends in `bytes`. */
  readonly numbers: Uint32Array;
  readonly ends: Uint32Array;
}

/**
 * Collects the records of a shard that have a reply, each with a head:
 *
 *     | turns | id start | id length | start, length of each turn | the record |
 *
 * All are numbers of 32 bits, the lowest byte first. Starts count from the record's start.
 */
export class RecordWriter {
  private bytes: Buffer<SharedArrayBuffer>;
  private length = 0;
  private readonly numbers: number[] = [];
  private readonly ends: number[] = [];

  /** @param room memory to write to; if it is too small, it is left */
  constructor(room: SharedArrayBuffer) {
    this.bytes = Buffer.from(room);
  }

  get records(): StoredRecords {
    return {
      bytes: this.bytes.subarray(0, this.length) as Uint8Array<SharedArrayBuffer>,
      numbers: Uint32Array.from(this.numbers),
      ends: Uint32Array.from(this.ends),
    };
  }

  /** @param before how many of the shard's records come before the batch */
  add({ turns, records, base, bytes, offset }: RecordBatch, before: number): void {
    let row = 0;
    for (let at = 0, number = before; at < records.length; at += RECORD_NUMBERS, number++) {
      const count = records[at + RECORD.turns] as number;
      if (count === NO_CONVERSATION) continue;
      const end = row + count * TURN_NUMBERS;
      if (count > 1) {
        const record = records.subarray(at, at + RECORD_NUMBERS);
        const from = base + (record[RECORD.start] as number) - offset;
        const raw = bytes.subarray(from, from + (record[RECORD.length] as number));
        this.addRecord(number, record, turns.subarray(row, end), raw);
      }
      row = end;
    }
  }

  private addRecord(number: number, record: Uint32Array, turns: Uint32Array, raw: Uint8Array): void {
    const count = turns.length / TURN_NUMBERS;
    this.reserve(HEAD_BYTES + count * TURN_BYTES + raw.length);
    const start = record[RECORD.start] as number;
    const idLength = record[RECORD.idLength] as number;
    this.put(count);
    this.put(idLength === 0 ? 0 : (record[RECORD.idStart] as number) - start);
    this.put(idLength);
    for (let row = 0; row < turns.length; row += TURN_NUMBERS) {
      this.put((turns[row + TURN.start] as number) - start);
      this.put(turns[row + TURN.length] as number);
    }
    this.bytes.set(raw, this.length);
    this.length += raw.length;
    this.numbers.push(number);
    this.ends.push(this.length);
  }

  private put(value: number): void {
    this.length = this.bytes.writeUInt32LE(value, this.length);
  }

  private reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.from(new SharedArrayBuffer(Math.max(needed, 2 * this.bytes.length)));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}
