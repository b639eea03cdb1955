/**
 * Counts and encodes texts as OpenAI's tokenizers do: a module of its own, whose memory has a vocabulary that threads share. `../tokenizer.ts`
 * binds it to TypeScript and documents its functions.
 */

import { BACKSLASH, LETTER_U } from './bytes';
import { PLAIN_END, unknownPage } from './characters';
import { encodedBytes, encodeWord, WINDOW } from './merging';
import { anyCl100kEnd, anyO200kEnd, forgetRead, readTo, takeLongS } from './pieces';
import { spelled, text, tokens } from './rooms';
import { findRunEnd, unitsIn } from './runs';
import { startsAt } from './starts';
import { encode } from './utf8';
import { findVocabulary, firstRank, NO_RANK, rankOf, vocabularyEnd } from './vocabulary';
import { copyKept, KEPT_WORD, keepTokens, keptCount, placeOf } from './words';

export { classesAt, takePlainAscii } from './characters';
export { claimRoom, freeRooms, leaveRoom, takeOwnRoom, textBytesMax } from './rooms';
export { runMarked, runPhase, runUnits } from './runs';
export { bytesAt, layVocabulary, takeVocabulary, tokenCount, tokenStartsAt } from './vocabulary';

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
/** The end of the word that `at` is in, or 0. It may be after the slice: then its address means nothing else. */
let wordEnd: usize = 0;
/** True if what follows `at` can't be encoded without the next slice. */
let isUndecided: bool = false;

/** The tokens of a call of `advance`. */
let count: u32 = 0;

/** Begins to use a vocabulary that was taken. */
export function begin(o200k: bool): void {
  findVocabulary();
  takeLongS();
  isO200k = o200k;
}

export function textAt(): usize {
  return text;
}
export function tokensAt(): usize {
  return tokens;
}
export function spelledAt(): usize {
  return spelled;
}

/**
 * Takes the text of `length` bytes that was written to `textAt`, in UTF-8.
 *
 * @param isSlice true if the text goes on in another slice
 * @returns a page of classes that is missing: fill it and call again; negative if the classes of all characters are known
 */
export function takeText(length: usize, isSlice: bool): i32 {
  goesOn = isSlice;
  textEnd = text + length;
  store<u8>(textEnd, PLAIN_END);
  at = text;
  wordEnd = 0;
  isUndecided = false;
  forgetRead();
  return unknownPage(text, textEnd);
}

/** How far the text was encoded, in bytes. */
export function position(): usize {
  return at - text;
}
/** Where the word ends that is unfinished there; 0 if all words are finished. */
export function unfinishedEnd(): usize {
  return wordEnd === 0 ? 0 : wordEnd - text;
}
/** True if all of the text was encoded that doesn't depend on the next slice. */
export function isDone(): bool {
  return isUndecided || at >= textEnd;
}

/**
 * Goes on in a text that was taken again. The parameters are what `position` and `unfinishedEnd` returned.
 *
 * @param unfinished more than the length of the slice if the word ends in a later one
 */
export function resume(from: usize, unfinished: usize): void {
  at = text + from;
  wordEnd = unfinished === 0 ? 0 : text + unfinished;
}

/** How many bytes were encoded of a character whose other bytes weren't: tokens may end inside a character. */
export function splitBytes(): usize {
  let p = at;
  while (p > text && (load<u8>(p) & 0xc0) === 0x80) p--;
  return at - p;
}

/** How many UTF-16 units of the text weren't encoded, those of such a character included. */
export function unitsLeft(): usize {
  return unitsIn(at - splitBytes(), textEnd);
}

/**
 * Goes on to look for the end of a long piece, in a slice that was taken: see `findRunEnd`. Nothing is encoded.
 *
 * @returns true if it was found
 */
