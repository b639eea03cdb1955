/**
 * Finds the end of a piece that may be longer than a slice of its text, slice by slice, as `pieces.ts` finds it at once. Between two slices
 * three numbers are kept, so that other texts may be looked at meanwhile: the run of characters that was read last, how many UTF-16 units
 * of the piece were read, and up to where the piece goes if the run ends in vain.
 */

import { SLASH } from './bytes';
import {
  BLANK,
  CLASS,
  characterAt,
  LENGTH_SHIFT,
  LETTER,
  LINE_END,
  LOWER,
  MARK,
  OTHER,
  SYMBOL,
  WHITE,
} from './characters';
import { contractionEnd, HEAD, symbolsStart, TAIL } from './pieces';

// The runs that a long piece is made of. Nothing was read in phase 0, `START`.
const START: u32 = 0;
const HEADS: u32 = 1;
const TAILS: u32 = 2;
const LETTERS: u32 = 3;
const SYMBOLS: u32 = 4;
const LINE_ENDS: u32 = 5;
const WHITES: u32 = 6;

let phase: u32 = START;
let units: usize = 0;
let marked: usize = 0;

/** What is kept until the next slice. When the end was found, `runUnits` is the length of the piece. */
export function runPhase(): u32 {
  return phase;
}
export function runUnits(): usize {
  return units;
}
export function runMarked(): usize {
  return marked;
}

/** How many UTF-16 units characters have. */
export function unitsIn(p: usize, end: usize): usize {
  let count: usize = 0;
  for (; p < end; p++) {
    const byte = load<u8>(p);
    count += <usize>((byte & 0xc0) !== 0x80) + <usize>(byte >= 0xf0);
  }
  return count;
}

/**
 * Goes on in the next slice, which begins after the characters that were read.
 *
 * @param end no character from there on is read, unless the text ends there
 * @param readPhase what `runPhase`, `runUnits` and `runMarked` returned after the slice before; 0 at the start of a piece
 * @returns true if the end of the piece was found
 */
export function findRunEnd(
  start: usize,
  end: usize,
  goesOn: bool,
  isO200k: bool,
  readPhase: u32,
  readUnits: usize,
  readMarked: usize,
): bool {
  phase = readPhase;
  marked = readMarked;
  let p = phase === START ? runStart(start, isO200k) : start;
  while (true) {
    const slash = isO200k && phase === LINE_ENDS ? SLASH : 0;
    const wanted = wantedIn(phase);
    const marks = phase === HEADS ? TAIL : phase === WHITES ? LINE_END : 0;
    let mark: usize = 0;
    let character = characterAt(p);
    while (p < end && ((character & wanted) !== 0 || (slash !== 0 && load<u8>(p) === slash))) {
      p += character >> LENGTH_SHIFT;
      if ((character & marks) !== 0) mark = p;
      character = characterAt(p);
    }
    if (mark !== 0) marked = readUnits + unitsIn(start, mark);
    if (goesOn && p >= end) {
      units = readUnits + unitsIn(start, p);
      return false;
    }
    if (phase === SYMBOLS) phase = LINE_ENDS;
    else if (phase === HEADS && (character & LOWER) !== 0) phase = TAILS;
    else {
      units = readUnits + unitsIn(start, p);
      if (phase === WHITES) units = whiteUnits((character & CLASS) === 0, isO200k);
      else if (phase === HEADS && marked !== 0 && marked !== units) units = marked;
      else if (phase === HEADS || phase === TAILS) units += unitsIn(p, contractionEnd(p));
      return true;
    }
  }
}

/** Finds out which run a piece begins with, and where that begins. */
function runStart(p: usize, isO200k: bool): usize {
  const first = characterAt(p);
  const second = p + (first >> LENGTH_SHIFT);
  phase = isO200k ? HEADS : LETTERS;
  const letters = isO200k ? LETTER | MARK : LETTER;
  if ((first & letters) !== 0) return p;
  if ((first & (BLANK | (isO200k ? OTHER : SYMBOL))) !== 0 && (characterAt(second) & letters) !== 0)
    return second;
  const symbols = symbolsStart(p, first, second);
  phase = symbols !== 0 ? SYMBOLS : WHITES;
  return symbols !== 0 ? symbols : p;
}

function wantedIn(run: u32): u32 {
  switch (run) {
    case HEADS:
      return HEAD;
    case TAILS:
      return TAIL;
    case LETTERS:
      return LETTER;
    case SYMBOLS:
      return SYMBOL;
    case LINE_ENDS:
      return LINE_END;
    default:
      return WHITE;
  }
}

/** The length of white space of which all was read: see `whiteEnd` of `pieces.ts`. All of its characters have one unit. */
function whiteUnits(isEnd: bool, isO200k: bool): usize {
  if (isEnd && !isO200k) return units;
  if (marked !== 0) return marked;
  return isEnd || units === 1 ? units : units - 1;
}
