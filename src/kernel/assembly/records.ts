/**
 * Records: which of them are conversations, and what turns they have. The names, and which one counts where a record has
 * several, are those of core/conversation.ts; as with `JSON.parse`, the last one counts of keys that are equal.
 */

import { foldedKey, hasFoldedHead } from './folding';
import { hash } from './hash';
import { folded, joined, RECORD_BYTES, records, respelled, TURN_BYTES, turns } from './memory';
import {
  findEnd,
  hadEscape,
  maybeNotAscii,
  maybeOdd,
  QUOTE,
  respell,
  respelledTo,
  skipUsual,
  brokeAt as stringBrokeAt,
} from './strings';
import { isUtf8, repair } from './utf8';
import {
  broken,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COMMA,
  end,
  OPEN_BRACE,
  OPEN_BRACKET,
  skipBlanks,
  skipColon,
  skipString,
  skipValue,
} from './values';
import { isAllWanted, isFoldedKeyWanted, isKeyWanted, longestWanted } from './wanted';

/** Rows written so far. */
export let turnCount: usize = 0;
export let recordCount: usize = 0;
/** Records among them that are conversations. */
export let conversationCount: usize = 0;

/** Forgets the rows that were written. */
export function forgetRows(): void {
  turnCount = 0;
  recordCount = 0;
  conversationCount = 0;
}

/** In a record's row, in place of the number of its turns: it is no conversation. */
export const NO_CONVERSATION: u32 = 0xffffffff;

// Names, by the place in the lists of core/conversation.ts.
const LISTS: usize = 4;
const IDS: usize = 3;
const NAMES = 2;
const SLOT_BYTES: usize = 12;
/** What stands under a name. */
const ABSENT: u8 = 0;
const GOOD: u8 = 1;
const BAD: u8 = 2;

/** For each name of a list, its kind, the first row of its turns, and how many they are. */
const lists = memory.data(48, 4);
/** For each name of an id, its kind and where it stands. */
const ids = memory.data(36, 4);
/** For each name of a role, its kind. */
const roles = memory.data(2, 2);
/** For each name of a text, its two keys, or where it stands, its kind, whether it is empty, and whether it has no keys yet. */
const texts = memory.data(48, 8);

/**
 * Reads a record, and writes its row, and those of its turns if it is a conversation.
 *
 * @param p its first byte
 * @param lengthMax the longest that may be a conversation
 * @returns the byte behind it, or 0: then no row was written
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
  // The turns of other lists go.
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

/** The first name under which something stands, 0 if there is none. */
function firstPresent(slots: usize, count: usize): usize {
  for (let slot = slots; slot < slots + count * 12; slot += 12) {
    if (load<u8>(slot) !== ABSENT) return slot;
  }
  return 0;
}

