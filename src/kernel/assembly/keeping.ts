/**
 * Keeps what an index needs of a shard. The rows of each batch are added to the arrays of `IndexRows` in index/table.ts, which follow
 * each other in memory and grow together.
 */

import { growKept, kept, RECORD_BYTES, records, TURN_BYTES, turns } from './memory';
import { NO_CONVERSATION, recordCount, turnCount } from './records';

/** A flag in a turn's length: the turn is the first of its conversation. */
export const FIRST_FLAG: u32 = 0x40000000;
/** With fewer turns, a conversation has no prompt with a reply, and isn't indexed. */
const TURNS_MIN: u32 = 2;
/** The bytes of a conversation, of a turn, and of its normalized key, each in an array. The last bytes of a turn are for its tokens. */
const CONVERSATION_BYTES: usize = 20;
export const ROW_BYTES: usize = 20;
const NORMALIZED_BYTES: usize = 4;
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
  const rows = kept + CONVERSATION_BYTES * room;
  const normalized = rows + ROW_BYTES * room;
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
    const conversation = kept + CONVERSATION_BYTES * conversationsKept++;
    store<u64>(conversation, <u64>(base + <f64>start));
    store<u32>(conversation, turnsKept, 8);
    store<u32>(conversation, idLength === 0 ? firstRecord + <u32>i : load<u32>(record, 12) - start, 12);
    store<u32>(conversation, idLength, 16);
    for (let flag = FIRST_FLAG; turn < end; turn += TURN_BYTES) {
      store<u32>(normalized + NORMALIZED_BYTES * turnsKept, load<u32>(turn, 8));
      const row = rows + ROW_BYTES * turnsKept++;
      store<u64>(row, load<u64>(turn));
      // A turn starts less than 2²⁴ bytes into its record. The upper eight bits hold the lowest byte of the normalized key's upper half.
      store<u32>(row, (load<u32>(turn, 16) - start) | ((<u32>load<u8>(turn, 12)) << 24), 8);
      store<u32>(row, load<u32>(turn, 20) | flag, 12);
      store<u32>(row, 0, 16);
      flag = 0;
    }
  }
}

/** Makes room for more rows if necessary: moves the arrays apart, the last one first. */
function makeRoom(turnsNeeded: usize, conversationsNeeded: usize): void {
  const needed = max(turnsNeeded, conversationsNeeded);
  if (needed <= room) return;
  const larger = max(ROOM_MIN, 2 * needed);
  growKept((CONVERSATION_BYTES + ROW_BYTES + NORMALIZED_BYTES) * larger);
  const rows = CONVERSATION_BYTES * room;
  const rowsTo = CONVERSATION_BYTES * larger;
  const normalized = rows + ROW_BYTES * room;
  const normalizedTo = rowsTo + ROW_BYTES * larger;
  memory.copy(kept + normalizedTo, kept + normalized, NORMALIZED_BYTES * turnsKept);
  memory.copy(kept + rowsTo, kept + rows, ROW_BYTES * turnsKept);
  room = larger;
}
