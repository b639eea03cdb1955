/** Conversations as JSON lines for other programs, which verbatim serves as it would serve the conversations themselves. */

import { type FunctionCall, parseCallText, textOfCalls } from './calls.js';
import { isCallText, parseTimedConversation, type Turn } from './conversation.js';
import { isObject } from './objects.js';
import { type Role, roleOf } from './roles.js';

/** The formats: OpenAI's `messages`, and ShareGPT's `conversations`. */
export const EXPORT_FORMATS = ['messages', 'sharegpt'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/**
 * The line of a record that is served as it is, without a line feed. Its texts, calls, reasoning and recorded times are kept, and so is the
 * field `tools`.
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
      ? { messages: turns.map(messageOf) }
      : { conversations: turns.map(shareGptTurn) }),
    ...(record.tools !== undefined && { tools: record.tools }),
  });
}

/** A turn's own calls, or those that its text is, as in ShareGPT's datasets. */
function callsOf({ calls, ...turn }: Turn): { readonly text: string; readonly calls: Turn['calls'] } {
  return { text: calls !== undefined && isCallText(turn) ? '' : turn.value, calls };
}

function messageOf(turn: Turn): object {
  const { text, calls } = callsOf(turn);
  return {
    role: roleOf(turn.from),
    content: text === '' && calls !== undefined ? null : text,
    ...extrasOf(turn),
    ...(calls !== undefined && { tool_calls: calls.map(toolCallOf) }),
  };
}

function toolCallOf({ id, name, arguments: given }: FunctionCall): object {
  return { ...(id !== undefined && { id }), type: 'function', function: { name, arguments: given } };
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
