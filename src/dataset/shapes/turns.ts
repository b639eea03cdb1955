/** Lists of turns, in any of the forms that datasets have. */

import { type FunctionCall, parseCallText } from '../../core/calls.js';
import { isCallText, reasoningOf, type Turn } from '../../core/conversation.js';
import { canonicalRole, knownRole } from '../../core/roles.js';
import { parseTimings } from '../../core/timings.js';
import {
  callsOf,
  type Segment,
  segmentsOf,
  textOfResult,
  turnOf,
  turnsOfSegments,
  withReasoning,
} from './content.js';
import { fieldOf, fieldsOf, isObject, type JsonObject, parsedJson, plainText } from './record.js';

/** What an element of a list of turns is. */
export type ElementKind = 'message' | 'string' | 'pair';

const ROLE_KEYS = ['from', 'role', 'speaker', 'author', 'sender'] as const;
const TEXT_KEYS = ['value', 'content', 'text', 'parts', 'message', 'mes', 'utterance'] as const;

/** The key of a prompt and those of its reply, in an element that has both, or one of them. The first that is present counts. */
const PAIR_KEYS: readonly (readonly [prompt: string, replies: readonly string[]])[] = [
  ['human', ['assistant', 'gpt', 'bot', 'ai']],
  ['user', ['assistant', 'bot', 'model']],
  ['input', ['output']],
  ['prompt', ['response', 'completion']],
  ['question', ['answer']],
  ['query', ['response']],
  ['instruction', ['output', 'response']],
  ['q', ['a']],
];

/**
 * The turns of a list: messages, strings that alternate between user and assistant, or pairs. The list may be JSON in a string, and so may
 * its elements; it may be an object of lists, as in columnar files. Other elements are left out.
 *
 * @param onLeftOut called for each of these
 */
export function turnsOfList(value: unknown, onLeftOut?: () => void): readonly Turn[] {
  const turns: Turn[] = [];
  // The calls of the last turn, if more may belong to it.
  let open: FunctionCall[] = [];
  // The reasoning before the next turn.
  let reasoning = '';
  for (const [i, element] of (listOf(value) ?? []).entries()) {
    const item = parsedMessages(element);
    const said = turnsOfElement(item, i);
    const last = turns.at(-1);
    // The Responses API lists the text and the calls of a message as items of their own.
    if (isCallItem(item) && last?.from === 'assistant') {
      if (last.calls !== open) {
        open = [...(last.calls ?? [])];
        turns[turns.length - 1] = { ...withReasoning(last, reasoning), calls: open };
      }
      reasoning = '';
      for (const call of said[0]?.calls ?? []) open.push(call);
    } else {
      if (said.length === 0) onLeftOut?.();
      if (isReasoningItem(item)) reasoning += textOfReasoning(item);
      else {
        const isReasoned = said[0]?.from === 'assistant';
        for (const turn of isReasoned ? beginningWith(reasoning, said) : said) turns.push(turn);
        reasoning = '';
      }
    }
  }
  return turns;
}

/** The message or the messages in a string that is JSON; any other value as it is. A text may be JSON, too. */
export function parsedMessages(value: unknown): unknown {
  const parsed = parsedJson(value);
  if (parsed === value) return value;
  const list = Array.isArray(parsed) ? parsed : [parsed];
  return list.some((each) => turnsOfMessage(each).length > 0) ? parsed : value;
}

/** The kind of the first element that has one; undefined if no element has. */
export function elementKind(value: unknown): ElementKind | undefined {
  for (const element of listOf(value) ?? []) {
    const item = parsedMessages(element);
    if (typeof item === 'string') return 'string';
    if (turnsOfMessage(item).length > 0) return 'message';
    if (turnsOfPair(item).length > 0) return 'pair';
  }
  return undefined;
}

/** The list in a value: a list, JSON in a string, or the rows of an object of lists. */
export function listOf(value: unknown): readonly unknown[] | undefined {
  const parsed = parsedJson(value);
  if (Array.isArray(parsed)) return parsed;
  if (!isObject(parsed)) return undefined;
  const roles = ROLE_KEYS.map((key) => parsed[key]).find(Array.isArray);
  const texts = TEXT_KEYS.map((key) => parsed[key]).find(Array.isArray);
  return roles && texts && roles.map((role, i) => ({ role, content: texts[i] }));
}

