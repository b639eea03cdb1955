/** Keys find, texts decide: from the place that keys have found to a match, by reading the bytes that stand there. */

import type { ByteRange } from '../core/bytes.js';
import { parseTurn, type Turn } from '../core/conversation.js';
import { foldSpace, HEAD_BYTES } from '../core/keys.js';
import { type Candidate, compareTexts, matchConversation, matchTurn, rungOf } from '../core/match.js';
import type { Place } from '../core/place.js';
import type { Query } from '../core/query.js';
import type { Alike, Match } from './lookup.js';
import type { DatasetReader } from './reader.js';

/** What stands between an id and the turns is read along with them if it is no longer than this, in bytes. */
const GAP_BYTES_MAX = 4096;

/**
 * The match at a place, if the texts there are what their keys say.
 *
 * @throws what the reader throws
 */
export function proveMatch(query: Query, place: Place, reader: DatasetReader): Match | undefined {
  const { turns, id } = readPlace(place, reader);
  if (turns === undefined) return undefined;
  const turn = place.turn - place.firstTurn;
  const compared = compareTexts(query, turns);
  const candidate = matchTurn(query, compared, turn, place.history);
  const isFolded = (grade: number) => rungOf(grade) === 'normalized';
  if (candidate === undefined || candidate.firstTurn !== 0) return undefined;
  if (isFolded(candidate.grade) !== isFolded(place.grade)) return undefined;
  // What stands before the place has not been read: whether it is a conversation's start is not the texts' to say.
  return matchOf(place, turn, turns, id);
}

/** The best match of a whole conversation, by its texts alone, with its grade. */
export function matchWhole(
  query: Query,
  place: Place,
  reader: DatasetReader,
): { match: Match; grade: number } | undefined {
  const { turns, id } = readPlace(place, reader);
  const candidate = turns && matchConversation(query, compareTexts(query, turns));
  if (turns === undefined || candidate === undefined) return undefined;
  const match = matchOf({ ...place, ...candidate, firstTurn: 0 }, candidate.turn, turns, id);
  return match && { match, grade: candidate.grade };
}

/**
 * What is alike about the turn at a place and a prompt, by their texts; undefined if it is nothing.
 *
 * @param isLast true if the turn is its conversation's last
 */
export function proveAlike(
  prompt: string,
  place: Place,
  isLast: boolean,
  reader: DatasetReader,
): Alike | undefined {
  const { turns, id } = readPlace(place, reader);
  const [turn] = turns ?? [];
  if (turn === undefined) return undefined;
  const [folded, expected] = [foldSpace(turn.value), foldSpace(prompt)];
  if (!headOf(folded).equals(headOf(expected))) return undefined;
  return {
    conversationId: id ?? String(place.record),
    turnIndex: place.turn,
    lacksReply: isLast && folded === expected,
  };
}

function headOf(folded: string): Buffer {
  // A character takes a byte at least; one more, since the last may be half of a pair.
  const spelled = JSON.stringify(folded.slice(0, HEAD_BYTES + 1)).slice(1, -1);
  return Buffer.from(spelled).subarray(0, HEAD_BYTES);
}

/** @param turn the prompt's place among the turns that were read */
function matchOf(
  { grade, record, firstTurn }: Pick<Candidate, 'grade' | 'firstTurn'> & Pick<Place, 'record'>,
  turn: number,
  turns: readonly Turn[],
  id: string | undefined,
): Match | undefined {
  const reply = turns[turn + 1];
  if (reply === undefined) return undefined;
  const replyIndex = firstTurn + turn + 1;
  return { rung: rungOf(grade), reply, conversationId: id ?? String(record), replyIndex };
}

/** Reads the turns of a place and its id, mostly in one go. */
function readPlace(
  { turns, id }: Place,
  reader: DatasetReader,
): { turns: Turn[] | undefined; id: string | undefined } {
  if (id === undefined) return { turns: parseTurns(reader.read(turns), turns.start, turns), id: undefined };
  const together: ByteRange = {
    start: id.start < turns.start ? id.start : turns.start,
    end: id.end > turns.end ? id.end : turns.end,
  };
  const length = turns.end - turns.start + (id.end - id.start);
  if (together.end - together.start - length <= GAP_BYTES_MAX) {
    const bytes = reader.read(together);
    return { turns: parseTurns(bytes, together.start, turns), id: parseId(bytes, together.start, id) };
  }
  const text = parseId(reader.read(id), id.start, id);
  return { turns: parseTurns(reader.read(turns), turns.start, turns), id: text };
}

/** The turns that stand in a range, separated by commas; undefined if what stands there is something else. */
function parseTurns(bytes: Buffer, offset: number, { start, end }: ByteRange): Turn[] | undefined {
  const items = parse(`[${bytes.toString('utf8', start - offset, end - offset)}]`);
  if (!Array.isArray(items)) return undefined;
  const turns = items.map(parseTurn).filter((turn) => turn !== undefined);
  return turns.length === items.length ? turns : undefined;
}

function parseId(bytes: Buffer, offset: number, { start, end }: ByteRange): string {
  return String(parse(bytes.toString('utf8', start - offset, end - offset)));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
