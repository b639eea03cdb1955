/** A request, reduced to what decides the match. */

import { type FunctionCall, isStructure, type Spacing, startsStructure, textOfCalls } from './calls.js';
import { respaced } from './json-spelling.js';
import type { KeysOf, TextKeys } from './keys.js';
import { SPELLED_JSON_LENGTH_MAX, SPELLED_MESSAGES_MAX } from './limits.js';

/** A message of a request, with its parts joined. */
export interface Message {
  readonly role: string;
  readonly text: string;
  /** The speaker's name. It doesn't affect the match. */
  readonly name?: string | undefined;
  /** The function calls of the message. */
  readonly calls?: readonly FunctionCall[] | undefined;
  /** The id of the call that the message is the result of. */
  readonly callId?: string | undefined;
  /** True if the client sent it in one message with the one before it. Some datasets have both as one turn. */
  readonly continues?: boolean;
}

/** What a lookup searches for. */
export interface Query {
  /**
   * The message texts, oldest first, in up to `HISTORIES_MAX` variants, the preferred one first: as sent, and without the system messages;
   * each with function results as sent, and in the order of their calls; each of these in three spellings, and with function calls left out
   * or as texts in three spellings; all of these with the parts of a client's message as one text; and all of them without the white space
   * before an assistant's texts. All are different, and none is empty. The last text of each is the prompt.
   */
  readonly histories: readonly (readonly string[])[];
  /** False if earlier messages don't count and white space isn't normalized: then only the rung `prompt` is tried. */
  readonly contextual: boolean;
  /** True if the match has the recorded times of its reply. They don't decide the match. */
  readonly wantsTimings?: boolean;
  /**
   * The ids that a recording of the request may have: they identify everything of the conversation, also what isn't text. Called only if a
   * recording has the same texts. Without it, no recording matches; other conversations match in any case.
   */
  readonly recordingKeys?: () => readonly string[];
}

/**
 * With or without white space before an assistant's texts; a client's message in parts or joined; with or without system messages; results
 * in two orders and three spellings; calls in three spellings or left out.
 */
export const HISTORIES_MAX = 2 * 2 * 2 * 2 * 3 * 4;

/** A query, as keys. */
export interface KeyedQuery {
  readonly histories: readonly (readonly TextKeys[])[];
  readonly contextual: boolean;
}

/**
 * Reduces a request's messages to a query. Empty texts and one trailing assistant message are dropped (load generators send whole
 * conversations, including the recorded reply). The lookup tries the history with system and developer messages first, then without them:
 * datasets may lack them.
 *
 * @param wantsTimings true if the match needs the recorded times of its reply
 * @returns undefined if no message is left to look up
 */
export function queryOf(messages: readonly Message[], wantsTimings = false): Query | undefined {
  const histories = historiesOf(messages).map((history) => history.map(({ text }) => text));
  if (histories.length === 0) return undefined;
  return wantsTimings ? { histories, contextual: true, wantsTimings } : { histories, contextual: true };
}

/** The histories of a query, as messages. */
export function historiesOf(messages: readonly Message[]): readonly (readonly Message[])[] {
  const parts = variantsOf(messages);
  const isDivided = messages.some(({ continues }) => continues === true);
  const sent = isDivided ? different([...parts, ...variantsOf(joined(messages))]) : parts;
  if (!messages.some(isIndented)) return sent;
  // Many clients that remove thinking leave the line feeds after it.
  const trimmed = new Map(
    messages.filter(isIndented).map((one) => [one, { ...one, text: one.text.trimStart() }]),
  );
  return different([...sent, ...sent.map((history) => history.map((one) => trimmed.get(one) ?? one))]);
}

/** The messages as the client sent them: those that were one message are joined. */
function joined(messages: readonly Message[]): readonly Message[] {
  const whole: Message[] = [];
  for (const message of messages) {
    const first = message.continues === true ? whole.pop() : undefined;
    whole.push(first === undefined ? message : { role: 'user', text: first.text + message.text });
  }
  return whole;
}

/** True if a message is an assistant's, and its text begins with white space and has other characters. */
function isIndented({ role, text }: Message): boolean {
  return role === 'assistant' && /^\s+\S/.test(text);
}

/** The histories without regard to white space. */
function variantsOf(messages: readonly Message[]): readonly (readonly Message[])[] {
  if (!messages.some((message) => isSystem(message) || isCall(message) || isResult(message))) {
    const history = spoken(messages);
    return history.length > 0 ? [history] : [];
  }
  const { results, calls } = spellingsOf(messages);
  const sent = [messages, ...spelled(messages, results)].flatMap((one) => [one, ...spelled(one, calls)]);
  const order = orderOfCalls(messages);
  const all =
    order === undefined ? sent : [...sent, ...sent.map((one) => order.map((i) => one[i] as Message))];
  return different([...all, ...all.map(withoutSystem)].map(spoken).filter((history) => history.length > 0));
}

/** Each history once. */
function different(histories: readonly (readonly Message[])[]): readonly (readonly Message[])[] {
  return histories.filter(
    (history, i) => !histories.slice(0, i).some((earlier) => areSame(earlier, history)),
  );
}