export function findPieceEnd(phase: u32, units: usize, marked: usize): bool {
  return findRunEnd(text, goesOn ? textEnd - AHEAD : textEnd, goesOn, isO200k, phase, units, marked);
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
  const blocksEnd = goesOn ? textEnd - AHEAD : textEnd;
  while (at < stop && !isUndecided) {
    if (wordEnd !== 0) continueWord(isEncoding);
    else {
      takeBlocks(stop, blocksEnd, isEncoding);
      if (at < stop) takePiece(at, isO200k ? anyO200kEnd(at) : anyCl100kEnd(at), isEncoding);
    }
  }
  return count;
}

/** Encodes pieces, block by block, until one doesn't end in its block. */
function takeBlocks(stop: usize, end: usize, isEncoding: bool): void {
  let p = at;
  while (p < stop) {
    let starts = startsAt(p, isO200k);
    // Near the end of a slice, a piece may go on in the next one.
    if (p + 64 > end) starts &= p < end ? ((<u64>1) << (end - p)) - 1 : 1;
    starts ^= 1;
    if (starts === 0) break;
    let start: usize = 0;
    do {
      const next = <usize>ctz(starts);
      const rank = firstRank(p + start, next - start);
      if (rank !== NO_RANK) addToken(rank, isEncoding);
      else take(p + start, next - start, isEncoding);
      start = next;
      starts &= starts - 1;
    } while (starts !== 0);
    p += start;
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
  if (end - p > WINDOW) {
    wordEnd = end;
    return;
  }
  take(p, end - p, isEncoding);
  at = end;
}

function addToken(rank: u32, isEncoding: bool): void {
  if (isEncoding) store<u32>(tokens + ((<usize>count) << 2), rank);
  count++;
}

/** Encodes a word that is no token. */
function addMerged(p: usize, length: usize, isEncoding: bool): void {
  const out = isEncoding ? tokens + ((<usize>count) << 2) : tokens;
  if (length > KEPT_WORD) {
    count += encodeWord(p, length, out);
    return;
  }
  const place = placeOf(p, length);
  let known = keptCount(place, p, length);
  if (known === 0) {
    known = encodeWord(p, length, out);
    keepTokens(place, p, length, out, known);
  } else if (isEncoding) copyKept(place, out);
  count += known;
}

/** Encodes a window of the unfinished word, which must be in the slice. */
function continueWord(isEncoding: bool): void {
  if (wordEnd > textEnd && at + WINDOW + AHEAD > textEnd) {
    isUndecided = true;
    return;
  }
  count += encodeWord(at, wordEnd - at, isEncoding ? tokens + ((<usize>count) << 2) : tokens);
  at += encodedBytes;
  if (at >= wordEnd) wordEnd = 0;
}

/**
 * Writes a text that is spelled as `JSON.stringify` spells it to `textAt`, plain.
 *
 * @param length of the spelled text, at `spelledAt`
 * @returns the length of the plain text
 */
export function unspell(length: usize): usize {
  let p = spelled;
  let out = text;
  const end = p + length;
  while (p < end) {
    const bytes = v128.load(p);
    const more = v128.load(p, 16);
    v128.store(out, bytes);
    v128.store(out, more, 16);
    const backslash = i8x16.splat(BACKSLASH);
    if (!v128.any_true(v128.or(i8x16.eq(bytes, backslash), i8x16.eq(more, backslash)))) {
      p += 32;
      out += 32;
      continue;
    }
    const found = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(BACKSLASH)));
    const plain: usize = found === 0 ? 16 : ctz(found);
    p += plain;
    out += plain;
    if (found === 0 || p >= end) continue;
    if (load<u8>(p, 1) !== LETTER_U) {
      store<u8>(out++, meaningOf(load<u8>(p, 1)));
      p += 2;
    } else {
      const code = hexAt(p + 2);
      // A lone surrogate becomes U+FFFD, as in all of UTF-8.
      out = encode((code & 0xf800) === 0xd800 ? 0xfffd : code, out);
      p += 6;
    }
  }
  return out - (p - end) - text;
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
