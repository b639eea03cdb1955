/** Conversations as JSON lines for other programs, which verbatim serves as it would serve the conversations themselves. */

import { type FunctionCall, parseCallText, textOfCalls, toolCallOf } from './calls.js';
import { isCallText, LIST_KEYS, parseTimedConversation, parseTurn, type Turn } from './conversation.js';
import { isObject } from './objects.js';
import { type Role, roleOf } from './roles.js';

/** The formats: OpenAI's `messages`, and ShareGPT's `conversations`. */
export const EXPORT_FORMATS = ['messages', 'sharegpt'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/**
 * The line of a record that is served as it is, without a line feed. Its texts, calls, reasoning and recorded times are kept, and so is the
 * field `tools`. As messages, all calls have ids, and results have those of the calls that they answer.
 *
 * @param record parsed
 * @param number its place in its file, which identifies a record without an id
 * @returns undefined if the record isn't a conversation
 */
export function exportedLine(record: unknown, number: number, format: ExportFormat): string | undefined {
  const conversation = parseTimedConversation(record);
  if (conversation === undefined || !isObject(record)) return undefined;
  const { id, turns } = conversation;
  return JSON.stringify({
    id: id ?? String(number),
    ...(format === 'messages'
      ? { messages: messagesOf(turns, record) }
      : { conversations: turns.map(shareGptTurn) }),
    ...(record.tools !== undefined && { tools: record.tools }),
  });
}

/** A turn's own calls, or those that its text is, as in ShareGPT's datasets. */
function callsOf({ calls, ...turn }: Turn): { readonly text: string; readonly calls: Turn['calls'] } {
  return { text: calls !== undefined && isCallText(turn) ? '' : turn.value, calls };
}

function messagesOf(turns: readonly Turn[], record: Readonly<Record<string, unknown>>): readonly object[] {
  const hasCalls = turns.some(({ calls }) => calls !== undefined);
  const resultIds = turns.some(isResult) ? resultIdsOf(record) : [];
  const linked = hasCalls
    ? linkCalls(turns, resultIds)
    : turns.map((turn, i) => ({ turn, resultId: resultIds[i] }));
  return linked.map(({ turn, resultId }) => messageOf(turn, resultId));
}

function isResult({ from }: Turn): boolean {
  return roleOf(from) === 'tool';
}

/** The ids of calls that the record's turns name as those that they answer. */
function resultIdsOf(record: Readonly<Record<string, unknown>>): readonly (string | undefined)[] {
  const lists = LIST_KEYS.map((key) => record[key]).filter(Array.isArray);
  const turns = lists.map((list) => list.filter((item) => parseTurn(item) !== undefined));
  const items: readonly unknown[] = turns.find((each) => each.length > 0) ?? [];
  return items.map((item) => {
    const id = isObject(item) ? item.tool_call_id : undefined;
    return typeof id === 'string' ? id : undefined;
  });
}

/** A turn whose calls have ids, and the id of the call that it answers, if that is known. */
interface LinkedTurn {
  readonly turn: Turn;
  readonly resultId: string | undefined;
}

/**
 * Gives ids to calls and results that have none. Results answer the calls of the assistant's turns right before them, in their order.
 *
 * @param resultIds the ids that results have
 */
function linkCalls(
  turns: readonly Turn[],
  resultIds: readonly (string | undefined)[],
): readonly LinkedTurn[] {
  const taken = new Set([...resultIds, ...turns.flatMap(({ calls = [] }) => calls.map(({ id }) => id))]);
  let count = 0;
  const newId = (): string => {
    while (taken.has(`call_${count}`)) count++;
    return `call_${count++}`;
  };
  const groups: (readonly LinkedTurn[])[] = [];
  for (let start = 0, end = 0; start < turns.length; start = end) {
    while (end < turns.length && !isResult(turns[end] as Turn)) end++;
    const results = end;
    while (end < turns.length && isResult(turns[end] as Turn)) end++;
    const ids = resultIds.slice(results, end);
    groups.push(linkGroup(turns.slice(start, results), turns.slice(results, end), ids, newId));
  }
  return groups.flat();
}

/**
 * Links turns, and the results right after them.
 *
 * @param given the ids that the results have
 */
function linkGroup(
  turns: readonly Turn[],
  results: readonly Turn[],
  given: readonly (string | undefined)[],
  newId: () => string,
): readonly LinkedTurn[] {
  const last = turns.findLastIndex(({ from }) => roleOf(from) !== 'assistant') + 1;
  const known = new Set(turns.slice(last).flatMap(({ calls = [] }) => calls.map(({ id }) => id)));
  // A call without an id takes that of its result.
  const unknown = given.filter((id) => id !== undefined && !known.has(id)).values();
  const named = turns.map((turn, i): LinkedTurn => {
    const calls = turn.calls?.map((call) => ({
      ...call,
      id: call.id ?? (i >= last ? unknown.next().value : undefined) ?? newId(),
    }));
    return { turn: calls === undefined ? turn : { ...turn, calls }, resultId: undefined };
  });
  const answered = new Set(given);
  const ids = named.slice(last).flatMap(({ turn: { calls = [] } }) => calls.map(({ id }) => id));
  const unanswered = ids.filter((id) => !answered.has(id)).values();
  return [...named, ...results.map((turn, i) => ({ turn, resultId: given[i] ?? unanswered.next().value }))];
}

function messageOf(turn: Turn, resultId: string | undefined): object {
  const { text, calls } = callsOf(turn);
  return {
    role: roleOf(turn.from),
    content: text === '' && calls !== undefined ? null : text,
    ...(isResult(turn) && resultId !== undefined && { tool_call_id: resultId }),
    ...extrasOf(turn),
    ...(calls !== undefined && { tool_calls: calls.map(toolCallOf) }),
  };
}

/** The names of roles in ShareGPT's datasets. */
const SPEAKERS: Readonly<Record<Role, string>> = {
  user: 'human',
  assistant: 'gpt',
  system: 'system',
  tool: 'observation',
};

/** Calls without a text are a turn of their own, as other programs expect them. Those that come with one are beside it. */
function shareGptTurn(turn: Turn): object {
  const { text, calls } = callsOf(turn);
  const callText = text === '' && calls !== undefined ? callTextOf(calls) : undefined;
  if (callText !== undefined) return { from: 'function_call', value: callText, ...extrasOf(turn) };
  return {
    from: SPEAKERS[roleOf(turn.from)],
    value: text,
    ...extrasOf(turn),
    ...(calls !== undefined && { tool_calls: calls.map(toolCallOf) }),
  };
}

/** The text of calls; undefined if they couldn't be read from it again: arguments that aren't JSON, for example. */
function callTextOf(calls: readonly FunctionCall[]): string | undefined {
  const text = textOfCalls(calls);
  const read = parseCallText(text) ?? [];
  const isSame =
    read.length === calls.length &&
    calls.every(({ name, arguments: given }, i) => read[i]?.name === name && read[i]?.arguments === given);
  return isSame ? text : undefined;
}

function extrasOf({ reasoning, timings }: Turn): object {
  return {
    ...(reasoning !== undefined && { reasoning_content: reasoning }),
    ...(timings !== undefined && { timings }),
  };
}