/** Reads the members of a record that is an object. */
function readMembers(p: usize): usize {
  p = skipBlanks(p + 1);
  if (load<u8>(p) === CLOSE_BRACE) return p + 1;
  while (true) {
    if (load<u8>(p) !== QUOTE) return broken(p);
    const key = p + 1;
    p = skipString(key);
    if (p === 0) return 0;
    const name = recordName(key, p - 1 - key);
    p = skipColon(p);
    if (p === 0) return 0;
    if (name >= <i32>LISTS) p = readId(p, ids + (name - <i32>LISTS) * 12);
    else if (name >= 0) p = readList(p, lists + name * 12);
    else p = skipValue(p);
    if (p === 0) return 0;
    p = skipBlanks(p);
    const next = load<u8>(p);
    if (next === CLOSE_BRACE) return p + 1;
    if (next !== COMMA) return broken(p);
    p = skipBlanks(p + 1);
  }
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

/** Reads what stands under a list's name. A list is one if all of its elements are turns. */
function readList(p: usize, list: usize): usize {
  if (load<u8>(p) !== OPEN_BRACKET) {
    store<u8>(list, ABSENT);
    return skipValue(p);
  }
  const from = turnCount;
  let isGood = true;
  unfinished = 0;
  p = skipBlanks(p + 1);
  if (load<u8>(p) === CLOSE_BRACKET) p++;
  else {
    while (true) {
      if (isGood && load<u8>(p) === OPEN_BRACE) {
        const before = turnCount;
        p = readTurn(p);
        isGood = turnCount > before;
      } else {
        isGood = false;
        p = skipValue(p);
      }
      if (p === 0) return 0;
      p = skipBlanks(p);
      const next = load<u8>(p++);
      if (next === CLOSE_BRACKET) break;
      if (next !== COMMA) return broken(p - 1);
      p = skipBlanks(p);
    }
  }
  dropKeys();
  store<u8>(list, isGood ? GOOD : BAD);
  store<u32>(list, from, 4);
  store<u32>(list, turnCount - from, 8);
  return p;
}

/** Reads an object that should be a turn. Its row is written if it is one. */
function readTurn(p: usize): usize {
  const start = p;
  store<u16>(roles, 0);
  store<u8>(texts, ABSENT, 16);
  store<u8>(texts + 24, ABSENT, 16);
  p = skipBlanks(p + 1);
  if (load<u8>(p) === CLOSE_BRACE) return p + 1;
  while (true) {
    if (load<u8>(p) !== QUOTE) return broken(p);
    const key = p + 1;
    p = skipString(key);
    if (p === 0) return 0;
    const name = turnName(key, p - 1 - key);
    p = skipColon(p);
    if (p === 0) return 0;
    if (name >= NAMES) p = readText(p, texts + (name - NAMES) * 24);
    else {
      if (name >= 0) store<u8>(roles + name, load<u8>(p) === QUOTE ? GOOD : BAD);
      p = skipValue(p);
    }
    if (p === 0) return 0;
    p = skipBlanks(p);
    const next = load<u8>(p);
    if (next === CLOSE_BRACE) break;
    if (next !== COMMA) return broken(p);
    p = skipBlanks(p + 1);
  }
  p++;
  const role = load<u8>(roles) !== ABSENT ? load<u8>(roles) : load<u8>(roles, 1);
  const chosen = load<u8>(texts, 16) !== ABSENT ? texts : texts + 24;
  const kind = load<u8>(chosen, 16);
  if (role !== GOOD || kind === BAD) return p;
  if (kind === ABSENT) keepText(chosen, p, 0);
  // The turn before has a reply: now its keys are worth making.
  finishKeys();
  const row = turns + turnCount++ * TURN_BYTES;
  store<u64>(row, load<u64>(chosen));
  store<u64>(row, load<u64>(chosen, 8), 8);
  store<u32>(row, start, 16);
  store<u32>(row, (p - start) | ((<usize>load<u8>(chosen, 17)) << 31), 20);
  unfinished = load<u8>(chosen, 18) !== 0 ? row : 0;
  return p;
}

/** The row of the last turn, if its keys are not made yet: where they go stand the place and the length of its text. */
let unfinished: usize = 0;

/** Makes the keys of the last turn. */
function finishKeys(): void {
  if (unfinished !== 0) makeKeys(unfinished, load<u32>(unfinished), load<u32>(unfinished, 8));
  unfinished = 0;
}

/** Leaves the last turn without keys: it has no reply, and is never looked for. */
function dropKeys(): void {
  if (unfinished !== 0) {
    store<u64>(unfinished, 0);
    store<u64>(unfinished, 0, 8);
  }
  unfinished = 0;
}

/** Reads what stands under a text's name: a string, null, or a list of parts. */
function readText(p: usize, slot: usize): usize {
  const first = load<u8>(p);
  if (first === QUOTE) return readString(p + 1, slot);
  if (first === OPEN_BRACKET) return readParts(p, slot);
  const next = skipValue(p);
  if (next === 0) return 0;
  if (first === 0x6e) keepText(slot, p, 0);
  else store<u8>(slot, BAD, 16);
  return next;
}

/** Reads a text that is a string: nearly always its bytes can be taken as they are. */
function readString(start: usize, slot: usize): usize {
  if (!isAllWanted) {
    const close = findEnd(start, end);
    if (close === 0) return broken(stringBrokeAt);
    if (!maybeOdd && (!maybeNotAscii || isUtf8(start, close))) {
      keepText(slot, start, close - start);
      return close + 1;
    }
    if (!maybeNotAscii && close - start > LONGEST_ESCAPE * longestWanted() && !mayBeginAsWanted(start)) {
      keepNoKeys(slot);
      return close + 1;
    }
  }
  let p = skipUsual(start, end);
  if (p === 0) return broken(stringBrokeAt);
  let isAscii = !maybeNotAscii;
  const isUsual = load<u8>(p) === QUOTE;
  if (isUsual) p++;
  else {
    const usual = p - start;
    for (let i: usize = 0; i < usual; i += 16) v128.store(respelled + i, v128.load(start + i));
    p = respell(p, end, respelled + usual);
    if (p === 0) return broken(stringBrokeAt);
    isAscii = isAscii && !maybeNotAscii;
  }
  if (!isAscii && !isUtf8(start, p - 1)) keepRespelled(slot, start, p - 1);
  else if (isUsual) keepText(slot, start, p - 1 - start);
  else keepKeys(slot, respelled, respelledTo - respelled);
  return p;
}

/** How many bytes may stand for one. */
const LONGEST_ESCAPE: usize = 6;
/** So much of a string is read for the beginning of its text. */
const BEGINNING_BYTES: usize = 128;

/** True if a string, oddly spelled but in ASCII, may begin like a text whose folded key is looked for. */
function mayBeginAsWanted(start: usize): bool {
  respell(start, start + BEGINNING_BYTES, respelled);
  const length = respelledTo - respelled;
  return isFoldedKeyWanted(respelled, length) || !hasFoldedHead(respelled, length);
}

/** Keeps of a text only that it is there, and not empty: it is none that is looked for. */
function keepNoKeys(slot: usize): void {
  store<u64>(slot, 0);
  store<u64>(slot, 0, 8);
  keepKind(slot, 1, false);
}

/** Keeps the keys of a string, whatever its spelling, that stands from `p` to its closing quote. */
function keepRespelled(slot: usize, p: usize, to: usize): void {
  const repaired = repair(p, to, folded);
  memory.fill(repaired, QUOTE, 16);
  respell(folded, repaired + 1, respelled);
  keepKeys(slot, respelled, respelledTo - respelled);
}

/** Keeps a text that stands where it stays, in the input: its keys are made when they are needed. */
function keepText(slot: usize, p: usize, length: usize): void {
  store<u64>(slot, p);
  store<u64>(slot, length, 8);
  keepKind(slot, length, true);
}

/** Keeps the keys of a text. */
function keepKeys(slot: usize, p: usize, length: usize): void {
  makeKeys(slot, p, length);
  keepKind(slot, length, false);
}

function keepKind(slot: usize, length: usize, isUnfinished: bool): void {
  store<u8>(slot, GOOD, 16);
  store<u8>(slot, <u8>(length === 0), 17);
  store<u8>(slot, <u8>isUnfinished, 18);
}

function makeKeys(to: usize, p: usize, length: usize): void {
  store<u64>(to, isKeyWanted(length) ? hash(p, length) : 0);
  store<u64>(to, isFoldedKeyWanted(p, length) ? foldedKey(p, length) : 0, 8);
}

/** Joins the texts of a list of parts: of the objects in it whose `type` is `text` and whose `text` is a string. */
function readParts(p: usize, slot: usize): usize {
  let isGood = true;
  let out = joined;
  p = skipBlanks(p + 1);
  if (load<u8>(p) === CLOSE_BRACKET) p++;
  else {
    while (true) {
      if (load<u8>(p) === OPEN_BRACE) {
        p = readPart(p);
        // The pieces are put together as they are spelled, so that two halves of a surrogate pair meet.
        out = repair(partText, partText + partLength, out);
      } else {
        isGood = false;
        p = skipValue(p);
      }
      if (p === 0) return 0;
      p = skipBlanks(p);
      const next = load<u8>(p++);
      if (next === CLOSE_BRACKET) break;
      if (next !== COMMA) return broken(p - 1);
      p = skipBlanks(p);
    }
  }
  if (isGood) keepRespelled(slot, joined, out);
  else store<u8>(slot, BAD, 16);
  return p;
}

/** The string that the last part added. */
let partText: usize = 0;
let partLength: usize = 0;

/** Reads a part. */
function readPart(p: usize): usize {
  let isText = false;
  let length: usize = 0;
  partLength = 0;
  p = skipBlanks(p + 1);
  if (load<u8>(p) === CLOSE_BRACE) return p + 1;
  while (true) {
    if (load<u8>(p) !== QUOTE) return broken(p);
    const key = p + 1;
    p = skipString(key);
    if (p === 0) return 0;
    const name = partName(key, p - 1 - key);
    const value = skipColon(p);
    if (value === 0) return 0;
    p = skipValue(value);
    if (p === 0) return 0;
    const isString = load<u8>(value) === QUOTE;
    if (name === PART_TYPE) isText = isString && isPartText(value + 1, p - 2 - value);
    if (name === PART_TEXT) {
      partText = value + 1;
      length = isString ? p - 2 - value : 0;
    }
    p = skipBlanks(p);
    const next = load<u8>(p);
    if (next === CLOSE_BRACE) break;
    if (next !== COMMA) return broken(p);
    p = skipBlanks(p + 1);
  }
  if (isText) partLength = length;
  return p + 1;
}

const PART_TYPE: i32 = 0;
const PART_TEXT: i32 = 1;

function partName(key: usize, length: usize): i32 {
  key = plainKey(key, length);
  if (plainLength !== 4) return -1;
  if (isName(key, 'type')) return PART_TYPE;
  return isName(key, 'text') ? PART_TEXT : -1;
}

function isPartText(value: usize, length: usize): bool {
  value = plainKey(value, length);
  return plainLength === 4 && isName(value, 'text');
}

const LETTER_E: u8 = 0x65;
// Names of turns, as their bytes stand in memory; of `value` the first four.
const FROM: u32 = 0x6d6f7266;
const ROLE: u32 = 0x656c6f72;
const VALU: u32 = 0x756c6176;
const CONTENT: u64 = 0x746e65746e6f63;
const SEVEN_BYTES: u64 = 0xffffffffffffff;

/** The place of a turn's key: 0 and 1 are roles, 2 and 3 texts, -1 is any other. */
function turnName(key: usize, length: usize): i32 {
  key = plainKey(key, length);
  const first = load<u32>(key);
  if (plainLength === 4) return first === FROM ? 0 : first === ROLE ? 1 : -1;
  if (plainLength === 5) return first === VALU && load<u8>(key, 4) === LETTER_E ? 2 : -1;
  return plainLength === 7 && (load<u64>(key) & SEVEN_BYTES) === CONTENT ? 3 : -1;
}

/** The place of a record's key: 0 to 3 are lists, 4 to 6 ids, -1 is any other. */
function recordName(key: usize, length: usize): i32 {
  key = plainKey(key, length);
  switch (<i32>plainLength) {
    case 13:
      return isName(key, 'conversations') ? 0 : -1;
    case 12:
      return isName(key, 'conversation') ? 1 : -1;
    case 8:
      return isName(key, 'messages') ? 2 : -1;
    case 5:
      return isName(key, 'items') ? 3 : -1;
    case 2:
      return isName(key, 'id') ? 4 : -1;
    case 15:
      return isName(key, 'conversation_id') ? 5 : -1;
    case 17:
      return isName(key, 'conversation_hash') ? 6 : -1;
    default:
      return -1;
  }
}

/** The longest name, each of its characters as a six-byte escape. */
const SPELLED_MAX: usize = 17 * 6;
let plainLength: usize = 0;

/** The last string that was skipped, without its escapes if it could be a name; it is `plainLength` bytes long. */
function plainKey(key: usize, length: usize): usize {
  plainLength = length;
  if (!hadEscape || length > SPELLED_MAX) return key;
  respell(key, end, respelled);
  plainLength = respelledTo - respelled;
  return respelled;
}

/** True if the bytes at `p` are those of an ASCII name. */
function isName(p: usize, name: string): bool {
  const characters = changetype<usize>(name);
  for (let i = 0; i < name.length; i++) {
    if (load<u8>(p + i) !== load<u16>(characters + (i << 1))) return false;
  }
  return true;
}
