/** Verifies a candidate that was found by its keys: reads its bytes and compares the texts. */

import { type ByteRange, lengthOf, type Room } from '../core/bytes.js';
import { parseTimedTurn, parseTurn, type Turn } from '../core/conversation.js';
import { normalizeSpace } from '../core/keys.js';
import { countLetters, letterDifference } from '../core/letters.js';
import { SIMILAR_LETTERS_MIN } from '../core/limits.js';
import { type Candidate, compareTexts, matchConversation, matchTurn, rungOf } from '../core/match.js';
import type { Place } from '../core/place.js';
import { parsePythonJson } from '../core/python-json.js';
import type { Query } from '../core/query.js';
import type { PlaceReader } from '../dataset/reader.js';
import type { Kernel } from '../kernel/kernel.js';
import type { Match, MatchTokens, Similar } from './lookup.js';
import { RecordedReply } from './recorded-reply.js';

/** Read id and turns in one call if the gap between them is at most this many bytes. */
const GAP_BYTES_MAX = 4096;

/** Turns for which a kernel makes room to verify them. Longer ones are verified by a kernel that has room for them, or are parsed. */
const ROOM_BYTES_MAX = 1 << 18;

/**
 * The match at a place, if the texts there are what their keys say.
 *
 * @returns the match, and whether its turns have exactly the texts of the messages
 * @throws what the reader throws
 */
export function verifyMatch(
  query: Query,
  place: Place,
  reader: PlaceReader,
): { match: Match; areEqual: boolean } | undefined {
  const { turns, id } = parsePlace(place, reader, query.wantsTimings);
  if (turns === undefined) return undefined;
  const turn = place.turn - place.firstTurn;
  const compared = compareTexts(query, turns);
  const candidate = matchTurn(query, compared, turn, place.history);
  const isNormalized = (grade: number) => rungOf(grade) === 'normalized';
  if (candidate === undefined || candidate.firstTurn !== 0) return undefined;
  if (isNormalized(candidate.grade) !== isNormalized(place.grade)) return undefined;
  // The bytes before the place haven't been read, so the texts can't show whether a conversation starts here.
  const match = matchOf(place, turn, turns, id);
  return (
    match && { match, areEqual: areTexts(turns.slice(0, turn + 1), query.histories[place.history] ?? []) }
  );
}

/** True if turns have exactly the last texts of a history. */
function areTexts(turns: readonly Turn[], history: readonly string[]): boolean {
  const texts = turns.map(({ value }) => value).filter((text) => text !== '');
  return texts.every((text, i) => text === history.at(i - texts.length));
}

/**
 * Like `verifyMatch`, but by the kernel, without parsing the turns. They must have the usual shape.
 *
 * @param kernel grows up to `ROOM_BYTES_MAX`
 * @param tokens what the match reports about tokens
 * @returns undefined if a turn has another shape, or the texts are not what their keys say
 * @throws what the reader throws
 */
export function verifySpelled(
  query: Query,
  place: Place,
  reader: PlaceReader,
  kernel: Kernel,
  tokens?: MatchTokens,
): Match | undefined {
  const history = query.histories[place.history];
  // Every turn of the place is a message (the last ones of the history, without the empty ones), and the last turn is the reply.
  const prompts = place.turn - place.firstTurn + 1;
  if (history === undefined || prompts > history.length) return undefined;
  const texts = prompts === history.length ? history : history.slice(-prompts);
  // If another part's kernel has computed the keys, this one may be too small.
  const length = lengthAt(place);
  if (length <= ROOM_BYTES_MAX) kernel.reserve(length);
  // Spelling a byte takes up to three bytes; the buffer has room for that.
  if (length > kernel.capacity) return undefined;
  const { turns, id } = readPlace(place, reader, kernel.verifyRoom);
  const { contextual, wantsTimings = false } = query;
  const verified = kernel.replyTo(texts, turns.start, turns.end, contextual, wantsTimings);
  if (verified === undefined) return undefined;
  const { from, spelled, recorded } = verified;
  const turn = recorded === undefined ? undefined : parserFor(wantsTimings)(parsePythonJson(recorded));
  const reply = RecordedReply.spelled(from, spelled, turn);
  const conversationId = id ?? String(place.record);
  const rung = rungOf(place.grade);
  const known = verified.areWhole ? tokens : tokens && ofReply(tokens);
  return { rung, reply, conversationId, replyIndex: place.turn + 1, tokens: known };
}

