/**
 * Records: which of them are conversations, and what turns they have. The names, and which one counts if a record has several,
 * are the same as in core/conversation.ts. Of duplicate keys the last one counts, as in `JSON.parse`.
 */

import { firstElement, firstMember, isClosed, nextElement, nextMember } from './containers';
import { RECORD_BYTES, records, TURN_BYTES, turns } from './memory';
import { ASSISTANT, recordName, roleOf, turnName } from './names';
import { QUOTE } from './strings';
import {
  ABSENT,
  BAD,
  beginTurns,
  dropKey,
  finishKeys,
  forgetJoined,
  GOOD,
  keepText,
  readText,
  rowWritten,
  TEXT_BYTES,
  TEXT_IS_EMPTY,
  TEXT_KIND,
  TEXT_LENGTH,
} from './texts';
import { isNull, MINUS, OPEN_BRACE, OPEN_BRACKET, skipValue } from './values';

/** Rows written so far. */
export let turnCount: usize = 0;
export let recordCount: usize = 0;
/** How many of the records are conversations. */
export let conversationCount: usize = 0;
/** How many elements of their lists aren't turns. */
export let leftOutCount: usize = 0;

/** Discards the rows that were written. */
export function forgetRows(): void {
  turnCount = 0;
  recordCount = 0;
  conversationCount = 0;
  leftOutCount = 0;
  forgetJoined();
}

/** Replaces the number of turns in a record's row if it isn't a conversation. */
export const NO_CONVERSATION: u32 = 0xffffffff;

// How many names the lists of core/conversation.ts have.
const LISTS: usize = 4;
const IDS: usize = 3;
const ROLES = 2;
const TEXTS: usize = 4;
const SLOT_BYTES: usize = 16;

/** The kind of a list without elements. A good list has a turn. */
const EMPTY: u8 = 3;
/** The kind of a good role is this number and that of the role. */
const ROLE: u8 = 4;
/** Flags in a turn's length: its text is empty; it isn't an assistant's. */
const EMPTY_FLAG: u32 = 0x80000000;
export const NOT_ASSISTANT_FLAG: u32 = 0x20000000;
/** The upper bits of a text's length hold the role. */
const ROLE_SHIFT: u32 = 30;

/** For each name of a list, its kind, the first row of its turns, the number of turns, and the number of other elements. */
const lists = memory.data(64, 4);
/** For each name of an id, its kind, its address and its length. */
const ids = memory.data(48, 4);
/** For each name of a role, its kind. */
const roles = memory.data(2, 2);
/** For each name of a text, its slot: see texts.ts. */
const texts = memory.data(96, 8);
const lastText = texts + (TEXTS - 1) * TEXT_BYTES;

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
  if (next - p > lengthMax) return next;
  let list = firstOf(lists, LISTS, GOOD);
  if (list === 0) list = firstOf(lists, LISTS, EMPTY);
  if (list === 0) return next;
  const from: usize = load<u32>(list, 4);
  const count: usize = load<u32>(list, 8);
  // Drops the turns of other lists.
  if (from !== firstTurn)
    memory.copy(turns + firstTurn * TURN_BYTES, turns + from * TURN_BYTES, count * TURN_BYTES);
  turnCount = firstTurn + count;
  conversationCount++;
  leftOutCount += load<u32>(list, 12);
  store<u32>(row, count, 8);
  const id = firstOf(ids, IDS, GOOD);
  const hasId = id !== 0;
  store<u32>(row, hasId ? load<u32>(id, 4) : 0, 12);
  store<u32>(row, hasId ? load<u32>(id, 8) : 0, 16);
  return next;
}

/** The first slot of a kind; 0 if no slot has it. */
function firstOf(slots: usize, count: usize, kind: u8): usize {
  for (let slot = slots; slot < slots + count * SLOT_BYTES; slot += SLOT_BYTES) {
    if (load<u8>(slot) === kind) return slot;
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
  const isGood = first === QUOTE || first - 0x30 < 10 || (first === MINUS && !isNull(p));
  const next = skipValue(p);
  if (next === 0) return 0;
  store<u8>(id, isGood ? GOOD : BAD);
  store<u32>(id, p, 4);
  store<u32>(id, next - p, 8);
  return next;
}

/** Reads the value of a list's name. Elements that aren't turns are left out. */
function readList(p: usize, list: usize): usize {
  store<u8>(list, ABSENT);
  if (load<u8>(p) !== OPEN_BRACKET) return skipValue(p);
  const from = turnCount;
  let elements: usize = 0;
  beginTurns();
  for (p = firstElement(p); p !== 0 && !isClosed; p = nextElement(p)) {
    elements++;
    p = load<u8>(p) === OPEN_BRACE ? readTurn(p) : skipValue(p);
    if (p === 0) return 0;
  }
  if (p === 0) return 0;
  dropKey();
  store<u8>(list, turnCount > from ? GOOD : elements === 0 ? EMPTY : BAD);
  store<u32>(list, from, 4);
  store<u32>(list, turnCount - from, 8);
  store<u32>(list, elements - (turnCount - from), 12);
  return p;
}

/** Reads an object and, if it is a turn, writes its row. */
function readTurn(p: usize): usize {
  const start = p;
  store<u16>(roles, 0);
  for (let text = texts; text <= lastText; text += TEXT_BYTES) store<u8>(text, ABSENT, TEXT_KIND);
  for (p = firstMember(p); p !== 0 && !isClosed; p = nextMember(p)) {
    const name = turnName();
    if (name >= ROLES) p = readText(p, texts + <usize>(name - ROLES) * TEXT_BYTES);
    else if (name >= 0) p = readRole(p, roles + name);
    else p = skipValue(p);
    if (p === 0) return 0;
  }
  if (p === 0) return 0;
  const role = load<u8>(roles) !== ABSENT ? load<u8>(roles) : load<u8>(roles, 1);
  let chosen = texts;
  while (chosen < lastText && load<u8>(chosen, TEXT_KIND) === ABSENT) chosen += TEXT_BYTES;
  const kind = load<u8>(chosen, TEXT_KIND);
  if (role === ABSENT || role === BAD || kind === BAD) return p;
  if (kind === ABSENT) keepText(chosen, p, 0);
  // The turn before has a reply, so its keys are worth making.
  finishKeys();
  const row = turns + turnCount++ * TURN_BYTES;
  store<u64>(row, load<u64>(chosen));
  store<u64>(row, load<u64>(chosen, 8), 8);
  store<u32>(row, start, 16);
  let length = <u32>(p - start);
  if (load<u8>(chosen, TEXT_IS_EMPTY) !== 0) length |= EMPTY_FLAG;
  if (role !== ROLE + ASSISTANT) length |= NOT_ASSISTANT_FLAG;
  store<u32>(row, length, 20);
  store<u32>(row, load<u32>(chosen, TEXT_LENGTH) | ((<u32>(role - ROLE)) << ROLE_SHIFT), 24);
  rowWritten(row, chosen);
  return p;
}

/** Reads the value of a role's name. */
function readRole(p: usize, role: usize): usize {
  const next = skipValue(p);
  if (next === 0) return 0;
  if (load<u8>(p) === QUOTE) store<u8>(role, ROLE + roleOf(p + 1, next - 2 - p));
  else store<u8>(role, isNull(p) ? ABSENT : BAD);
  return next;
}