/** The turns of a message: one, or several if it has the results of function calls; none if it isn't a message. */
export function turnsOfMessage(value: unknown): readonly Turn[] {
  if (!isObject(value)) return [];
  const item = turnsOfItem(value);
  if (item !== undefined) return item;
  const { role, fields } = unwrapped(value);
  if (role === undefined) return [];
  const from = canonicalRole(role);
  if (from === 'tool') return [{ from, value: resultText(fields) }];
  const segments = contentOf(fields);
  if (segments === undefined) return [];
  const turns = withCalls(turnsOfSegments(from, segments), from, fields);
  const reasoning = reasoningOf(fields) ?? reasoningOf(fieldsOf(fields.additional_kwargs));
  return withTimings(beginningWith(reasoning, turns), fields.timings);
}

/** The turn of a message with its recorded times. Those of a message that becomes several turns are left out. */
function withTimings(turns: readonly Turn[], recorded: unknown): readonly Turn[] {
  const timings = turns.length === 1 ? parseTimings(recorded) : undefined;
  return timings === undefined ? turns : turns.map((turn) => ({ ...turn, timings }));
}

/** The turns, the first of which has reasoning, unless it has its own. */
export function beginningWith(reasoning: string | undefined, turns: readonly Turn[]): readonly Turn[] {
  const [first, ...others] = turns;
  return first === undefined ? turns : [withReasoning(first, reasoning), ...others];
}

/** The role of a message; undefined if it has none. */
function roleOf(fields: JsonObject): string | undefined {
  const isUser = fields.isCreatedByUser ?? fields.is_user;
  if (typeof isUser === 'boolean') return isUser ? 'user' : 'assistant';
  for (const key of ROLE_KEYS) {
    const role = isObject(fields[key]) ? (fields[key].role ?? fields[key].name) : fields[key];
    if (typeof role === 'string') return role;
  }
  return knownRole(fields.type);
}

/** A message without the wrapping of LangChain: `{type, data}`, or `{lc, id, kwargs}`, whose id ends with the name of a class. */
function unwrapped(value: JsonObject): { readonly role: string | undefined; readonly fields: JsonObject } {
  if (isObject(value.data) && knownRole(value.type) !== undefined) {
    return { role: knownRole(value.type), fields: value.data };
  }
  if (isObject(value.kwargs) && Array.isArray(value.id)) {
    return { role: knownRole(value.id.at(-1)), fields: value.kwargs };
  }
  return { role: roleOf(value), fields: value };
}

/** The Responses API lists the reasoning before a message as an item of its own. */
function isReasoningItem(item: unknown): item is JsonObject {
  return isObject(item) && item.type === 'reasoning';
}

/** The text of reasoning: its content, or else its summary. */
function textOfReasoning({ content, summary }: JsonObject): string {
  const textOf = (parts: unknown) => (Array.isArray(parts) ? parts.map(textOfReasoningPart).join('') : '');
  return textOf(content) || textOf(summary);
}

function textOfReasoningPart(part: unknown): string {
  return plainText(fieldsOf(part).text) ?? '';
}

/** Items of the Responses API that have no role; undefined for other values. */
function turnsOfItem(item: JsonObject): readonly Turn[] | undefined {
  if (item.type === 'reasoning') return [];
  if (item.type === 'function_call_output') return [{ from: 'tool', value: textOfResult(item.output) }];
  if (isCallItem(item)) return [turnOf('assistant', '', callsOf(item))];
  return undefined;
}

function isCallItem(item: unknown): boolean {
  const { type, name, role } = fieldsOf(item);
  return type === 'function_call' && typeof name === 'string' && role === undefined;
}

/** The kinds of segments that aren't said. */
const UNSAID: readonly Segment['kind'][] = ['step', 'reasoning'];

