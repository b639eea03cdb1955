/**
 * The kernel: the loops that every byte of a dataset goes through, compiled to WebAssembly. `../kernel.ts` binds it to
 * TypeScript and documents its functions.
 */

import { hash, seedHash } from './hash';
import { beginKeeping } from './keeping';
import * as regions from './memory';
import {
  addSlice,
  beginSlices,
  endsKey,
  KEYING_BYTES,
  keying,
  writeKeys,
  writeKeysOfSlices,
} from './normalizing';
import { conversationCount, forgetRows, leftOutCount, readRecord, recordCount, turnCount } from './records';
import { writeSketch } from './sketch';
import { QUOTE, spellText } from './strings';
import { joinedTexts } from './texts';
import { begin, brokeAt, CLOSE_BRACKET, COMMA, isTooDeep, skipBlanks } from './values';
import { wantKey, wantNormalizedKey } from './wanted';

export { classesAt, takeAscii } from './characters';
export { cutsAt, cutTexts, leftAt } from './cutting';
export {
  addPart,
  beginEnvelope,
  countsAt,
  eventsAt,
  eventTextAt,
  isCutBefore,
  layEvents,
  setNumber,
  takeText,
  writeEvents,
  writtenBytes,
  writtenPieces,
} from './events';
export { foldNumbersAt, foldsAt } from './folding';
export { narrowKeys } from './hash';
export { beginKeeping, keep, keptConversations, keptRoom, keptTurns } from './keeping';
export {
  beginMeasuring,
  measure,
  measureAndCut,
  measuredAt,
  measuredAtOnce,
  measuredDepth,
  measuredNames,
  measuredParts,
  measuredValues,
} from './measuring';
export { reserve } from './memory';
export { passOver } from './passing';
export {
  formAt,
  layPlain,
  plainBlankCount,
  plainBlanksAt,
  plainInputAt,
  plainKindAt,
  plainKindLength,
  plainLinesAt,
  plainLinesBytes,
  plainRowsAt,
  takeForm,
  writePlain,
} from './plain';
export { anchorAt, anchorBitsAt, matteringAt, scan, takeAnchor } from './scanning';
export { addTerm, beginTerms, foundTexts, termAt, termRoom } from './searching';
export { findSketches, hitsAt, laySketches, soughtAt } from './sketch';
export {
  addPairs,
  beginDivide,
  beginEntries,
  beginSort,
  divide,
  findBuckets,
  findEqual,
  leastRows,
  moveByDigit,
  moveRows,
  placeDigits,
} from './sorting';
export { survey, surveyedStart } from './survey';
export {
  areTextsWhole,
  beginVerify,
  mayHaveReasoning,
  replyAt,
  roleAt,
  roleLength,
  spellReply,
  verifyTurn,
} from './verifying';
export { wantAll, wantedAt, wantNone, wantSearch, wantSketches } from './wanted';

export function inputAt(): usize {
  return regions.input;
}
/** Where the turns to verify are written. */
export function verifyAt(): usize {
  return regions.joined;
}
export function turnsAt(): usize {
  return regions.turns;
}
export function recordsAt(): usize {
  return regions.records;
}
export function turnRows(): usize {
  return turnCount;
}
export function recordRows(): usize {
  return recordCount;
}
export function conversationRows(): usize {
  return conversationCount;
}
export function leftOutTurns(): usize {
  return leftOutCount;
}
export function textsJoined(): usize {
  return joinedTexts;
}
export function keptAt(): usize {
  return regions.kept;
}

/** Makes room for `bytes` bytes in place of the kept rows; returns its address. */
export function spareRoom(bytes: usize): usize {
  beginKeeping();
  return regions.spareRoom(bytes);
}

/** Where the text for `spell` is written. */
export function textAt(): usize {
  return regions.normalized;
}

/** Writes the `length` bytes at `textAt` to the input as `JSON.stringify` spells them. Returns the spelled length, negative if too long. */
export function spell(length: usize): isize {
  const from = regions.normalized;
  const to = spellText(from, from + length, regions.input, regions.input + regions.inputBytes);
  return to === 0 ? -1 : to - regions.input;
}

/** Sets the seed of all keys. */
export function seedKeys(low: u32, high: u32): void {
  seedHash(<u64>low | ((<u64>high) << 32));
}

/** Writes the key of a text, which is spelled at `p`. This overwrites the rows of turns. */
export function key(p: usize, length: usize): void {
  store<u64>(regions.turns, hash(p, length));
}

/** Writes the key of the ends of a text. This overwrites the rows of turns. */
export function ends(p: usize, length: usize): void {
  store<u64>(regions.turns, endsKey(p, length));
}

/** Writes the keys of a text, its normalized head and its length. This overwrites the rows of turns. */
export function keys(p: usize, length: usize): void {
  writeKeys(regions.turns, p, length);
}

