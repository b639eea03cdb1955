/**
 * Records: which of them are conversations, and what turns they have. The names, and which one counts if a record has several,
 * are the same as in core/conversation.ts. Of duplicate keys the last one counts, as in `JSON.parse`.
 */

import { firstElement, firstMember, isClosed, nextElement, nextMember } from './containers';
import { RECORD_BYTES, records, TURN_BYTES, turns } from './memory';
import { recordName, turnName } from './names';
import { QUOTE } from './strings';
import {
  ABSENT,
  BAD,
  beginTurns,
  dropKey,
  finishKeys,
  GOOD,
  keepText,
  readText,
  rowWritten,
  TEXT_BYTES,
  TEXT_IS_EMPTY,
  TEXT_KIND,
} from './texts';
import { OPEN_BRACE, OPEN_BRACKET, skipValue } from './values';

/** Rows written so far. */
export let turnCount: usize = 0;
export let recordCount: usize = 0;
/** How many of the records are conversations. */
export let conversationCount: usize = 0;

/** Discards the rows that were written. */
export function forgetRows(): void {
  turnCount = 0;
  recordCount = 0;
  conversationCount = 0;
}

/** Replaces the number of turns in a record's row if it isn't a conversation. */
export const NO_CONVERSATION: u32 = 0xffffffff;

// How many names the lists of core/conversation.ts have.
const LISTS: usize = 4;
const IDS: usize = 3;
const NAMES = 2;
const SLOT_BYTES: usize = 12;

/** For each name of a list, its kind, the first row of its turns, and the number of turns. */
const lists = memory.data(48, 4);
/** For each name of an id, its kind, its address and its length. */
const ids = memory.data(36, 4);
/** For each name of a role, its kind. */
const roles = memory.data(2, 2);
/** For each name of a text, its slot: see texts.ts. */
const texts = memory.data(48, 8);

/**
 * Reads a record and writes its row and, if it is a conversation, the rows of its turns.
 *
 * @param p its first byte
 * @param lengthMax the maximum length of a conversation
 * @returns the byte after it, or 0 if no row was written
 */
export function readRecord(p: usize, lengthMax: usize): usize {
  const firstTurn = turnCount;
  for (let i: usize = 0; i < LISTS; i++) store<u8>(lists + i * SLOT_BYTES, ABSENT);
  for (let i: usize = 0; i < IDS; i++) store<u8>(ids + i * SLOT_BYTES, ABSENT);
  const next = load<u8>(p) === OPEN_BRACE ? readMembers(p) : skipValue(p);
  turnCount = firstTurn;
  if (next === 0) return 0;
  const row = records + recordCount++ * RECORD_BYTES;
  store<u32>(row, p);
  store<u32>(row, next - p, 4);
  store<u32>(row, NO_CONVERSATION, 8);
  const list: usize = next - p > lengthMax ? 0 : firstPresent(lists, LISTS);
  if (list === 0 || load<u8>(list) === BAD) return next;
  const from: usize = load<u32>(list, 4);
  const count: usize = load<u32>(list, 8);
  // Drops the turns of other lists.
  if (from !== firstTurn)
    memory.copy(turns + firstTurn * TURN_BYTES, turns + from * TURN_BYTES, count * TURN_BYTES);
  turnCount = firstTurn + count;
  conversationCount++;
  store<u32>(row, count, 8);
  const id = firstPresent(ids, IDS);
  const hasId = id !== 0 && load<u8>(id) === GOOD;
  store<u32>(row, hasId ? load<u32>(id, 4) : 0, 12);
  store<u32>(row, hasId ? load<u32>(id, 8) : 0, 16);
  return next;
}

/** The slot of the first name that isn't absent; 0 if all are. */
function firstPresent(slots: usize, count: usize): usize {
  for (let slot = slots; slot < slots + count * SLOT_BYTES; slot += SLOT_BYTES) {
    if (load<u8>(slot) !== ABSENT) return slot;
  }
  return 0;
}

/** Reads the members of a record that is an object. */
function readMembers(p: usize): usize {
  for (p = firstMember(p); p !== 0 && !isClosed; p = nextMember(p)) {
    const name = recordName();
    if (name >= <i32>LISTS) p = readId(p, ids + <usize>(name - <i32>LISTS) * SLOT_BYTES);
    else if (name >= 0) p = readList(p, lists + <usize>name * SLOT_BYTES);
    else p = skipValue(p);
    if (p === 0) return 0;
  }
  return p;
}

function readId(p: usize, id: usize): usize {
  const first = load<u8>(p);
  const next = skipValue(p);
  if (next === 0) return 0;
  store<u8>(id, first === QUOTE || first === 0x2d || first - 0x30 < 10 ? GOOD : BAD);
  store<u32>(id, p, 4);
  store<u32>(id, next - p, 8);
  return next;
}

/** Reads the value of a list's name. It is good if all of its elements are turns. */
function readList(p: usize, list: usize): usize {
  if (load<u8>(p) !== OPEN_BRACKET) {
    store<u8>(list, ABSENT);
    return skipValue(p);
  }
  const from = turnCount;
  let isGood = true;
  beginTurns();
  for (p = firstElement(p); p !== 0 && !isClosed; p = nextElement(p)) {
    if (isGood && load<u8>(p) === OPEN_BRACE) {
      const before = turnCount;
      p = readTurn(p);
      isGood = turnCount > before;
    } else {
      isGood = false;
      p = skipValue(p);
    }
    if (p === 0) return 0;
  }
  if (p === 0) return 0;
  dropKey();
  store<u8>(list, isGood ? GOOD : BAD);
  store<u32>(list, from, 4);
  store<u32>(list, turnCount - from, 8);
  return p;
}

/** Reads an object and, if it is a turn, writes its row. */
function readTurn(p: usize): usize {
  const start = p;
  store<u16>(roles, 0);
  store<u8>(texts, ABSENT, TEXT_KIND);
  store<u8>(texts + TEXT_BYTES, ABSENT, TEXT_KIND);
  for (p = firstMember(p); p !== 0 && !isClosed; p = nextMember(p)) {
    const name = turnName();
    if (name >= NAMES) p = readText(p, texts + <usize>(name - NAMES) * TEXT_BYTES);
    else {
      if (name >= 0) store<u8>(roles + name, load<u8>(p) === QUOTE ? GOOD : BAD);
      p = skipValue(p);
    }
    if (p === 0) return 0;
  }
  if (p === 0) return 0;
  const role = load<u8>(roles) !== ABSENT ? load<u8>(roles) : load<u8>(roles, 1);
  const chosen = load<u8>(texts, TEXT_KIND) !== ABSENT ? texts : texts + TEXT_BYTES;
  const kind = load<u8>(chosen, TEXT_KIND);
  if (role !== GOOD || kind === BAD) return p;
  if (kind === ABSENT) keepText(chosen, p, 0);
  // The turn before has a reply, so its keys are worth making.
  finishKeys();
  const row = turns + turnCount++ * TURN_BYTES;
  store<u64>(row, load<u64>(chosen));
  store<u64>(row, load<u64>(chosen, 8), 8);
  store<u32>(row, start, 16);
  store<u32>(row, (p - start) | ((<usize>load<u8>(chosen, TEXT_IS_EMPTY)) << 31), 20);
  rowWritten(row, chosen);
  return p;
}
