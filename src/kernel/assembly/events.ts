/**
 * Server-sent events: a text is cut into pieces, each in an envelope. The envelopes differ only in their numbers and, possibly, at the
 * end of the last one. An instance that writes events does nothing else, and has a memory layout of its own:
 *
 *     | static data | classes | text | envelope | counts | room |
 *
 * Copies are made in whole vectors and write past their end; the next copy overwrites the excess.
 */

import { classesEnd, hasLongRun, unknownPage } from './characters';
import { align, grow, PADDING } from './memory';
import { cl100kEnd, o200kEnd } from './pieces';
import { QUOTE } from './strings';

/** One part before the piece, up to four after it, and up to four after the last piece. */
const PARTS_MAX: u32 = 9;
/** The address and length of each part. */
const parts = memory.data(72);
/** The bases of the numbers between the parts. See `setNumber`. */
const numbers = memory.data(12);
/** `\r\n` */
const LINE_END: u16 = 0x0a0d;

let text: usize = 0;
let textEnd: usize = 0;
let envelope: usize = 0;
let counts: usize = 0;
let room: usize = 0;

/** How many parts there are, and where the next one goes. */
let partCount: u32 = 0;
let nextPart: usize = 0;

/** Where the piece after the last written one begins, and its index. */
let next: usize = 0;
let nextIndex: u32 = 0;

/** Lays out the memory. The parameters are the maximum sizes of the text, of the envelope, and of the events of one call. */
export function layEvents(textBytes: usize, envelopeBytes: usize, roomBytes: usize): void {
  text = align(classesEnd);
  // The text is followed by its closing quote.
  envelope = align(text + textBytes + 1 + PADDING);
  counts = align(envelope + envelopeBytes + <usize>PARTS_MAX * 2 * PADDING);
  // A piece has at least one byte.
  room = align(counts + 4 * textBytes);
  grow(room + roomBytes + PADDING);
}

/** Where the text goes, without its opening quote. */
export function eventTextAt(): usize {
  return text;
}
/** The address for the counts of the pieces that are written next. */
export function countsAt(): usize {
  return counts;
}
/** The address of the events that were written. */
export function eventsAt(): usize {
  return room;
}
/** How far the text was written, in bytes and in pieces. */
export function writtenBytes(): usize {
  return next - text;
}
export function writtenPieces(): u32 {
  return nextIndex;
}

/**
 * Takes the text of `length` bytes that was written to `eventTextAt`.
 *
 * @returns a page of classes that is missing: fill it and call again; negative if the classes of all characters are known
 */
export function takeText(length: usize): i32 {
  textEnd = text + length;
  store<u8>(textEnd, QUOTE);
  return unknownPage(text, textEnd);
}

/** True if the text has a run of characters that `longWordIn` would cut first. */
export function isCutBefore(): bool {
  return hasLongRun(text, textEnd);
}

/** Discards the envelope. */
export function beginEnvelope(): void {
  partCount = 0;
  nextPart = envelope;
}

/** Adds a part to the envelope; returns the address to write it to. */
export function addPart(length: usize): usize {
  const at = nextPart;
  setPart(partCount++, at, length);
  nextPart = align(at + length + PADDING);
  return at;
}

function setPart(index: u32, at: usize, length: usize): void {
  store<u32>(parts + ((<usize>index) << 3), at);
  store<u32>(parts + ((<usize>index) << 3), length, 4);
}

/** Sets the base of the number after part `index`: the piece's count or index is added to it. */
export function setNumber(index: u32, number: u32): void {
  store<u32>(numbers + ((<usize>index) << 2), number);
}

/**
 * Writes events until the next one does not fit.
 *
 * @param from where the first piece begins, in bytes from the beginning of the text
 * @param index the index of that piece
 * @param bytes the size of the room
 * @param hasCounts true if there are counts for the pieces, beginning with the first piece; false uses the indexes of the pieces
 * @returns how many bytes were written
 */
