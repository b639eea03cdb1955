/**
 * The search for some terms in the texts of turns. Terms and texts are compared as `JSON.stringify` spells them; where case doesn't matter,
 * both are folded first: see folding.ts. A term is found only where a character begins: not in the middle of an escape.
 */

import { foldText } from './folding';
import { normalized } from './memory';
import { BACKSLASH, LETTER_U } from './strings';

/** How many terms there may be, and the room for all of their bytes. */
const TERMS_MAX: usize = 16;
const ROOM: usize = 262_144;
const room = memory.data(262_144, 16);
/** For each term its address and its length in bytes. */
const terms = memory.data(128, 8);
const TERM_SIZE: usize = 8;

let termCount: usize = 0;
/** The end of the terms in the room. */
let filledTo: usize = room;
let isFolded: bool = false;
let lengthMin: usize = 0;
let lengthMax: usize = 0;

/** Where the next term is written; there is room for `termRoom` bytes. */
export function termAt(): usize {
  return filledTo;
}
export function termRoom(): usize {
  return room + ROOM - filledTo;
}

/**
 * Forgets all terms.
 *
 * @param ignoresCase true if case doesn't matter
 * @param min the length that a text must have at least, and
 * @param max at most, in bytes as it is spelled
 */
export function beginTerms(ignoresCase: bool, min: usize, max: usize): void {
  termCount = 0;
  filledTo = room;
  isFolded = ignoresCase;
  lengthMin = min;
  lengthMax = max;
}

/** Adds the term of `length` bytes that was written at `termAt`, spelled. False if there is no room for it. */
export function addTerm(length: usize): bool {
  if (termCount === TERMS_MAX) return false;
  let end = filledTo + length;
  if (isFolded) {
    // Folding may make it longer.
    if (end + 3 * length + 16 > room + ROOM) return false;
    const to = foldText(filledTo, end, end);
    memory.copy(filledTo, end, to - end);
    end = filledTo + (to - end);
  }
  const entry = terms + termCount++ * TERM_SIZE;
  store<u32>(entry, filledTo);
  store<u32>(entry, end - filledTo, 4);
  filledTo = end;
  return true;
}

let foundCount: u32 = 0;

/** How many texts were found since `beginTerms`, wraps at 2³². Some of them may belong to no turn. */
export function foundTexts(): u32 {
  return foundCount;
}

/**
 * Searches the text at `p`, as it is spelled. Writes in place of its keys whether it has the wanted length and all terms.
 */
export function searchText(to: usize, p: usize, length: usize): void {
  const isFound = length >= lengthMin && length <= lengthMax && hasTerms(p, length);
  if (isFound) foundCount++;
  store<u32>(to, <u32>isFound);
}

function hasTerms(p: usize, length: usize): bool {
  let end = p + length;
  if (isFolded && termCount > 0) {
    end = foldText(p, end, normalized);
    p = normalized;
  }
  for (let entry = terms; entry < terms + termCount * TERM_SIZE; entry += TERM_SIZE) {
    if (!hasTerm(p, end, load<u32>(entry), load<u32>(entry, 4))) return false;
  }
  return true;
}

/** True if the text from `from` to `end` has a term. Looks at its first and its last byte. (Muła, "SIMD-friendly algorithms for substring searching".) */
function hasTerm(from: usize, end: usize, term: usize, length: usize): bool {
  if (from + length > end) return false;
  const last = end - length;
  const first = i8x16.splat(load<u8>(term));
  const final = i8x16.splat(load<u8>(term + length - 1));
  for (let p = from; p <= last; p += 16) {
    const both = v128.and(i8x16.eq(v128.load(p), first), i8x16.eq(v128.load(p + length - 1), final));
    for (let bits = i8x16.bitmask(both); bits !== 0; bits &= bits - 1) {
      const at = p + ctz(bits);
      if (at > last) return false;
      if (memory.compare(at, term, length) === 0 && isCharacter(from, at)) return true;
    }
  }
  return false;
}

/** True if a character begins at `p`, in a text that begins at `from`; false in the middle of an escape. */
function isCharacter(from: usize, p: usize): bool {
  if (isEscaped(from, p)) return false;
  for (let back: usize = 2; back < 6 && p >= from + back; back++) {
    const backslash = p - back;
    if (
      load<u8>(backslash) === BACKSLASH &&
      load<u8>(backslash, 1) === LETTER_U &&
      !isEscaped(from, backslash)
    )
      return false;
  }
  return true;
}

/** True if the byte at `p` follows a backslash that isn't itself escaped. */
function isEscaped(from: usize, p: usize): bool {
  let start = p;
  while (start > from && load<u8>(start - 1) === BACKSLASH) start--;
  return ((p - start) & 1) !== 0;
}
