/**
 * Verifying: whether turns, as they stand in the file, have the texts that their keys promise, and what the reply to them is. That is
 * done for turns of the usual shape, a string that says who speaks and a string that is the text, whatever other members they have.
 */

import { firstMember, isClosed, nextMember } from './containers';
import { input } from './memory';
import { isCallsName, turnName } from './names';
import { hadEscape, QUOTE } from './strings';
import { spelledAt, spelledLength, spellString } from './texts';
import { begin, COMMA, OPEN_BRACE, skipBlanks, skipValue } from './values';

/** In `turnName`, the first of a text's names. */
const TEXT_NAMES: i32 = 2;
/** A role at least as long as `function_call`: its text may be a call. */
const LONG_ROLE: usize = 13;

/** Who speaks in the last turn that was looked at: without quotes, escapes or more than twelve bytes. */
let role: usize = 0;
let roleBytes: usize = 0;

export function roleAt(): usize {
  return role;
}
export function roleLength(): usize {
  return roleBytes;
}

/** Says where what is verified next ends. */
export function beginVerify(to: usize): void {
  // What ends every string, whatever it is cut from.
  for (let i: usize = 0; i < 32; i += 16) v128.store(to + i, i8x16.splat(QUOTE));
  begin(to, false);
}

/**
 * Passes over a turn whose text is the one in the input.
 *
 * @returns where the next turn begins; 0 if the text is another, or if the turn has an unusual shape
 */
export function verifyTurn(p: usize, length: usize): usize {
  p = spellTurn(p);
  if (p === 0 || spelledLength !== length || !areEqual(spelledAt, input, length)) return 0;
  p = skipBlanks(p);
  return load<u8>(p) === COMMA ? skipBlanks(p + 1) : 0;
}

/** The length of a turn's text, spelled as `JSON.stringify` spells it, with its quotes; 0 if the turn has an unusual shape. */
export function spellReply(p: usize): usize {
  if (spellTurn(p) === 0) return 0;
  // Where the text stands as it should be spelled, there are quotes already.
  store<u8>(spelledAt - 1, QUOTE);
  store<u8>(spelledAt + spelledLength, QUOTE);
  return spelledLength + 2;
}

/** Where the reply's opening quote stands. */
export function replyAt(): usize {
  return spelledAt - 1;
}

/** True if as many bytes are the same at both places. Behind them, there are others that may be read. */
function areEqual(p: usize, other: usize, length: usize): bool {
  let left = length;
  for (; left >= 16; left -= 16) {
    if (v128.any_true(v128.xor(v128.load(p), v128.load(other)))) return false;
    p += 16;
    other += 16;
  }
  const same = i8x16.bitmask(i8x16.eq(v128.load(p), v128.load(other)));
  return (~same & ((1 << (<i32>left)) - 1)) === 0;
}

/** Spells the text of a turn; returns the byte behind the turn, or 0 if it has an unusual shape, or calls functions. */
function spellTurn(p: usize): usize {
  let hasRole = false;
  let hasText = false;
  if (load<u8>(p) !== OPEN_BRACE) return 0;
  for (p = firstMember(p); p !== 0 && !isClosed; p = nextMember(p)) {
    // Names with escapes are read where the text is spelled.
    if (hadEscape) return 0;
    const name = turnName();
    if (name < 0) {
      if (isCallsName()) return 0;
      p = skipValue(p);
    } else {
      const isText = name >= TEXT_NAMES;
      if ((isText ? hasText : hasRole) || load<u8>(p) !== QUOTE) return 0;
      const start = p + 1;
      if (isText) {
        hasText = true;
        p = spellString(start);
      } else {
        hasRole = true;
        p = skipValue(p);
        if (hadEscape || p - 1 - start >= LONG_ROLE) return 0;
        role = start;
        roleBytes = p - 1 - start;
      }
    }
    if (p === 0) return 0;
  }
  return hasRole && hasText ? p : 0;
}
