/**
 * Counts and encodes texts as OpenAI's tokenizers do: a module of its own, whose memory has a vocabulary that threads share. A text comes as
 * `JSON.stringify` spells it. `../tokenizer.ts` binds it to TypeScript and documents its functions.
 */

import { BACKSLASH, LETTER_U, QUOTE } from './bytes';
import { unknownPage } from './characters';
import { encodedBytes, encodeWord, WINDOW } from './merging';
import { anyCl100kEnd, anyO200kEnd, forgetRead, quickCl100kEnd, quickO200kEnd, readTo } from './pieces';
import { text, tokens } from './rooms';
import { encode } from './utf8';
import { findVocabulary, NO_RANK, rankOf, vocabularyEnd } from './vocabulary';
import { KEPT_WORD, keepCount, keptCount, placeOf } from './words';

export { classesAt, takeAscii } from './characters';
export { claimRoom, freeRooms, leaveRoom, takeOwnRoom, textBytesMax } from './rooms';
export { bytesAt, layVocabulary, startsAt, takeVocabulary, tokenCount } from './vocabulary';

/** The end of what threads share, where rooms begin. */
export function sharedEnd(): usize {
  return vocabularyEnd;
}

/** The bytes that the end of a piece may depend on, besides those up to `readTo`: a contraction, or a character that is spelled long. */
const AHEAD: usize = 16;

let isO200k: bool = false;
/** Where the text ends, and whether it goes on in the next slice. */
let textEnd: usize = 0;
let goesOn: bool = false;

/** How far the text was encoded. */
let at: usize = 0;
/** Of a word that is being encoded, if `at` is in it: where it starts, where its bytes end, and where the text goes on; or 0. */
let wordStart: usize = 0;
let wordEnd: usize = 0;
let next: usize = 0;
/** True if the piece at `at` may end after the slice. */
let isUndecided: bool = false;

/** The tokens of a call of `advance`. */
let count: u32 = 0;

/** Begins to use a vocabulary that was taken. */
export function begin(o200k: bool): void {
  findVocabulary();
  isO200k = o200k;
}

export function textAt(): usize {
  return text;
}
export function tokensAt(): usize {
  return tokens;
}

/**
 * Takes the text of `length` bytes that was written to `textAt`.
 *
 * @param isSlice true if the text goes on in another slice
 * @returns a page of classes that is missing: fill it and call again; negative if the classes of all characters are known
 */
export function takeText(length: usize, isSlice: bool): i32 {
  goesOn = isSlice;
  textEnd = text + length;
  if (!isSlice) store<u8>(textEnd, QUOTE);
  at = text;
  wordEnd = 0;
  isUndecided = false;
  forgetRead();
  return unknownPage(text, isSlice ? textEnd - AHEAD : textEnd);
}

/** How far the text was encoded, in bytes. */
export function position(): usize {
  return at - text;
}
/** True if all of the text was encoded that doesn't depend on the next slice. */
export function isDone(): bool {
  return isUndecided || at >= textEnd;
}

/** What `resume` takes of an unfinished word, in bytes of the text, or 0. */
export function unfinishedStart(): usize {
  return wordEnd === 0 ? 0 : wordStart - text;
}
export function unfinishedNext(): usize {
  return wordEnd === 0 ? 0 : next - text;
}

/** Goes on in a text that was taken again. */
export function resume(from: usize, unfinished: usize, after: usize): void {
  at = text + from;
  if (after === 0) return;
  wordStart = text + unfinished;
  next = text + after;
  wordEnd = plain(wordStart, next);
}

/** How many UTF-16 units of the text weren't encoded. No word may be unfinished. */
export function unitsLeft(): usize {
  let units: usize = 0;
  for (let p = at; p < textEnd; units++) {
    const byte = load<u8>(p);
    if (byte === BACKSLASH) p += load<u8>(p, 1) === LETTER_U ? 6 : 2;
    else if (byte < 0x80) p++;
    else if (byte < 0xe0) p += 2;
    else if (byte < 0xf0) p += 3;
    else {
      p += 4;
      units++;
    }
  }
  return units;
}

/**
 * Encodes the text from where the last call ended, at least `bytes` bytes, or all of it.
 *
 * @param isEncoding true to write the tokens to `tokensAt`; `bytes` is then at most `STEP_BYTES`
 * @returns how many tokens there are
 */