export function writeEvents(
  from: usize,
  index: u32,
  bytes: usize,
  isO200k: bool,
  isChunked: bool,
  hasCounts: bool,
): usize {
  const before = <usize>load<u32>(parts);
  const beforeLength = <usize>load<u32>(parts, 4);
  const perEvent = (partCount - 1) >> 1;
  const numberCount = perEvent - 1;
  const after = parts + 8;
  const afterLength = lengthOf(after, perEvent);
  const end = room + bytes;
  let out = room;
  let p = text + from;
  let count = counts;
  while (p < textEnd) {
    const pieceEnd = isO200k ? o200kEnd(p) : cl100kEnd(p);
    let part = after;
    let length = beforeLength + (pieceEnd - p) + afterLength;
    if (pieceEnd >= textEnd) {
      part += (<usize>perEvent) << 3;
      length += lengthOf(part, perEvent) - afterLength;
    }
    const added = hasCounts ? load<u32>(count) : index;
    for (let i: u32 = 0; i < numberCount; i++) length += digitsOf(numberAt(i) + added);
    const framing = isChunked ? hexDigitsOf(length) + 4 : 0;
    if (out + length + framing > end) break;
    if (isChunked) {
      out = writeHex(length, out);
      store<u16>(out, LINE_END);
      out += 2;
    }
    out = copyLong(before, beforeLength, out);
    out = copyShort(p, pieceEnd - p, out);
    out = copyLong(load<u32>(part), load<u32>(part, 4), out);
    for (let i: u32 = 0; i < numberCount; i++) {
      part += 8;
      out = writeNumber(numberAt(i) + added, out);
      out = copyLong(load<u32>(part), load<u32>(part, 4), out);
    }
    if (isChunked) {
      store<u16>(out, LINE_END);
      out += 2;
    }
    p = pieceEnd;
    index++;
    count += 4;
  }
  next = p;
  nextIndex = index;
  return out - room;
}

/** The total length of `count` parts. */
function lengthOf(part: usize, count: u32): usize {
  let length: usize = 0;
  for (let i: u32 = 0; i < count; i++) length += load<u32>(part + ((<usize>i) << 3), 4);
  return length;
}

function numberAt(index: u32): u32 {
  return load<u32>(numbers + ((<usize>index) << 2));
}

/** Copies bytes to `out`, and up to 63 more; returns the address after them. */
function copyLong(from: usize, length: usize, out: usize): usize {
  for (let i: usize = 0; i < length; i += 64) {
    const p = from + i;
    const to = out + i;
    v128.store(to, v128.load(p));
    v128.store(to, v128.load(p, 16), 16);
    v128.store(to, v128.load(p, 32), 32);
    v128.store(to, v128.load(p, 48), 48);
  }
  return out + length;
}

/** Copies bytes, and up to 15 more. */
function copyShort(from: usize, length: usize, out: usize): usize {
  v128.store(out, v128.load(from));
  for (let i: usize = 16; i < length; i += 16) v128.store(out + i, v128.load(from + i));
  return out + length;
}

function digitsOf(number: u32): usize {
  let digits: usize = 1;
  for (let bound: u64 = 10; number >= bound; bound *= 10) digits++;
  return digits;
}

function writeNumber(number: u32, out: usize): usize {
  const end = out + digitsOf(number);
  let p = end;
  do {
    const tenth = number / 10;
    store<u8>(--p, 0x30 + (number - tenth * 10));
    number = tenth;
  } while (number !== 0);
  return end;
}

function hexDigitsOf(length: usize): usize {
  return (35 - clz(<u32>length)) >> 2;
}

function writeHex(length: usize, out: usize): usize {
  const end = out + hexDigitsOf(length);
  for (let p = end; p > out; length >>= 4) {
    const digit = length & 0xf;
    store<u8>(--p, digit < 10 ? 0x30 + digit : 0x57 + digit);
  }
  return end;
}
