/**
 * Iterates over objects and lists, one member or element at a time:
 *
 *     for (p = firstMember(p); p !== 0 && !isClosed; p = nextMember(p)) …
 *
 * Afterwards, `p` is 0 or the address after the closing bracket.
 */

import { broken, CLOSE_BRACE, CLOSE_BRACKET, COMMA, readKey, skipBlanks } from './values';

/** True if the last step read the closing bracket. */
export let isClosed: bool = false;

/** Goes from an object's opening brace to its first member's value. */
export function firstMember(p: usize): usize {
  p = skipBlanks(p + 1);
  isClosed = load<u8>(p) === CLOSE_BRACE;
  return isClosed ? p + 1 : readKey(p);
}

/** Goes from the end of a member's value to the value of the next member. */
export function nextMember(p: usize): usize {
  p = skipBlanks(p);
  const next = load<u8>(p);
  isClosed = next === CLOSE_BRACE;
  if (isClosed) return p + 1;
  return next === COMMA ? readKey(skipBlanks(p + 1)) : broken(p);
}

/** Goes from a list's opening bracket to its first element. */
export function firstElement(p: usize): usize {
  p = skipBlanks(p + 1);
  isClosed = load<u8>(p) === CLOSE_BRACKET;
  return isClosed ? p + 1 : p;
}

/** Goes from the end of an element to the next one. */
export function nextElement(p: usize): usize {
  p = skipBlanks(p);
  const next = load<u8>(p);
  isClosed = next === CLOSE_BRACKET;
  if (isClosed) return p + 1;
  return next === COMMA ? skipBlanks(p + 1) : broken(p);
}
