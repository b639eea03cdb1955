/**
 * JSON as Python's `json.dump` writes it: a value may be `NaN`, `Infinity` or `-Infinity`. They are read as null, which `JSON.stringify`
 * writes for them. The kernel does the same.
 */

import { endOfString } from './json-spelling.js';

const QUOTE_OR_WORD = /"|-?Infinity|NaN/g;

/** Parses JSON that may have these words; undefined if it is invalid. */
export function parsePythonJson(json: string): unknown {
  return parse(json) ?? parse(withNulls(json));
}

/** Replaces these words with `null`, except in strings. The JSON may be truncated. */
export function withNulls(json: string): string {
  let written = '';
  let from = 0;
  QUOTE_OR_WORD.lastIndex = 0;
  for (let found = QUOTE_OR_WORD.exec(json); found !== null; found = QUOTE_OR_WORD.exec(json)) {
    if (found[0] === '"') QUOTE_OR_WORD.lastIndex = endOfString(json, found.index);
    else {
      written += `${json.slice(from, found.index)}null`;
      from = QUOTE_OR_WORD.lastIndex;
    }
  }
  return written + json.slice(from);
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
