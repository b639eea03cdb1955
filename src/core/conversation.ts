/** Parses the records of a dataset as conversations, and knows the key names that datasets use. */

import { type FunctionCall, parseCalls, parseCallText } from './calls.js';
import { isObject } from './objects.js';
import { callsOfParts, reasoningOfParts, textOfParts } from './parts.js';
import { parseTimings, type Timing, timedLength } from './timings.js';

/** One message of a conversation, with its text decoded. If the text is missing or null, it is the empty string. */
export interface Turn {
  /** The speaker, as the dataset names it: `human`, `gpt`, `user`, `assistant`, `system`, … */
  readonly from: string;
  readonly value: string;
  /** The function calls that make up the turn, or that come with its text. */
  readonly calls?: readonly FunctionCall[];
  /** What a reasoning model wrote before the text, if it is recorded apart from it. It isn't empty, and is never compared. */
  readonly reasoning?: string;
  /** When the chunks of the turn came, if that is recorded and is wanted. It is never compared. */
  readonly timings?: readonly Timing[];
}

/** One record. The reply to a turn is the turn right after it; the last turn has no reply. */
export interface Conversation {
  /** The record's own id, if it has one. */
  readonly id: string | undefined;
  readonly turns: readonly Turn[];
  /** How many elements of its list aren't turns, if that was counted and isn't 0. */
  readonly leftOut?: number;
}

/** The names of a record's list of turns. */
export const LIST_KEYS = ['conversations', 'conversation', 'messages', 'items'] as const;
const ROLE_KEYS = ['from', 'role'] as const;
/** AI SDK has `parts`; OpenAI has a `refusal` where the content is null. */
const TEXT_KEYS = ['value', 'content', 'parts', 'refusal'] as const;
/** DeepSeek, Qwen and earlier versions of vLLM; OpenRouter and later versions of vLLM; Ollama. */
const REASONING_KEYS = ['reasoning_content', 'reasoning', 'thinking'] as const;
export const ID_KEYS = ['id', 'conversation_id', 'conversation_hash'] as const;

/**
 * Parses a record, and ignores all keys but those above. It accepts the names of ShareGPT and OpenAI and their usual variants. If a record
 * has several of them, the first in the lists above is used: the first list with a turn, the first role and the first content that isn't
 * null, the first id that is a string or a number. Elements that aren't turns are left out.
 *
 * @returns undefined if the record isn't a conversation: it has no list, or only lists whose elements aren't turns. An empty list is a
 *     conversation without turns
 */
export function parseConversation(record: unknown): Conversation | undefined {
  return conversationOf(record, parseTurn);
}

/** The same with the recorded times of its turns. */
export function parseTimedConversation(record: unknown): Conversation | undefined {
  return conversationOf(record, parseTimedTurn);
}

function conversationOf(
  record: unknown,
  parse: (item: unknown) => Turn | undefined,
): Conversation | undefined {
  if (!isObject(record)) return undefined;
  const lists = LIST_KEYS.map((key) => record[key]).filter(Array.isArray);
  const parsed = lists.map((list) => list.map((item) => parse(item)).filter((turn) => turn !== undefined));
  const turns = parsed.find((each) => each.length > 0) ?? lists.find((list) => list.length === 0);
  return turns && { id: parseId(record), turns };
}

/** Parses an element of a list of turns; undefined if it isn't a turn: it has no role, or a content that isn't a text. */
export function parseTurn(item: unknown): Turn | undefined {
  if (!isObject(item)) return undefined;
  const from = firstOf(item, ROLE_KEYS);
  const content = firstOf(item, TEXT_KEYS);
  const value = parseText(content);
  if (typeof from !== 'string' || value === undefined) return undefined;
  const calls = isCallText({ from }) ? parseCallText(value) : callsOf(item, content);
  const reasoning = reasoningOf(item) ?? reasoningAmong(content);
  return {
    from,
    value,
    ...(calls !== undefined && { calls }),
    ...(reasoning !== undefined && { reasoning }),
  };
}

/** The same with the turn's recorded times. Those whose lengths aren't together the length of its texts are ignored. */
export function parseTimedTurn(item: unknown): Turn | undefined {
  const turn = parseTurn(item);
  const timings = turn && isObject(item) ? parseTimings(item.timings) : undefined;
  const isFitting = timings !== undefined && turn !== undefined && timedLength(timings) === lengthOf(turn);
  return isFitting ? { ...turn, timings } : turn;
}

/** The length of what a stream of the turn has: its reasoning, its text, and the arguments of its calls. */
function lengthOf({ from, value, calls = [], reasoning = '' }: Turn): number {
  const text = calls.length > 0 && isCallText({ from }) ? '' : value;
  return calls.reduce((sum, call) => sum + call.arguments.length, reasoning.length + text.length);
}

/** The reasoning in the fields of a turn: the first string that isn't empty; undefined if all are missing or empty. */
export function reasoningOf(fields: Readonly<Record<string, unknown>>): string | undefined {
  for (const key of REASONING_KEYS) {
    const reasoning = fields[key];
    if (typeof reasoning === 'string' && reasoning !== '') return reasoning;
  }
  return undefined;
}

/** The reasoning in the parts of a content. */
function reasoningAmong(content: unknown): string | undefined {
  return (Array.isArray(content) && reasoningOfParts(content)) || undefined;
}

/** True if the text of a turn is one or more function calls, as in ShareGPT's datasets. */
export function isCallText({ from }: Pick<Turn, 'from'>): boolean {
  return from.trim().toLowerCase() === 'function_call';
}

/** The calls beside the content; otherwise those among its parts. Some clients record them in both places. */
function callsOf({ tool_calls, function_call }: Record<string, unknown>, content: unknown): Turn['calls'] {
  const beside = tool_calls || function_call ? parseCalls(tool_calls, function_call) : undefined;
  if (beside !== undefined || !Array.isArray(content)) return beside;
  const among = callsOfParts(content);
  return among.length > 0 ? among : undefined;
}

/** A text is a string, missing, or a list of parts. */
function parseText(content: unknown): string | undefined {
  if (content === undefined) return '';
  if (typeof content === 'string') return content;
  return Array.isArray(content) ? textOfParts(content) : undefined;
}

function parseId(record: Record<string, unknown>): string | undefined {
  const id = ID_KEYS.map((key) => record[key]).find((each) => ['string', 'number'].includes(typeof each));
  return id === undefined ? undefined : String(id);
}

/** The first value that isn't null. */
function firstOf(object: Record<string, unknown>, keys: readonly string[]): unknown {
  const present = keys.find((key) => object[key] !== undefined && object[key] !== null);
  return present === undefined ? undefined : object[present];
}
