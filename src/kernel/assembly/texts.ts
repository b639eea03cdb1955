/**
 * The texts of turns, and their keys. The slot of a text holds its two keys, or the address and the length of the text that they
 * will be made from; its kind; whether it is empty; whether its keys are still to be made;
 * and the length of the text as `JSON.stringify` spells it.
 */

import { firstElement, firstMember, isClosed, nextElement, nextMember } from './containers';
import { hash } from './hash';
import { joined, normalized, respelled } from './memory';
import {
  OTHER_PART,
  PART_CONTENT,
  PART_TEXT,
  PART_TYPE,
  PART_VALUE,
  partKind,
  partName,
  RESULT_PART,
  TEXT_PART,
} from './names';
import { endsKey, hasNormalizedHead, indexKey, normalizedKey } from './normalizing';
import { searchText } from './searching';
import { writeSketch } from './sketch';
import {
  findEnd,
  maybeNotAscii,
  maybeOdd,
  QUOTE,
  respell,
  respelledTo,
  skipUsual,
  brokeAt as stringBrokeAt,
} from './strings';
import { afterThinking, beginsThinking } from './thinking';
import { isUtf8, repair } from './utf8';
import { broken, end, isNull, OPEN_BRACE, OPEN_BRACKET, skipValue } from './values';
import {
  isAllWanted,
  isKeyWanted,
  isNormalizedKeyWanted,
  isSearching,
  isSketching,
  longestWanted,
} from './wanted';

/** The size of a slot, and the offsets of the kind, of the two flags and of the length. */
export const TEXT_BYTES: usize = 24;
export const TEXT_KIND: usize = 16;
export const TEXT_IS_EMPTY: usize = 17;
const TEXT_HAS_NO_KEYS: usize = 18;
export const TEXT_LENGTH: usize = 20;

/** Whether a name has a value that isn't null, and whether the value is usable. */
export const ABSENT: u8 = 0;
export const GOOD: u8 = 1;
export const BAD: u8 = 2;

/** Reads the value of a text's name: a string, or a list of parts. */
export function readText(p: usize, slot: usize): usize {
  const first = load<u8>(p);
  if (first === QUOTE) return readString(p + 1, slot);
  if (first === OPEN_BRACKET) return readParts(p, slot);
  store<u8>(slot, isNull(p) ? ABSENT : BAD, TEXT_KIND);
  return skipValue(p);
}

/** Reads a text that is a string. Nearly always its bytes can be used unchanged. */
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
  const p = spellString(start);
  if (p === 0) return 0;
  if (spelledAt === start) keepText(slot, start, spelledLength);
  else keepKeys(slot, spelledAt, spelledLength);
  return p;
}

/** The text that was spelled last, as `JSON.stringify` spells it, without quotes: its address, and its length in bytes. */
export let spelledAt: usize = 0;
export let spelledLength: usize = 0;

/**
 * Reads a string and spells it as `JSON.stringify` would. If it is spelled like that already, it isn't copied.
 *
 * @param start the byte after the opening quote
 * @returns the byte after the closing quote, or 0
 */
export function spellString(start: usize): usize {
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
  if (!isAscii && !isUtf8(start, p - 1)) spellRepaired(start, p - 1);
  else {
    spelledAt = isUsual ? start : respelled;
    spelledLength = isUsual ? p - 1 - start : respelledTo - respelled;
  }
  return p;
}

/** The most bytes of a string that encode one byte of its text. */
const LONGEST_ESCAPE: usize = 6;
/** How many bytes of a string are read for the beginning of its text. */
const BEGINNING_BYTES: usize = 128;

/** True if an ASCII string with unusual escapes may begin like a text whose normalized key is wanted, or with thinking. */
function mayBeginAsWanted(start: usize): bool {
  respell(start, start + BEGINNING_BYTES, respelled);
  const length = respelledTo - respelled;
  if (beginsThinking(respelled, respelledTo)) return true;
  return isNormalizedKeyWanted(respelled, length) || !hasNormalizedHead(respelled, length);
}

/** Keeps only the fact that a text is present and not empty: it isn't wanted. */
function keepNoKeys(slot: usize): void {
  store<u64>(slot, 0);
  store<u64>(slot, 0, 8);
  keepKind(slot, 1, false);
}

/** Spells the string from `p` to its closing quote, and repairs its UTF-8. */
function spellRepaired(p: usize, to: usize): void {
  const repaired = repair(p, to, normalized);
  memory.fill(repaired, QUOTE, 16);
  respell(normalized, repaired + 1, respelled);
  spelledAt = respelled;
  spelledLength = respelledTo - respelled;
}

/** Keeps the place of a text that stays in the input. Its keys are made when they are needed. */
export function keepText(slot: usize, p: usize, length: usize): void {
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
  store<u8>(slot, GOOD, TEXT_KIND);
  store<u8>(slot, <u8>(length === 0), TEXT_IS_EMPTY);
  store<u8>(slot, <u8>isUnfinished, TEXT_HAS_NO_KEYS);
  store<u32>(slot, length, TEXT_LENGTH);
}

