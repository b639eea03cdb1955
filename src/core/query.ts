/** What a request asks for, stripped of all that doesn't decide the match. */

import { type FunctionCall, isStructure, type Spacing, startsStructure, textOfCalls } from './calls.js';
import { respaced } from './json-spelling.js';
import type { KeysOf, TextKeys } from './keys.js';
import { SPELLED_JSON_LENGTH_MAX } from './limits.js';

/** A message of a request, its parts joined. */
export interface Message {
  readonly role: string;
  readonly text: string;
  /** The speaker's own name. It decides nothing. */
  readonly name?: string | undefined;
  /** The functions that it calls. */
  readonly calls?: readonly FunctionCall[] | undefined;
}

/** What is looked up. */
export interface Query {
  /**
   * The message texts, oldest first, in up to `HISTORIES_MAX` spellings, the preferred one first: as they were sent, and without the
   * system messages; each with the results of functions in three spellings, and without function calls or with them as texts, in three
   * spellings. No two are the same, and none is empty; the last text of each is the prompt.
   */
  readonly histories: readonly (readonly string[])[];
  /** False if earlier messages shall not count, nor white space be normalized: then only the rung `prompt` is tried. */
  readonly contextual: boolean;
}

/** With system messages or without, results in three spellings, calls in three or left out. */
export const HISTORIES_MAX = 2 * 3 * 4;

/** A query by its keys. */
export interface KeyedQuery {
  readonly histories: readonly (readonly TextKeys[])[];
  readonly contextual: boolean;
}

/**
 * Reduces a request's messages to a query: empty texts and one trailing assistant message are dropped (load generators
 * send whole conversations, the recorded reply included). System and developer messages count where the dataset has
 * them, which is tried first, and else don't.
 *
 * @returns undefined if nothing is left to look for
 */
export function queryOf(messages: readonly Message[]): Query | undefined {
  const histories = historiesOf(messages).map((history) => history.map(({ text }) => text));
  return histories.length > 0 ? { histories, contextual: true } : undefined;
}

/** The messages that are a query's histories. */
export function historiesOf(messages: readonly Message[]): readonly (readonly Message[])[] {
  if (!messages.some((message) => isSystem(message) || isCall(message) || isResult(message))) {
    const history = spoken(messages);
    return history.length > 0 ? [history] : [];
  }
  const { results, calls } = spellingsOf(messages);
  const all = [messages, ...spelled(messages, results)].flatMap((one) => [one, ...spelled(one, calls)]);
  return [...all, ...all.map(withoutSystem)]
    .map(spoken)
    .filter((history) => history.length > 0)
    .filter((history, i, all) => !all.slice(0, i).some((earlier) => areSame(earlier, history)));
}

function withoutSystem(messages: readonly Message[]): readonly Message[] {
  return messages.filter((message) => !isSystem(message));
}

function isSystem({ role }: Message): boolean {
  return role === 'system' || role === 'developer';
}

/** Many clients parse JSON and spell it anew: it is looked for in either way that datasets spell it. */
const SPACINGS: readonly Spacing[] = [' ', ''];

/** Messages in the spellings that are looked up besides the one that was sent. */
type Spellings = ReadonlyMap<Message, readonly Message[]>;

/**
 * Results in two spellings, those that are JSON, and calls in three: with the arguments as they were sent, and spelled anew. The last
 * messages come first, as they decide most, until `SPELLED_JSON_LENGTH_MAX` characters are spelled; the others stay as they were sent.
 */
function spellingsOf(messages: readonly Message[]): {
  readonly results: Spellings;
  readonly calls: Spellings;
} {
  const results = new Map<Message, readonly Message[]>();
  const calls = new Map<Message, readonly Message[]>();
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
      calls.set(one, [sent, ...SPACINGS.map(spell)]);
    } else if (isResult(one) && startsStructure(one.text)) {
      if (takesRoom(one.text.length) && isStructure(one.text))
        results.set(
          one,
          SPACINGS.map((spacing) => spelledAs(respaced(one.text, spacing))),
        );
    }
  }
  return { results, calls };
}

/** The messages in each of the spellings; nothing if none of them has any. */
function spelled(messages: readonly Message[], spellings: Spellings): readonly (readonly Message[])[] {
  const [some = []] = spellings.values();
  return some.map((_, i) => messages.map((one) => spellings.get(one)?.[i] ?? one));
}

function areSame(one: readonly Message[], other: readonly Message[]): boolean {
  return one.length === other.length && one.every(({ text }, i) => text === other[i]?.text);
}

/** True if a message is what a function has returned. */
function isResult({ role }: Message): boolean {
  return role === 'tool' || role === 'function';
}

/** True if a message is function calls and nothing else. */
function isCall({ text, calls }: Message): boolean {
  return text === '' && calls !== undefined;
}

/** A query for the first turn that is exactly this text and has a reply, as the legacy API asks it. */
export function valueQuery(text: string): Query {
  return { histories: [[text]], contextual: false };
}

/** No text has these, but by the rarest of chances; and that costs only time. */
const NO_KEY = { low: 1, high: 1 };
const NO_KEYS: TextKeys = { key: NO_KEY, normalized: NO_KEY, ends: NO_KEY, head: NO_KEY, length: 0 };

/** The query's keys. */
export function keyedQuery({ histories, contextual }: Query, keysOf: KeysOf): KeyedQuery {
  const known = new Map<string, TextKeys>();
  const keysOnce = (text: string) => {
    const keys = known.get(text) ?? keysOf(text) ?? NO_KEYS;
    // Most texts are in all histories.
    if (histories.length > 1) known.set(text, keys);
    return keys;
  };
  return { contextual, histories: histories.map((history) => history.map(keysOnce)) };
}

function spoken(messages: readonly Message[]): Message[] {
  const history = messages.filter(({ text }) => text !== '');
  if (history.at(-1)?.role === 'assistant') history.pop();
  return history;
}