/** Writes the sketch of a text. This overwrites the rows of turns. */
export function sketch(p: usize, length: usize): void {
  writeSketch(regions.turns, p, length);
}

/** The state of the keys of a text that comes in slices. The caller saves and restores it if other texts come in between. */
export function keyingAt(): usize {
  return keying;
}
export function keyingBytes(): usize {
  return KEYING_BYTES;
}
export function beginKeys(): void {
  beginSlices();
}
/** Adds a slice. */
export function addToKeys(p: usize, length: usize): void {
  addSlice(p, length);
}
/** Writes the same as `keys`. */
export function endKeys(): void {
  writeKeysOfSlices(regions.turns);
}

/** Marks the keys of texts of this length as wanted and, if `normalized`, the normalized keys of texts with this head. */
export function want(length: usize, headLow: u32, headHigh: u32, normalized: bool): void {
  wantKey(length);
  if (normalized) wantNormalizedKey(<u64>headLow | ((<u64>headHigh) << 32));
}

const LINE_FEED: u8 = 0x0a;
/** A byte order mark: its first byte, and the other two. */
const MARK: u8 = 0xef;
const MARK_END: u16 = 0xbfbb;

// How a walk ends.
const NEEDS_MORE = 0;
const REACHED_STOP = 1;
const LIST_ENDED = 2;
const ROWS_ARE_FULL = 3;
const TOO_DEEP = 4;
const INVALID = 5;

/** The walk's position: everything before it has been read. */
let at: usize = 0;
/**
 * What is expected at the position:
 * - the list's first record, or the list's end, if `expectsFirst` and `expectsRecord`;
 * - a record, if `expectsRecord` only;
 * - what follows a record, a separator or the list's end, if neither.
 */
let expectsFirst: bool = false;
let expectsRecord: bool = false;
let isLines: bool = false;
let lengthMax: usize = 0;
/** The address of the byte that made the walk invalid. */
let invalid: usize = 0;

export function walkedTo(): usize {
  return at;
}
export function invalidAt(): usize {
  return invalid;
}
export function isAtRecord(): bool {
  return expectsRecord;
}

export function beginWalk(lines: bool, first: bool, recordMax: usize): void {
  isLines = lines;
  expectsFirst = first;
  expectsRecord = true;
  lengthMax = recordMax;
}

/** Continues after the record at the walk's position, which `passOver` has skipped. */
export function continueBehindRecord(): void {
  expectsFirst = false;
  expectsRecord = false;
}

/** Skips empty lines, and byte order marks at the start of a line: files that were put together have some. */
function skipLineStarts(from: usize, to: usize): usize {
  let p = from;
  while (p < to) {
    if (load<u8>(p) === LINE_FEED) p = skipBlanks(p + 1);
    else if (p + 3 <= to && load<u8>(p) === MARK && load<u16>(p, 1) === MARK_END) p = skipBlanks(p + 3);
    else return p;
  }
  return p;
}

/** Walks from record to record, up to the first one that begins at or after `stop` or is incomplete. */
export function walk(from: usize, to: usize, stop: usize): i32 {
  // These quotes end a string that is cut off.
  for (let i: usize = 0; i < 32; i += 16) v128.store(to + i, i8x16.splat(QUOTE));
  begin(to, isLines);
  forgetRows();
  at = from;
  while (true) {
    if (expectsRecord) {
      at = skipBlanks(at);
      if (isLines) at = skipLineStarts(at, to);
      // The next walk must start at a record. So the walk that begins the list doesn't stop before it has read the first one.
      if (at >= stop && !expectsFirst) return REACHED_STOP;
      if (at >= to || (isLines && load<u8>(at) === MARK && at + 3 > to)) return NEEDS_MORE;
      // An empty list, or a comma after the last record.
      if (!isLines && load<u8>(at) === CLOSE_BRACKET) {
        at++;
        return LIST_ENDED;
      }
      if (recordCount === regions.RECORDS_MAX) return ROWS_ARE_FULL;
      const next = readRecord(at, lengthMax);
      if (next === 0) {
        invalid = brokeAt;
        return isTooDeep ? TOO_DEEP : brokeAt >= to ? NEEDS_MORE : INVALID;
      }
      at = next;
      expectsFirst = false;
      expectsRecord = false;
    }
    const p = skipBlanks(at);
    if (p >= to) return NEEDS_MORE;
    const byte = load<u8>(p);
    if (!isLines && byte === CLOSE_BRACKET) {
      at = p + 1;
      return LIST_ENDED;
    }
    if (byte !== (isLines ? LINE_FEED : COMMA)) {
      invalid = p;
      return INVALID;
    }
    at = p + 1;
    expectsRecord = true;
  }
}