/** Makes the keys of a text without its thinking, or its sketch; or searches all of it. */
function makeKeys(to: usize, from: usize, wholeLength: usize): void {
  if (isSearching) {
    searchText(to, from, wholeLength);
    return;
  }
  const end = from + wholeLength;
  const p = afterThinking(from, end);
  const length = end - p;
  if (isSketching) {
    writeSketch(to, p, length);
    return;
  }
  store<u64>(to, isKeyWanted(length) ? hash(p, length) : 0);
  if (isAllWanted) {
    store<u64>(to, indexKey(p, length), 8);
    return;
  }
  store<u64>(to, isNormalizedKeyWanted(p, length) ? normalizedKey(p, length) : 0, 8);
}

/** The end of the texts that were joined, and how many of them aren't empty. */
let joinedTo: usize = 0;
let joinedCount: u32 = 0;
/** How many texts were put together from several, since `forgetJoined`. */
export let joinedTexts: u32 = 0;

export function forgetJoined(): void {
  joinedTexts = 0;
}

/** Reads a list of parts, and joins their texts. Which parts have a text is the same as in core/parts.ts. */
function readParts(p: usize, slot: usize): usize {
  joinedTo = joined;
  joinedCount = 0;
  for (p = firstElement(p); p !== 0 && !isClosed; p = nextElement(p)) {
    p = readPart(p, false);
    if (p === 0) return 0;
  }
  if (p === 0) return 0;
  if (joinedCount > 1) joinedTexts++;
  spellRepaired(joined, joinedTo);
  keepKeys(slot, spelledAt, spelledLength);
  return p;
}

/**
 * Reads a part, and joins its text.
 *
 * @param inResult true for a part of a result, which has no further results
 */
function readPart(p: usize, inResult: bool): usize {
  if (load<u8>(p) !== OPEN_BRACE) {
    const next = skipValue(p);
    if (next !== 0) join(p, next);
    return next;
  }
  let kind = TEXT_PART;
  let text: usize = 0;
  let textEnd: usize = 0;
  let value: usize = 0;
  let valueEnd: usize = 0;
  let content: usize = 0;
  let contentEnd: usize = 0;
  for (p = firstMember(p); p !== 0 && !isClosed; p = nextMember(p)) {
    const name = partName();
    const start = p;
    p = skipValue(start);
    if (p === 0) return 0;
    const present: usize = isNull(start) ? 0 : start;
    if (name === PART_TYPE) kind = kindOf(present, p);
    else if (name === PART_TEXT) {
      text = present;
      textEnd = p;
    } else if (name === PART_VALUE) {
      value = present;
      valueEnd = p;
    } else if (name === PART_CONTENT) {
      content = present;
      contentEnd = p;
    }
  }
  if (p === 0) return 0;
  if (kind === RESULT_PART) {
    if (!inResult) joinResult(content, contentEnd);
  } else if (kind === TEXT_PART) {
    if (text !== 0) join(text, textEnd);
    else join(value, valueEnd);
  }
  return p;
}

/** The kind of a part by the value of its type, which was skipped last; 0 is null. */
function kindOf(type: usize, end: usize): i32 {
  if (type === 0) return TEXT_PART;
  return load<u8>(type) === QUOTE ? partKind(type + 1, end - 2 - type) : OTHER_PART;
}

/** Joins the texts of a result's content, which was skipped before. */
function joinResult(content: usize, end: usize): void {
  if (content === 0) return;
  if (load<u8>(content) !== OPEN_BRACKET) {
    join(content, end);
    return;
  }
  for (let p = firstElement(content); p !== 0 && !isClosed; p = nextElement(p)) {
    p = readPart(p, true);
    if (p === 0) return;
  }
}

/** Adds a value if it is a string. Strings are joined as they are spelled, so that the two halves of a surrogate pair meet. */
function join(p: usize, end: usize): void {
  if (p === 0 || load<u8>(p) !== QUOTE) return;
  if (end - p > 2) joinedCount++;
  joinedTo = repair(p + 1, end - 1, joinedTo);
}

/** The row of the last turn if its keys aren't made yet. In their place, it holds the address and the length of its text. */
let unfinished: usize = 0;

/** Begins a list of turns. */
export function beginTurns(): void {
  unfinished = 0;
}

/** Must be called after a turn's row is written from a text's slot. If the text has no keys yet, they are made when they are needed. */
export function rowWritten(row: usize, text: usize): void {
  unfinished = load<u8>(text, TEXT_HAS_NO_KEYS) !== 0 ? row : 0;
}

/** Makes the keys of the last turn if it has none yet. */
export function finishKeys(): void {
  if (unfinished !== 0) makeKeys(unfinished, load<u32>(unfinished), load<u32>(unfinished, 8));
  unfinished = 0;
}

/** Leaves the last turn of a conversation without a key: it has no reply. An index keeps its `endsKey`, to report prompts that equal it. */
export function dropKey(): void {
  if (isSearching) finishKeys();
  if (unfinished !== 0) {
    const from: usize = load<u32>(unfinished);
    const end = from + load<u32>(unfinished, 8);
    const p = afterThinking(from, end);
    const key = isAllWanted ? endsKey(p, end - p) : 0;
    store<u64>(unfinished, 0);
    store<u64>(unfinished, key, 8);
  }
  unfinished = 0;
}