function withoutSystem(messages: readonly Message[]): readonly Message[] {
  return messages.filter((message) => !isSystem(message));
}

/**
 * The places of messages, with the results of parallel calls in the order of the calls: a recorded reply follows the last of them, and clients
 * send them in the order in which the calls ended. Undefined if they have that order.
 */
function orderOfCalls(messages: readonly Message[]): readonly number[] | undefined {
  const order = messages.map((_, i) => i);
  for (let i = 0; i < messages.length; i++) {
    const { calls } = messages[i] as Message;
    if (calls === undefined || calls.length < 2) continue;
    const places = new Map(calls.map(({ id }, place) => [id, place]));
    const placeOf = (message: number) => {
      const { callId } = messages[message] ?? {};
      return callId === undefined ? undefined : places.get(callId);
    };
    let end = i + 1;
    while (placeOf(end) !== undefined) end++;
    const results = order.slice(i + 1, end).sort((a, b) => (placeOf(a) ?? 0) - (placeOf(b) ?? 0));
    for (const [place, result] of results.entries()) order[i + 1 + place] = result;
    i = end - 1;
  }
  return order.some((message, i) => message !== i) ? order : undefined;
}

function isSystem({ role }: Message): boolean {
  return role === 'system' || role === 'developer';
}

/** Many clients parse JSON and serialize it again. Lookups try both spacings that datasets have. */
const SPACINGS: readonly Spacing[] = [' ', ''];

/** The spellings of messages that are looked up in addition to the one that was sent. */
type Spellings = ReadonlyMap<Message, readonly Message[]>;

/**
 * Results that are JSON have two spellings. Calls have three: with the arguments as sent, and reformatted. The last messages come first, as
 * they matter most, until `SPELLED_JSON_LENGTH_MAX` characters are reformatted; the others stay as sent.
 */
function spellingsOf(messages: readonly Message[]): {
  readonly results: Spellings;
  readonly calls: Spellings;
} {
  const results = new Map<Message, readonly Message[]>();
  const calls = new Map<Message, readonly Message[]>();
  const isShort = messages.length <= SPELLED_MESSAGES_MAX;
  let room = SPELLED_JSON_LENGTH_MAX;
  const takesRoom = (length: number) => {
    if (length > room) return false;
    room -= length;
    return true;
  };
  for (let i = messages.length - 1; i >= 0; i--) {
    const one = messages[i] as Message;
    const spelledAs = (text: string): Message => (text === one.text ? one : { ...one, text });
    if (isCall(one)) {
      const called = one.calls ?? [];
      const sent = spelledAs(textOfCalls(called));
      const isSpelled = takesRoom(called.reduce((sum, call) => sum + call.arguments.length, 0));
      const spell = (spacing: Spacing) => (isSpelled ? spelledAs(textOfCalls(called, spacing)) : sent);
      calls.set(one, isShort ? [sent, ...SPACINGS.map(spell)] : [sent]);
    } else if (isShort && isResult(one) && one.text.length <= room && startsStructure(one.text)) {
      if (takesRoom(one.text.length) && isStructure(one.text))
        results.set(
          one,
          SPACINGS.map((spacing) => spelledAs(respaced(one.text, spacing))),
        );
    }
  }
  return { results, calls };
}

/** All messages in each of the spellings; empty if no message has spellings. */
function spelled(messages: readonly Message[], spellings: Spellings): readonly (readonly Message[])[] {
  const [some = []] = spellings.values();
  return some.map((_, i) => messages.map((one) => spellings.get(one)?.[i] ?? one));
}

function areSame(one: readonly Message[], other: readonly Message[]): boolean {
  return one.length === other.length && one.every(({ text }, i) => text === other[i]?.text);
}

/** True if a message is the result of a function. */
function isResult({ role }: Message): boolean {
  return role === 'tool' || role === 'function';
}

/** True if a message has function calls and no text. */
function isCall({ text, calls }: Message): boolean {
  return text === '' && calls !== undefined;
}

/** A query for the first turn that has exactly this text and a reply, for the legacy API. */
export function valueQuery(text: string): Query {
  return { histories: [[text]], contextual: false };
}

/** Keys for a text that no dataset can hold. A collision only costs a text comparison. */
const NO_KEY = { low: 1, high: 1 };
export const NO_KEYS: TextKeys = { key: NO_KEY, normalized: NO_KEY, ends: NO_KEY, head: NO_KEY, length: 0 };

/** Computes the keys of a query. */
export function keyedQuery({ histories, contextual }: Query, keysOf: KeysOf): KeyedQuery {
  const ofText = (text: string) => keysOf(text) ?? NO_KEYS;
  const [only] = histories;
  if (only !== undefined && histories.length === 1) return { contextual, histories: [only.map(ofText)] };
  const known = new Map<string, TextKeys>();
  // Most texts occur in all histories.
  const keysOnce = (text: string) => {
    const keys = known.get(text) ?? ofText(text);
    known.set(text, keys);
    return keys;
  };
  return { contextual, histories: histories.map((history) => history.map(keysOnce)) };
}

function spoken(messages: readonly Message[]): Message[] {
  const history = messages.filter(({ text }) => text !== '');
  if (history.at(-1)?.role === 'assistant') history.pop();
  return history;
}
