/** Handles JSON as text, without parsing it. The same value can be written in many ways, and lookups compare texts exactly. */

import { BYTE, isSpace } from './bytes.js';

/** The elements of a JSON list, which must not be empty, each as it is written. */
export function elementsOf(list: string): readonly string[] {
  const elements: string[] = [];
  let depth = 0;
  let start = list.indexOf('[') + 1;
  for (const { text, at } of tokensOf(list)) {
    if (depth === 1 && (text === ',' || text === ']')) {
      elements.push(list.slice(start, at));
      start = at + 1;
    }
    if (text === '[' || text === '{') depth++;
    if (text === ']' || text === '}') depth--;
  }
  return elements;
}

/** The number of characters that are appended together. A request may have megabytes: appending each alone takes gigabytes of memory. */
const CHUNK = 8192;

/** The same JSON with `space` after its colons and commas, and no other white space. */
export function respaced(json: string, space: ' ' | ''): string {
  const codes = new Uint16Array(Math.min(CHUNK, 2 * json.length));
  let used = 0;
  let spelled = '';
  const add = (code: number) => {
    codes[used++] = code;
    if (used < codes.length) return;
    spelled += String.fromCharCode(...codes);
    used = 0;
  };
  for (let at = 0; at < json.length; ) {
    const code = json.charCodeAt(at);
    if (code === BYTE.quote) {
      const end = Math.min(endOfString(json, at), json.length);
      for (; at < end; at++) add(json.charCodeAt(at));
      continue;
    }
    at++;
    if (isSpace(code)) continue;
    add(code);
    if (space !== '' && (code === BYTE.colon || code === BYTE.comma)) add(BYTE.space);
  }
  return spelled + String.fromCharCode(...codes.subarray(0, used));
}

/** JSON that was cut off, completed: a string that isn't a key ends where it was cut off, and other unfinished members are left out. */
export function completed(json: string): string {
  const closers: string[] = [];
  /** Where the last value ended or began to have members. */
  let wholeTo = 0;
  let isKey = false;
  const closed = (whole: string) => whole + closers.reverse().join('');
  for (const { text, at } of tokensOf(json)) {
    if (text === '{' || text === '[') {
      closers.push(text === '{' ? '}' : ']');
      isKey = text === '{';
      wholeTo = at + 1;
    } else if (text === '}' || text === ']') {
      closers.pop();
      isKey = false;
      wholeTo = at + 1;
    } else if (text === ',') {
      isKey = closers.at(-1) === '}';
      wholeTo = at;
    } else if (text === ':') isKey = false;
    else if (text.startsWith('"') && !isKey) {
      if (endOfString(text, 0) > text.length)
        return closed(`${json.slice(0, at)}${STRING_START.exec(text)?.[0]}"`);
      wholeTo = at + text.length;
    }
  }
  return closed(json.slice(0, wholeTo));
}

/** A string without its closing quote, up to an escape that is cut off. */
const STRING_START = /^"(?:[^\\]|\\(?:u[\da-f]{4}|[^u]))*/i;

/** Yields the strings, of which the last may be unterminated, and each character between them. */
function* tokensOf(json: string): Generator<{ readonly text: string; readonly at: number }, void> {
  for (let at = 0; at < json.length; ) {
    const end = json[at] === '"' ? endOfString(json, at) : at + 1;
    yield { text: json.slice(at, end), at };
    at = end;
  }
}

/** The position after the closing quote of the string that begins at `start`; past the end if it is unterminated. */
export function endOfString(json: string, start: number): number {
  let at = start + 1;
  while (at < json.length && json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at + 1;
}
