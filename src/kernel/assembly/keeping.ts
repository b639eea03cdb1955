/**
 * Keeps what an index needs of a shard. The rows of each batch are split into the arrays of index/table.ts, which follow each
 * other in memory and grow together.
 */

import { growKept, kept, RECORD_BYTES, records, TURN_BYTES, turns } from './memory';
import { NO_CONVERSATION, recordCount, turnCount } from './records';

/** A flag in a turn's length: the turn is the first of its conversation. */
export const FIRST_FLAG: u32 = 0x40000000;
/** With fewer turns, a conversation has no prompt with a reply, and isn't indexed. */
const TURNS_MIN: u32 = 2;
/** The bytes that a turn takes in all arrays. A conversation takes as many. */
const ROW_BYTES: usize = 20;
const ROOM_MIN: usize = 16_384;

/** How many turns and conversations are kept, and for how many of each there is room. */
let turnsKept: usize = 0;
let conversationsKept: usize = 0;
let room: usize = 0;

export function keptTurns(): usize {
  return turnsKept;
}
export function keptConversations(): usize {
  return conversationsKept;
}
export function keptRoom(): usize {
  return room;
}

/** Discards the kept rows. */
export function beginKeeping(): void {
  turnsKept = 0;
  conversationsKept = 0;
}

/**
 * Keeps the batch that was walked last.
 *
 * @param base what to add to a start in a row to get its offset in the file
 * @param firstRecord how many records come before the batch
 */
export function keep(base: f64, firstRecord: u32): void {
  makeRoom(turnsKept + turnCount, conversationsKept + recordCount);
  const offsets = kept;
  const firstTurns = offsets + 8 * room;
  const idStarts = firstTurns + 4 * room;
  const idLengths = idStarts + 4 * room;
  const keys = idLengths + 4 * room;
  const normalized = keys + 8 * room;
  const starts = normalized + 4 * room;
  const lengths = starts + 4 * room;
  let turn = turns;
  for (let i: usize = 0; i < recordCount; i++) {
    const record = records + i * RECORD_BYTES;
    const count = load<u32>(record, 8);
    if (count === NO_CONVERSATION) continue;
    const end = turn + <usize>count * TURN_BYTES;
    if (count < TURNS_MIN) {
      turn = end;
      continue;
    }
    const start = load<u32>(record);
    const idLength = load<u32>(record, 16);
    store<f64>(offsets + 8 * conversationsKept, base + <f64>start);
    const at: usize = 4 * conversationsKept++;
    store<u32>(firstTurns + at, turnsKept);
    store<u32>(idStarts + at, idLength === 0 ? firstRecord + <u32>i : load<u32>(record, 12) - start);
    store<u32>(idLengths + at, idLength);
    for (let flag = FIRST_FLAG; turn < end; turn += TURN_BYTES) {
      store<u64>(keys + 8 * turnsKept, load<u64>(turn));
      const at: usize = 4 * turnsKept++;
      store<u32>(normalized + at, load<u32>(turn, 8));
      // A turn starts less than 2²⁴ bytes into its record. The upper eight bits hold the lowest byte of the normalized key's upper half.
      store<u32>(starts + at, (load<u32>(turn, 16) - start) | ((<u32>load<u8>(turn, 12)) << 24));
      store<u32>(lengths + at, load<u32>(turn, 20) | flag);
      flag = 0;
    }
  }
}

/** Makes room for more rows if necessary: moves the arrays apart, the last one first. */
function makeRoom(turnsNeeded: usize, conversationsNeeded: usize): void {
  const needed = max(turnsNeeded, conversationsNeeded);
  if (needed <= room) return;
  const larger = max(ROOM_MIN, 2 * needed);
  growKept(2 * ROW_BYTES * larger);
  let from: usize = 2 * ROW_BYTES * room;
  let to: usize = 2 * ROW_BYTES * larger;
  for (let array = 0; array < 8; array++) {
    // From the last one: lengths, starts, normalized, keys, id lengths, id starts, first turns, offsets.
    const width: usize = array === 3 || array === 7 ? 8 : 4;
    from -= width * room;
    to -= width * larger;
    memory.copy(kept + to, kept + from, width * (array < 4 ? turnsKept : conversationsKept));
  }
  room = larger;
}
