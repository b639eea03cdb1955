import { parseTurn } from '../core/conversation.js';
import { completed } from '../core/json-spelling.js';
import { BEGINNING_TURN_BYTES } from '../core/limits.js';
import { parsePythonJson } from '../core/python-json.js';
import type { FoundRecord } from './block.js';

/** The beginning of a record's first prompt, or of its first turn if no turn is a user's; undefined without a turn. */
export function promptOf(record: FoundRecord, length: number): string | undefined {
  const { turns = 0 } = record;
  if (turns === 0) return undefined;
  let first = 0;
  while (first < turns && record.roleOf(first) !== 'user') first++;
  return beginningOf(record.turn(first === turns ? 0 : first), length);
}

/** The beginning of the text of a turn. Parses only the first bytes of a long turn, unless the text comes after them. */
export function beginningOf(turn: Buffer, length: number): string {
  const isLong = turn.length > BEGINNING_TURN_BYTES;
  const start = isLong ? textOf(completed(turn.toString('utf8', 0, BEGINNING_TURN_BYTES))) : '';
  return cutTo(start === '' ? textOf(turn.toString('utf8')) : start, length);
}

function textOf(json: string): string {
  return parseTurn(parsePythonJson(json))?.value ?? '';
}

/** At most `length` characters of a text, without half a surrogate pair at its end. */
export function cutTo(text: string, length: number): string {
  if (text.length <= length) return text;
  const cut = text.slice(0, length);
  return /[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut;
}
