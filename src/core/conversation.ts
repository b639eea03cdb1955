/** Parses the records of a dataset as conversations, and knows the key names that datasets use. */

import { type FunctionCall, parseCalls, parseCallText } from './calls.js';

/** One message of a conversation, with its text decoded. If the text is missing or null, it is the empty string. */
export interface Turn {
  /** The speaker, as the dataset names it: `human`, `gpt`, `user`, `assistant`, `system`, … */
  readonly from: string;
  readonly value: string;
  /** The function calls that make up the turn, or that come with its text. */
  readonly calls?: readonly FunctionCall[];
}

/** One record. The reply to a turn is the turn right after it; the last turn has no reply. */
export interface Conversation {
  /** The record's own id, if it has one. */
  readonly id: string | undefined;
  readonly turns: readonly Turn[];
}

/** The names of a record's list of turns. */
export const LIST_KEYS = ['conversations', 'conversation', 'messages', 'items'] as const;
const ROLE_KEYS = ['from', 'role'] as const;
const TEXT_KEYS = ['value', 'content'] as const;
const ID_KEYS = ['id', 'conversation_id', 'conversation_hash'] as const;

/**
 * Parses a record, and ignores all keys but those above. It accepts the names of ShareGPT and OpenAI and their usual variants. If a record
 * has several of them, the first in the lists above is used.
 *
 * @returns undefined if the record isn't a conversation: it has no list of turns, or one of its turns isn't `{from, value}`
 */
export function parseConversation(record: unknown): Conversation | undefined {
  if (!isObject(record)) return undefined;
  const list = LIST_KEYS.map((key) => record[key]).find(Array.isArray);
  if (list === undefined) return undefined;
  const turns: Turn[] = [];
  for (const item of list) {
    const turn = parseTurn(item);
    if (turn === undefined) return undefined;
    turns.push(turn);
  }
  return { id: parseId(record), turns };
}

/** Parses an element of a list of turns; undefined if it isn't a turn. */
export function parseTurn(item: unknown): Turn | undefined {
  if (!isObject(item)) return undefined;
  const from = firstOf(item, ROLE_KEYS);
  const value = parseText(firstOf(item, TEXT_KEYS));
  if (typeof from !== 'string' || value === undefined) return undefined;
  const calls = callsOf(item, from, value);
  return calls === undefined ? { from, value } : { from, value, calls };
}

/** True if the text of a turn is one or more function calls, as in ShareGPT's datasets. */
export function isCallText({ from }: Pick<Turn, 'from'>): boolean {
  return from.trim().toLowerCase() === 'function_call';
}

function callsOf(item: Record<string, unknown>, from: string, value: string): Turn['calls'] {
  if (isCallText({ from })) return parseCallText(value);
  const { tool_calls, function_call } = item;
  return tool_calls || function_call ? parseCalls(tool_calls, function_call) : undefined;
}

/** A text is a string, null, missing, or OpenAI's list of parts, of which only those of type `text` count. */
function parseText(text: unknown): string | undefined {
  if (typeof text === 'string') return text;
  if (text === null || text === undefined) return '';
  if (!Array.isArray(text)) return undefined;
  let joined = '';
  for (const part of text) {
    if (!isObject(part)) return undefined;
    if (part.type === 'text' && typeof part.text === 'string') joined += part.text;
  }
  return joined;
}

function parseId(record: Record<string, unknown>): string | undefined {
  const id = firstOf(record, ID_KEYS);
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined;
}

function firstOf(object: Record<string, unknown>, keys: readonly string[]): unknown {
  const present = keys.find((key) => object[key] !== undefined);
  return present === undefined ? undefined : object[present];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