export function advance(bytes: usize, isEncoding: bool): u32 {
  count = 0;
  const stop = min(at + bytes, textEnd);
  const quickStop = goesOn ? min(stop, textEnd - 2 * AHEAD) : stop;
  while (at < stop && !isUndecided) {
    if (wordEnd !== 0) continueWord(isEncoding);
    else if (isO200k) {
      takeQuickO200k(quickStop, isEncoding);
      if (at < stop) takePiece(at, anyO200kEnd(at), isEncoding);
    } else {
      takeQuickCl100k(quickStop, isEncoding);
      if (at < stop) takePiece(at, anyCl100kEnd(at), isEncoding);
    }
  }
  return count;
}

/** Encodes pieces as long as they are quick ones. */
function takeQuickO200k(stop: usize, isEncoding: bool): void {
  let p = at;
  while (p < stop) {
    const end = quickO200kEnd(p);
    if (end === 0) break;
    take(p, end - p, isEncoding);
    p = end;
  }
  at = p;
}

function takeQuickCl100k(stop: usize, isEncoding: bool): void {
  let p = at;
  while (p < stop) {
    const end = quickCl100kEnd(p);
    if (end === 0) break;
    take(p, end - p, isEncoding);
    p = end;
  }
  at = p;
}

/** Encodes a piece of at most `WINDOW` bytes. */
function take(p: usize, length: usize, isEncoding: bool): void {
  const rank = rankOf(p, length);
  if (rank !== NO_RANK) addToken(rank, isEncoding);
  else addMerged(p, length, isEncoding);
}

/** Encodes any piece, or begins to. */
function takePiece(p: usize, end: usize, isEncoding: bool): void {
  if (goesOn && max(end, readTo) + AHEAD > textEnd) {
    isUndecided = true;
    return;
  }
  const to = plain(p, end);
  at = end;
  const rank = rankOf(p, to - p);
  if (rank !== NO_RANK) addToken(rank, isEncoding);
  else if (to - p <= WINDOW) addMerged(p, to - p, isEncoding);
  else {
    at = p;
    wordStart = p;
    wordEnd = to;
    next = end;
  }
}

function addToken(rank: u32, isEncoding: bool): void {
  if (isEncoding) store<u32>(tokens + ((<usize>count) << 2), rank);
  count++;
}

/** Encodes a word that is no token. */
function addMerged(p: usize, length: usize, isEncoding: bool): void {
  if (isEncoding) {
    count += encodeWord(p, length, tokens + ((<usize>count) << 2));
    return;
  }
  if (length > KEPT_WORD) {
    count += encodeWord(p, length, tokens);
    return;
  }
  const place = placeOf(p, length);
  let known = keptCount(place, p, length);
  if (known === 0) {
    known = encodeWord(p, length, tokens);
    keepCount(place, p, length, known);
  }
  count += known;
}

/** Encodes a window of the unfinished word. */
function continueWord(isEncoding: bool): void {
  count += encodeWord(at, wordEnd - at, isEncoding ? tokens + ((<usize>count) << 2) : tokens);
  at += encodedBytes;
  if (at < wordEnd) return;
  at = next;
  wordEnd = 0;
}

/** Replaces escapes by the bytes that they mean, in place. Returns the end of the bytes. */
function plain(p: usize, end: usize): usize {
  p = findBackslash(p, end);
  let out = p;
  while (p < end) {
    const byte = load<u8>(p);
    if (byte !== BACKSLASH) {
      store<u8>(out++, byte);
      p++;
    } else if (load<u8>(p, 1) !== LETTER_U) {
      store<u8>(out++, meaningOf(load<u8>(p, 1)));
      p += 2;
    } else {
      const code = hexAt(p + 2);
      // A lone surrogate becomes U+FFFD, as in all of UTF-8.
      out = encode((code & 0xf800) === 0xd800 ? 0xfffd : code, out);
      p += 6;
    }
  }
  return out;
}

function findBackslash(p: usize, end: usize): usize {
  for (; p < end; p += 16) {
    const found = i8x16.bitmask(i8x16.eq(v128.load(p), i8x16.splat(BACKSLASH)));
    if (found !== 0) return min(p + ctz(found), end);
  }
  return end;
}

function meaningOf(letter: u8): u8 {
  switch (letter) {
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    default:
      return letter;
  }
}

function hexAt(p: usize): u32 {
  let code: u32 = 0;
  for (let i = 0; i < 4; i++) {
    const digit = load<u8>(p + i);
    code = (code << 4) | (digit <= 0x39 ? digit & 0xf : (digit | 0x20) - 0x57);
  }
  return code;
}
