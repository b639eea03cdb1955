import { byteOffset } from '../core/bytes.js';
import type { Place } from '../core/place.js';
import { EMPTY_FLAG, LENGTH_MASK, NOT_ASSISTANT_FLAG } from '../index/table.js';
import {
  NO_CONVERSATION,
  RECORD,
  RECORD_NUMBERS,
  SKETCH_NUMBERS,
  TURN,
  TURN_NUMBERS,
} from '../kernel/kernel.js';
import { distanceMax, KEPT, MARK_SHIFT, markOf } from '../kernel/sketches.js';
import type { FoundTurn, SharedSketch } from './tasks.js';
import type { RecordBatch } from './walk.js';

/** Bits of the last number of a sketch that are the text's. */
const LAST_BITS = (1 << MARK_SHIFT) - 1;

/** Finds the turns of a shard that are nearest to some texts, by their sketches. */
export class ShardNearest {
  /** For each text, the nearest turns: the nearest first; of equally near ones the first in file order. */
  readonly found: FoundTurn[][];
  /** The number of turns that have a reply. */
  turns = 0;
  private readonly sought: readonly SharedSketch[];

  constructor(sought: readonly SharedSketch[]) {
    this.sought = sought;
    this.found = sought.map(() => []);
  }

  /** @param firstRecord how many of the shard's records precede the batch */
  add(batch: RecordBatch, firstRecord: number): void {
    const { turns, records } = batch;
    let row = 0;
    for (let at = 0; at < records.length; at += RECORD_NUMBERS) {
      const count = records[at + RECORD.turns] as number;
      if (count === NO_CONVERSATION) continue;
      let depth = 0;
      for (let turn = 0; turn + 1 < count; turn++) {
        const here = row + turn * TURN_NUMBERS;
        const mark = markOf(
          depth,
          ((turns[here + TURN_NUMBERS + TURN.length] as number) & NOT_ASSISTANT_FLAG) !== 0,
        );
        for (const [i, each] of this.sought.entries()) {
          const distance = distanceOf(each, turns, here, mark);
          const list = this.found[i] as FoundTurn[];
          if (distance > limitOf(each, list)) continue;
          const record = firstRecord + at / RECORD_NUMBERS;
          keep(list, { at: this.turns, distance, depth, ...placesOf(batch, at, record, here, turn) });
        }
        this.turns++;
        if ((turns[here + TURN.length] as number) < EMPTY_FLAG) depth++;
      }
      row += count * TURN_NUMBERS;
    }
  }
}

/** How many bits of two sketches differ; Infinity if their marks should be equal, and aren't. */
function distanceOf(
  { sketch, mark }: SharedSketch,
  turns: Uint32Array,
  row: number,
  itsMark: number,
): number {
  if (mark !== undefined && mark !== itsMark) return Infinity;
  let distance = 0;
  for (let i = 0; i < SKETCH_NUMBERS; i++) {
    const differing = (turns[row + i] as number) ^ (sketch[i] as number);
    distance += bitsOf(i === SKETCH_NUMBERS - 1 ? differing & LAST_BITS : differing);
  }
  return distance;
}

/** The most bits that may differ of a turn that is still kept. */
function limitOf({ scoreMin }: SharedSketch, list: readonly FoundTurn[]): number {
  const most = distanceMax(scoreMin);
  return list.length < KEPT ? most : Math.min(most, (list[KEPT - 1] as FoundTurn).distance - 1);
}

function keep(list: FoundTurn[], found: FoundTurn): void {
  let to = list.length;
  while (to > 0 && (list[to - 1] as FoundTurn).distance > found.distance) to--;
  list.splice(to, 0, found);
  if (list.length > KEPT) list.pop();
}

function bitsOf(number: number): number {
  let bits = number - ((number >>> 1) & 0x5555_5555);
  bits = (bits & 0x3333_3333) + ((bits >>> 2) & 0x3333_3333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}

/** The places of a turn alone, and with its reply. */
function placesOf(
  { base, records, turns }: RecordBatch,
  recordAt: number,
  record: number,
  row: number,
  turn: number,
): { readonly prompt: Place; readonly pair: Place } {
  const idLength = records[recordAt + RECORD.idLength] as number;
  const idStart = base + (records[recordAt + RECORD.idStart] as number);
  const id = idLength === 0 ? undefined : { start: byteOffset(idStart), end: byteOffset(idStart + idLength) };
  const start = byteOffset(base + (turns[row + TURN.start] as number));
  const endOf = (at: number) =>
    byteOffset(
      base + (turns[at + TURN.start] as number) + ((turns[at + TURN.length] as number) & LENGTH_MASK),
    );
  const place = { grade: 0, history: 0, turn, firstTurn: turn, record, id };
  return {
    prompt: { ...place, turns: { start, end: endOf(row) } },
    pair: { ...place, turns: { start, end: endOf(row + TURN_NUMBERS) } },
  };
}
