/** What a request asks for, stripped of all that doesn't decide the match. */

import { type FunctionCall, type Spacing, textOfCalls } from './calls.js';
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
   * The message texts, oldest first, in up to eight spellings, the preferred one first: as they were sent, and without the
   * system messages; each without function calls, and with them as texts, in three spellings. No two are the same, and none is
   * empty; the last text of each is the prompt.
   */
  readonly histories: readonly (readonly string[])[];
  /** False if earlier messages shall not count, nor white space be folded: then only the rung `prompt` is tried. */
  readonly contextual: boolean;
}

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
  if (!messages.some((message) => isSystem(message) || isCall(message))) {
    const history = spoken(messages);
    return history.length > 0 ? [history] : [];
  }
  const spacings = messages.some(isCall) ? CALL_SPACINGS : [];
  const spellings = spacings.map((spacing) => messages.map((one) => withCallText(one, spacing)));
  const all = [messages, ...spellings];
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

/** As the arguments were sent; and, since many clients parse them and spell them anew, in either way that datasets do. */
const CALL_SPACINGS: readonly (Spacing | undefined)[] = [undefined, ' ', ''];

function areSame(one: readonly Message[], other: readonly Message[]): boolean {
  return one.length === other.length && one.every(({ text }, i) => text === other[i]?.text);
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
const NO_KEYS: TextKeys = { key: { low: 1, high: 1 }, folded: { low: 1, high: 1 } };

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
