/**
 * Verifies that turns in the file have the texts that their keys promise, and reads the reply to them. This works for turns of the
 * usual shape: the role is a string and the text is a string. Other members don't matter, except those of function calls.
 */

import { firstMember, isClosed, nextMember } from './containers';
import { ASSISTANT, isCallsName, isReasoningName, roleOf, turnName } from './names';
import { hadEscape, QUOTE } from './strings';
import { spelledAt, spelledLength, spellString } from './texts';
import { afterThinking } from './thinking';
import { begin, COMMA, isNull, OPEN_BRACE, skipBlanks, skipValue } from './values';

/** The first result of `turnName` that is a text's name. */
const TEXT_NAMES: i32 = 2;
/** The length of `function_call`. If a role is at least this long, its text may be a call. */
const LONG_ROLE: usize = 13;

/** The role of the turn that was read last, without quotes. It has no escapes, and at most twelve bytes. */
let role: usize = 0;
let roleBytes: usize = 0;

export function roleAt(): usize {
  return role;
}
export function roleLength(): usize {
  return roleBytes;
}

let mayReason: bool = false;

/** True if the turn that was read last may have reasoning: one of its names has a string that isn't empty. */
export function mayHaveReasoning(): bool {
  return mayReason;
}

let ignoresThinking: bool = false;
let areWhole: bool = true;

/** True if the turns that were verified have exactly the texts, thinking included. */
export function areTextsWhole(): bool {
  return areWhole;
}

/**
 * Sets where the turns to verify end.
 *
 * @param isThinkingIgnored true if the texts of an assistant's turns are compared without their thinking
 */
export function beginVerify(to: usize, isThinkingIgnored: bool): void {
  ignoresThinking = isThinkingIgnored;
  areWhole = true;
  // These quotes end a string that is cut off.
  for (let i: usize = 0; i < 32; i += 16) v128.store(to + i, i8x16.splat(QUOTE));
  begin(to, false);
}

/**
 * Verifies that a turn has a text.
 *
 * @param text where the text is spelled
 * @returns where the next turn begins; 0 if the text differs, or if the turn has an unusual shape
 */
export function verifyTurn(p: usize, text: usize, length: usize): usize {
  p = spellTurn(p);
  if (p === 0 || !agrees(text, length)) return 0;
  p = skipBlanks(p);
  return load<u8>(p) === COMMA ? skipBlanks(p + 1) : 0;
}

/** True if the turn that was spelled last has a text. */
function agrees(text: usize, length: usize): bool {
  if (spelledLength === length && areEqual(spelledAt, text, length)) return true;
  if (!ignoresThinking || roleOf(role, roleBytes) !== ASSISTANT) return false;
  const spelledEnd = spelledAt + spelledLength;
  const spelled = afterThinking(spelledAt, spelledEnd);
  const given = afterThinking(text, text + length);
  const left = text + length - given;
  areWhole = false;
  return spelledEnd - spelled === left && areEqual(spelled, given, left);
}

/** Spells a turn's text as `JSON.stringify` would. Returns its length with its quotes; 0 if the turn has an unusual shape. */
export function spellReply(p: usize): usize {
  if (spellTurn(p) === 0) return 0;
  // A text that wasn't copied has its quotes already.
  store<u8>(spelledAt - 1, QUOTE);
  store<u8>(spelledAt + spelledLength, QUOTE);
  return spelledLength + 2;
}

/** The address of the reply's opening quote. */
export function replyAt(): usize {
  return spelledAt - 1;
}

/** True if `length` bytes at both addresses are equal. The bytes after them must be readable, too. */
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

/** Spells the text of a turn; returns the byte after the turn, or 0 if it has an unusual shape or calls functions. */
function spellTurn(p: usize): usize {
  /** The names of the role and of the text; -1 until they are read. */
  let roleName = -1;
  let textName = -1;
  mayReason = false;
  if (load<u8>(p) !== OPEN_BRACE) return 0;
  for (p = firstMember(p); p !== 0 && !isClosed; p = nextMember(p)) {
    // Reading a name with escapes would overwrite the spelled text.
    if (hadEscape) return 0;
    const name = turnName();
    if (name < 0) {
      if (isCallsName()) return 0;
      if (isReasoningName() && load<u8>(p) === QUOTE && load<u8>(p, 1) !== QUOTE) mayReason = true;
      p = skipValue(p);
    } else if (isNull(p)) {
      // Of duplicate keys the last one counts.
      if (name === roleName || name === textName) return 0;
      p = skipValue(p);
    } else {
      const isText = name >= TEXT_NAMES;
      if ((isText ? textName : roleName) >= 0 || load<u8>(p) !== QUOTE) return 0;
      const start = p + 1;
      if (isText) {
        textName = name;
        p = spellString(start);
      } else {
        roleName = name;
        p = skipValue(p);
        if (hadEscape || p - 1 - start >= LONG_ROLE) return 0;
        role = start;
        roleBytes = p - 1 - start;
      }
    }
    if (p === 0) return 0;
  }
  return roleName >= 0 && textName >= 0 ? p : 0;
}
