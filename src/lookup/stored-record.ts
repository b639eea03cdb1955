import { type ByteRange, byteOffset, lengthOf, type Room } from '../core/bytes.js';
import type { Place } from '../core/place.js';
import type { PlaceReader } from '../dataset/reader.js';
import { EMPTY_FLAG, LENGTH_MASK } from '../index/table.js';

/** Bytes before the turns, and bytes of each: see workers/stored-records.ts. */
const HEAD_BYTES = 12;
const TURN_BYTES = 8;

/** A record as a store has it, with its places. */
export class StoredRecord implements PlaceReader {
  readonly turns: number;
  private readonly bytes: Buffer;
  private readonly start: number;
  private readonly number: number;

  /** @param number identifies the conversation, if it has no id */
  constructor(bytes: Buffer, number: number) {
    this.bytes = bytes;
    this.number = number;
    this.turns = bytes.readUInt32LE(0);
    this.start = HEAD_BYTES + this.turns * TURN_BYTES;
  }

  /** True if a turn is the first one that has a text. */
  isFirstSpoken(turn: number): boolean {
    for (let before = 0; before < turn; before++) if (this.isSpoken(before)) return false;
    return this.isSpoken(turn);
  }

  private isSpoken(turn: number): boolean {
    return this.lengthAt(turn) < EMPTY_FLAG;
  }

  /** The turn that is `turns` turns before another one, counting only those that have a text; the first one if there are fewer. */
  spokenBefore(turn: number, turns: number): number {
    let before = turn;
    for (let left = turns; left > 0 && before > 0; ) {
      before--;
      if (this.isSpoken(before)) left--;
    }
    return before;
  }

  /** The place of a turn with its reply, and with those before it from `firstTurn` on. */
  placeOf(turn: number, firstTurn: number, grade = 0): Place {
    const idStart = this.bytes.readUInt32LE(4);
    const idLength = this.bytes.readUInt32LE(8);
    const reply = turn + 1;
    return {
      grade,
      history: 0,
      turn,
      firstTurn,
      record: this.number,
      id: idLength === 0 ? undefined : this.range(idStart, idLength),
      turns: {
        start: byteOffset(this.start + this.startAt(firstTurn)),
        end: byteOffset(this.start + this.startAt(reply) + (this.lengthAt(reply) & LENGTH_MASK)),
      },
    };
  }

  roomFor(length: number): Room {
    return { bytes: Buffer.allocUnsafe(length), at: 0 };
  }

  read(into: Buffer, at: number, range: ByteRange, other?: ByteRange): void {
    this.bytes.copy(into, at, range.start, range.end);
    if (other !== undefined) this.bytes.copy(into, at + lengthOf(range), other.start, other.end);
  }

  private range(start: number, length: number): ByteRange {
    return { start: byteOffset(this.start + start), end: byteOffset(this.start + start + length) };
  }

  private startAt(turn: number): number {
    return this.bytes.readUInt32LE(HEAD_BYTES + turn * TURN_BYTES);
  }

  private lengthAt(turn: number): number {
    return this.bytes.readUInt32LE(HEAD_BYTES + turn * TURN_BYTES + 4);
  }
}
