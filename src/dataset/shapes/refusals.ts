/** Why a record can't be served. */

import type { FieldMap } from '../../core/field-map.js';
import { isSaid } from './conversations.js';
import { listedTurns } from './lists.js';
import { PROMPT_KEYS } from './pairs.js';
import { fieldOf, fieldsOf, isObject, type JsonRecord, plainText } from './record.js';

/** The reasons, as `verbatim check` prints them. */
type RefusalReason =
  | 'a question without an answer'
  | 'text alone'
  | 'images alone'
  | 'a list of turns without texts'
  | "a list in Python's syntax, not JSON: write it with json.dumps"
  | 'no known shape';

/** Why a record isn't served, and what may help. */
export interface Refusal {
  readonly reason: RefusalReason;
  /** The fields that may be its prompt and reply, if it has two texts. */
  readonly suggestion: FieldMap | undefined;
}

/** Why a record of no shape, or one whose conversations have no reply, isn't served. */
export function refusalOf(record: JsonRecord): Refusal {
  const reason = reasonOf(record);
  const isList = reason === WITHOUT_TEXTS || reason === IN_PYTHON;
  return { reason, suggestion: isList ? undefined : suggestionFor(record) };
}

const WITHOUT_TEXTS = 'a list of turns without texts';
const IN_PYTHON = "a list in Python's syntax, not JSON: write it with json.dumps";

/** Keys of texts that aren't a part of a conversation. */
const TEXT_KEYS = [
  ...['text', 'content', 'body', 'document', 'article', 'passage', 'raw_content', 'chunk', 'story'],
];

const IMAGE_KEY = /image|img|picture|photo|pixel|^(?:jpg|jpeg|png|webp)$/i;

function reasonOf(record: JsonRecord): RefusalReason {
  const turns = listedTurns(record);
  if (isSaid(turns)) return 'a question without an answer';
  if (Array.isArray(record) || hasList(record)) return WITHOUT_TEXTS;
  if (Object.values(record).some(isInPython)) return IN_PYTHON;
  if (isAsked(record)) return 'a question without an answer';
  const texts = textKeys(record);
  if (fieldOf(record, TEXT_KEYS) !== undefined) return 'text alone';
  const hasImage = Object.keys(record).some((key) => IMAGE_KEY.test(key));
  if (hasImage && texts.length === 0) return 'images alone';
  return texts.length === 1 ? 'text alone' : 'no known shape';
}

function hasList(record: JsonRecord): boolean {
  const list = fieldOf(record, ['conversations', 'conversation', 'messages', 'items', 'chat_messages']);
  return Array.isArray(list) || isObject(fieldsOf(record).mapping);
}

/** True for the text of a list of objects as Python prints it, which `datasets` and pandas write to CSV. */
function isInPython(value: unknown): boolean {
  return typeof value === 'string' && /^\s*\[\s*\{\s*'/.test(value);
}

function isAsked(record: JsonRecord): boolean {
  const asked = fieldOf(record, [...PROMPT_KEYS, 'turns', 'questions', 'goal', 'contents']);
  return plainText(asked) !== undefined || typeof asked === 'object' || isObject(fieldsOf(record).body);
}

/** Keys whose strings are neither asked nor replied. */
const UNSAID_KEY =
  /(?:^|_)(?:id|uuid|hash|url|uri|link|path|file|filename|source|dataset|category|categories|type|kind|lang|language|model|date|time|timestamp|split|subset|license|licence|tag|tags|topic|system)$/i;

/** Keys that a map can't have, or that change when a terminal shows them. */
const UNSPELLABLE_KEY = /[,=\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]|^\s|\s$|^$/u;

function suggestionFor(record: JsonRecord): FieldMap | undefined {
  const keys = textKeys(record).filter((key) => !UNSPELLABLE_KEY.test(key));
  if (!isObject(record) || keys.length < 2) return undefined;
  const lengthOf = (key: string) => String(record[key]).length;
  const longest = keys.toSorted((a, b) => lengthOf(b) - lengthOf(a)).slice(0, 2);
  const asked = keys.find((key) => PROMPT_KEYS.includes(key.toLowerCase()));
  const [first, second] = keys.filter((key) => longest.includes(key));
  const prompt = asked ?? first;
  const reply = asked === undefined ? second : longest.find((key) => key !== asked);
  return prompt === undefined || reply === undefined ? undefined : { prompt, reply, system: undefined };
}

/** The keys of texts. */
function textKeys(record: JsonRecord): readonly string[] {
  if (!isObject(record)) return [];
  return Object.keys(record).filter(
    (key) => typeof record[key] === 'string' && plainText(record[key]) !== undefined && !UNSAID_KEY.test(key),
  );
}