/** The count of the reply alone: the turns before it have other texts than the messages. */
function ofReply({ history, reply }: MatchTokens): MatchTokens {
  return { history, reply, messages: () => [] };
}

/** The best match of a whole conversation, judged by its texts alone, with its grade. */
export function matchWhole(
  query: Query,
  place: Place,
  reader: PlaceReader,
): { match: Match; grade: number } | undefined {
  const { turns, id } = parsePlace(place, reader, query.wantsTimings);
  const candidate = turns && matchConversation(query, compareTexts(query, turns));
  if (turns === undefined || candidate === undefined) return undefined;
  const match = matchOf({ ...place, ...candidate, firstTurn: 0 }, candidate.turn, turns, id);
  return match && { match, grade: candidate.grade };
}

/**
 * The match of one turn, judged by its texts alone, with its grade; undefined if it doesn't match.
 *
 * @param place from a turn before which nothing decides the match, to the reply
 */
export function matchAt(
  query: Query,
  place: Place,
  reader: PlaceReader,
): { match: Match; grade: number } | undefined {
  const { turns, id } = parsePlace(place, reader, query.wantsTimings);
  if (turns === undefined) return undefined;
  const compared = compareTexts(query, turns);
  const turn = place.turn - place.firstTurn;
  let best: Candidate | undefined;
  for (let history = 0; history < query.histories.length; history++) {
    const candidate = matchTurn(query, compared, turn, history);
    if (candidate !== undefined && candidate.grade > (best?.grade ?? 0)) best = candidate;
  }
  if (best === undefined) return undefined;
  const match = matchOf({ ...place, grade: best.grade }, turn, turns, id);
  return match && { match, grade: best.grade };
}

/**
 * How the text of the turn at a place relates to a prompt; undefined if it doesn't.
 *
 * @param part the prompt, or the part of it that is compared
 * @param isLast true if the turn is its conversation's last
 */
export function verifySimilar(
  prompt: string,
  part: string,
  place: Place,
  isLast: boolean,
  reader: PlaceReader,
): Similar | undefined {
  const { turns, id } = parsePlace(place, reader);
  const [turn] = turns ?? [];
  if (turn === undefined) return undefined;
  const text = turn.value;
  const found = { conversationId: id ?? String(place.record), turnIndex: place.turn, text };
  if (isLast) {
    const isEqual = normalizeSpace(text) === normalizeSpace(prompt);
    return isEqual ? { ...found, relation: 'unanswered', differsAt: prompt.length } : undefined;
  }
  const difference = letterDifference(part, text);
  const isWhole = part.length === prompt.length;
  if (difference === undefined) {
    const hasLetters = countLetters(text, 1) > 0;
    const relation = isWhole ? 'spelling' : 'part';
    return hasLetters ? { ...found, relation, differsAt: prompt.length } : undefined;
  }
  if (difference.common < SIMILAR_LETTERS_MIN) return undefined;
  if (difference.otherAt === text.length) return { ...found, relation: 'part', differsAt: difference.at };
  return isWhole ? { ...found, relation: 'beginning', differsAt: difference.at } : undefined;
}

/** The text of the turn at a place, which has no other turns; undefined if the bytes there are something else. */
export function textAt(place: Place, reader: PlaceReader): string | undefined {
  return parsePlace(place, reader).turns?.[0]?.value;
}

/** The id of the conversation at a place, as it is in the file; undefined if it has none. */
export function idAt({ id }: Pick<Place, 'id'>, reader: PlaceReader): string | undefined {
  if (id === undefined) return undefined;
  const length = lengthOf(id);
  const { bytes, at } = reader.roomFor(length);
  reader.read(bytes, at, id);
  return parseId(bytes, at, at + length);
}

