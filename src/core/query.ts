/** What a request asks for, stripped of all that doesn't decide the match. */

import { type FunctionCall, isStructure, type Spacing, textOfCalls } from './calls.js';
import { respaced } from './json-spelling.js';
import type { KeysOf, TextKeys } from './keys.js';

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
  /** False if earlier messages shall not count, nor white space be folded: then only the rung `prompt` is tried. */
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
  const all = withResults(messages).flatMap((spelling) => [spelling, ...withCalls(spelling)]);
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

/** The messages as they are; and with the results of functions spelled anew, those that are JSON. */
function withResults(messages: readonly Message[]): readonly (readonly Message[])[] {
  const results = new Set(messages.filter((message) => isResult(message) && isStructure(message.text)));
  if (results.size === 0) return [messages];
  const spelled = SPACINGS.map((spacing) =>
    messages.map((one) => (results.has(one) ? { ...one, text: respaced(one.text, spacing) } : one)),
  );
  return [messages, ...spelled];
}

/** The messages with function calls as texts: with the arguments as they were sent, and spelled anew. Nothing if there are none. */
function withCalls(messages: readonly Message[]): readonly (readonly Message[])[] {
  if (!messages.some(isCall)) return [];
  return [undefined, ...SPACINGS].map((spacing) => messages.map((one) => withCallText(one, spacing)));
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

/** Calls as ShareGPT's datasets have them, a text. In OpenAI's they have none. */
function withCallText(message: Message, spacing: Spacing | undefined): Message {
  return isCall(message) ? { ...message, text: textOfCalls(message.calls ?? [], spacing) } : message;
}

/** A query for the first turn that is exactly this text and has a reply, as the older API asks it. */
export function valueQuery(text: string): Query {
  return { histories: [[text]], contextual: false };
}

/** No text has these, but by the rarest of chances; and that costs only time. */
const NO_KEY = { low: 1, high: 1 };
const NO_KEYS: TextKeys = { key: NO_KEY, folded: NO_KEY, ends: NO_KEY };

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
