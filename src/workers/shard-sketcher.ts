import { EMPTY_FLAG, NOT_ASSISTANT_FLAG } from '../index/table.js';
import {
  NO_CONVERSATION,
  RECORD,
  RECORD_NUMBERS,
  SKETCH_NUMBERS,
  TURN,
  TURN_NUMBERS,
} from '../kernel/kernel.js';
import { markOf, withMark } from '../kernel/sketches.js';
import type { RecordBatch } from './walk.js';

const ROOM = 4096 * SKETCH_NUMBERS;

/** Collects the sketches of a shard's turns that have a reply, in file order: the turns that an index has in its orders. */
export class ShardSketcher {
  private numbers: Uint32Array = new Uint32Array(new SharedArrayBuffer(ROOM * Uint32Array.BYTES_PER_ELEMENT));
  private filled = 0;

  /** Adds a batch of a walk that computes sketches. */
  add({ turns, records }: RecordBatch): void {
    this.makeRoom((turns.length / TURN_NUMBERS) * SKETCH_NUMBERS);
    let row = 0;
    for (let at = RECORD.turns; at < records.length; at += RECORD_NUMBERS) {
      const count = records[at] as number;
      if (count === NO_CONVERSATION) continue;
      const end = row + count * TURN_NUMBERS;
      let depth = 0;
      for (; row + TURN_NUMBERS < end; row += TURN_NUMBERS) {
        const isOther = ((turns[row + TURN_NUMBERS + TURN.length] as number) & NOT_ASSISTANT_FLAG) !== 0;
        for (let i = 0; i + 1 < SKETCH_NUMBERS; i++) this.numbers[this.filled + i] = turns[row + i] as number;
        this.filled += SKETCH_NUMBERS;
        const last = turns[row + SKETCH_NUMBERS - 1] as number;
        this.numbers[this.filled - 1] = withMark(last, markOf(depth, isOther));
        if ((turns[row + TURN.length] as number) < EMPTY_FLAG) depth++;
      }
      row = end;
    }
  }

  /** All sketches, in memory that threads share. */
  get sketches(): Uint32Array {
    return this.numbers.subarray(0, this.filled);
  }

  private makeRoom(more: number): void {
    if (this.filled + more <= this.numbers.length) return;
    const larger = new SharedArrayBuffer(2 * (this.filled + more) * Uint32Array.BYTES_PER_ELEMENT);
    const numbers = new Uint32Array(larger);
    numbers.set(this.sketches);
    this.numbers = numbers;
  }
}