/** True if the turn at a place equals a prompt of a query, white space normalized. */
export function hasPromptNormalized(query: Query, place: Place, reader: PlaceReader): boolean {
  const { turns } = parsePlace(place, reader);
  const compared = turns?.[0] && compareTexts(query, turns);
  return query.histories.some((_, history) => compared?.isPromptNormalized(0, history));
}

/**
 * The reply at a place that has a turn and its reply; undefined if the bytes there are something else.
 *
 * @param wantsTimings true if the reply has its recorded times
 */
export function replyAt(
  place: Place,
  reader: PlaceReader,
  wantsTimings?: boolean,
): Pick<Match, 'reply' | 'conversationId' | 'replyIndex'> | undefined {
  const { turns, id } = parsePlace(place, reader, wantsTimings);
  return turns && matchOf({ ...place, firstTurn: place.turn }, 0, turns, id);
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
  return {
    rung: rungOf(grade),
    reply: RecordedReply.of(reply),
    conversationId: id ?? String(record),
    replyIndex: firstTurn + turn + 1,
  };
}

/** The bytes of a place, in the buffer that they were read into: the turns, from first to last, and the id. */
interface PlaceBytes {
  readonly bytes: Buffer;
  readonly turns: { readonly start: number; readonly end: number };
  readonly id: string | undefined;
}

/** Reads the turns of a place and its id, usually in one call, into the buffer from `at` on. */
function readPlace({ turns, id }: Place, reader: PlaceReader, { bytes, at }: Room): PlaceBytes {
  const length = lengthOf(turns);
  if (id === undefined) {
    reader.read(bytes, at, turns);
    return { bytes, turns: { start: at, end: at + length }, id };
  }
  const together = togetherOf(turns, id);
  if (together !== undefined) reader.read(bytes, at, together);
  else reader.read(bytes, at, turns, id);
  const start = together === undefined ? at : at + turns.start - together.start;
  const idStart = together === undefined ? at + length : at + id.start - together.start;
  const conversationId = parseId(bytes, idStart, idStart + lengthOf(id));
  return { bytes, turns: { start, end: start + length }, id: conversationId };
}

/** The most bytes that `readPlace` reads. */
function lengthAt({ turns, id }: Place): number {
  return lengthOf(turns) + (id === undefined ? 0 : lengthOf(id) + GAP_BYTES_MAX);
}

/** The range that covers both the turns and the id if it is hardly longer than the two; undefined if they are far apart. */
function togetherOf(turns: ByteRange, id: ByteRange): ByteRange | undefined {
  const start = id.start < turns.start ? id.start : turns.start;
  const end = id.end > turns.end ? id.end : turns.end;
  const gap = end - start - lengthOf(turns) - lengthOf(id);
  return gap <= GAP_BYTES_MAX ? { start, end } : undefined;
}

/** The turns at a place, without elements that aren't turns, and the id; undefined if the bytes there are something else. */
function parsePlace(
  place: Place,
  reader: PlaceReader,
  wantsTimings = false,
): { turns: Turn[] | undefined; id: string | undefined } {
  const { bytes, turns, id } = readPlace(place, reader, reader.roomFor(lengthAt(place)));
  const items = parsePythonJson(`[${bytes.toString('utf8', turns.start, turns.end)}]`);
  const parse = parserFor(wantsTimings);
  const parsed = Array.isArray(items) ? items.map(parse).filter((turn) => turn !== undefined) : undefined;
  return { turns: parsed, id };
}

/** What parses a turn, with its times only if they are wanted. */
function parserFor(wantsTimings: boolean): typeof parseTurn {
  return wantsTimings ? parseTimedTurn : parseTurn;
}

/** The text of an id. A number is used as it is written: parsing would round a long one. */
export function parseId(bytes: Buffer, start: number, end: number): string {
  const spelled = bytes.toString('latin1', start, end);
  if (PLAIN_ID.test(spelled)) return spelled.slice(1, -1);
  return spelled.startsWith('"') ? String(parsePythonJson(bytes.toString('utf8', start, end))) : spelled;
}

/** An ASCII string without escapes, as most ids are, needs no decoding. */
const PLAIN_ID = /^"[\x20\x21\x23-\x5b\x5d-\x7e]*"$/;