/** The first content that isn't empty, else an empty one; undefined if the message has contents, but none that can be read. */
function contentOf(fields: JsonObject): readonly Segment[] | undefined {
  const present = TEXT_KEYS.map((key) => fields[key]).filter((each) => each !== undefined && each !== null);
  const contents = present.map((each) => segmentsOf(each)).filter((each) => each !== undefined);
  const isFilled = (each: readonly Segment[]) =>
    each.some((segment) => (segment.kind === 'text' ? segment.text !== '' : !UNSAID.includes(segment.kind)));
  const filled = contents.find(isFilled);
  if (filled !== undefined) return filled;
  if (typeof fields.refusal === 'string') return [{ kind: 'text', text: fields.refusal }];
  return present.length > 0 && contents.length === 0 ? undefined : contents.flat();
}

/** The text of a function's result, whose content may be any JSON. */
function resultText(fields: JsonObject): string {
  const segments = contentOf(fields);
  if (segments === undefined) return textOfResult(fieldOf(fields, TEXT_KEYS));
  const texts = segments.map((each) => (each.kind === 'text' || each.kind === 'result' ? each.text : ''));
  return texts.join('') || textOfResult(fields.output);
}

const CALL_KEYS = ['tool_calls', 'toolCalls', 'function_call'];

/** Adds the calls that aren't in the content to the last turn that isn't a result. */
function withCalls(turns: readonly Turn[], from: string, fields: JsonObject): readonly Turn[] {
  if (isCallText({ from })) return turns.map(({ value }) => turnOf(from, value, parseCallText(value)));
  if (turns.some(({ calls }) => calls !== undefined)) return turns;
  const field = fieldOf(fields, CALL_KEYS) ?? fieldOf(fields.additional_kwargs, CALL_KEYS);
  const calls = callsOf(field);
  if (calls.length === 0) return invocationTurns(turns, from, fields);
  const last = turns.findLast((turn) => turn.from === from);
  const called = withReasoning(turnOf(from, last?.value ?? '', calls), last?.reasoning);
  return last === undefined ? [...turns, called] : turns.map((turn) => (turn === last ? called : turn));
}

/** Messages of earlier versions of the AI SDK have their calls and results in a list of their own, made before the text. */
function invocationTurns(
  turns: readonly Turn[],
  from: string,
  { toolInvocations }: JsonObject,
): readonly Turn[] {
  if (!Array.isArray(toolInvocations)) return turns;
  const parts = toolInvocations.map((toolInvocation) => ({ toolInvocation }));
  const segments = segmentsOf(parts) ?? [];
  if (segments.length === 0) return turns;
  return [...turnsOfSegments(from, segments), ...turns.filter(({ value }) => value !== '')];
}

function turnsOfElement(item: unknown, place: number): readonly Turn[] {
  if (typeof item === 'string') return [{ from: place % 2 === 0 ? 'user' : 'assistant', value: item }];
  const message = turnsOfMessage(item);
  return message.length > 0 ? message : turnsOfPair(item);
}

function turnsOfPair(item: unknown): readonly Turn[] {
  if (Array.isArray(item)) return turnsOfInnerList(item);
  for (const [prompt, replies] of PAIR_KEYS) {
    const turns = spokenPair(fieldOf(item, [prompt]), fieldOf(item, replies));
    if (turns.length > 0) return turns;
  }
  const system = plainText(fieldOf(item, ['system']));
  return system === undefined ? [] : [{ from: 'system', value: system }];
}

/** A list in a list: a pair, or messages. */
function turnsOfInnerList(list: readonly unknown[]): readonly Turn[] {
  const messages = list.flatMap((each) => turnsOfMessage(each));
  if (messages.length > 0) return messages;
  return list.length <= 2 ? spokenPair(list[0], list[1]) : [];
}

function spokenPair(prompt: unknown, reply: unknown): readonly Turn[] {
  const said = (from: string, value: unknown): readonly Turn[] => {
    const text = plainText(value);
    return text === undefined ? [] : [{ from, value: text }];
  };
  return [...said('user', prompt), ...said('assistant', reply)];
}
