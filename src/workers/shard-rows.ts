import { FIRST_FLAG } from '../core/index-table.js';
import { NO_CONVERSATION, RECORD, RECORD_NUMBERS, TURN, TURN_NUMBERS } from '../kernel/kernel.js';
import type { ShardRows } from './tasks.js';
import type { Batch } from './walk.js';

/** Fewer turns hold no prompt that has a reply: such conversations are no part of an index. */
const TURNS_MIN = 2;

/** Collects a shard's part of an index. */
export class ShardRowsBuilder {
  private readonly offsets: number[] = [];
  private readonly firstTurns: number[] = [];
  private readonly idStarts: number[] = [];
  private readonly idLengths: number[] = [];
  private turns = 0;
  private keys = new Uint32Array(2048);
  private folded = new Uint32Array(1024);
  private starts = new Uint32Array(1024);
  private lengths = new Uint32Array(1024);

  /** @param firstRecord how many of the shard's records stand before the batch */
  add({ base, turns, records }: Batch, firstRecord: number): void {
    this.makeRoom(turns.length / TURN_NUMBERS);
    let row = 0;
    for (let at = 0; at < records.length; at += RECORD_NUMBERS) {
      const count = records[at + RECORD.turns] as number;
      if (count === NO_CONVERSATION) continue;
      if (count >= TURNS_MIN) {
        const start = records[at + RECORD.start] as number;
        const idLength = records[at + RECORD.idLength] as number;
        this.offsets.push(base + start);
        this.firstTurns.push(this.turns);
        this.idLengths.push(idLength);
        this.idStarts.push(
          idLength === 0
            ? firstRecord + at / RECORD_NUMBERS
            : (records[at + RECORD.idStart] as number) - start,
        );
        this.addTurns(turns, row, count, start);
      }
      row += count;
    }
  }

  /** All that was added. */
  result(): ShardRows {
    return {
      offsets: Float64Array.from(this.offsets),
      firstTurns: Uint32Array.from(this.firstTurns),
      idStarts: Uint32Array.from(this.idStarts),
      idLengths: Uint32Array.from(this.idLengths),
      keys: this.keys.slice(0, 2 * this.turns),
      folded: this.folded.slice(0, this.turns),
      starts: this.starts.slice(0, this.turns),
      lengths: this.lengths.slice(0, this.turns),
    };
  }

  private addTurns(turns: Uint32Array, firstRow: number, count: number, recordStart: number): void {
    for (let i = 0; i < count; i++) {
      const at = (firstRow + i) * TURN_NUMBERS;
      const row = this.turns++;
      this.keys[2 * row] = turns[at + TURN.keyLow] as number;
      this.keys[2 * row + 1] = turns[at + TURN.keyHigh] as number;
      this.folded[row] = turns[at + TURN.foldedLow] as number;
      this.starts[row] = (turns[at + TURN.start] as number) - recordStart;
      // The kernel's flag for an empty text is the table's.
      this.lengths[row] = (turns[at + TURN.length] as number) | (i === 0 ? FIRST_FLAG : 0);
    }
  }

  private makeRoom(turns: number): void {
    if (this.turns + turns <= this.folded.length) return;
    const room = 2 * (this.turns + turns);
    const grown = (array: Uint32Array, length: number) => {
      const larger = new Uint32Array(length);
      larger.set(array);
      return larger;
    };
    this.keys = grown(this.keys, 2 * room);
    this.folded = grown(this.folded, room);
    this.starts = grown(this.starts, room);
    this.lengths = grown(this.lengths, room);
  }
}
