/**
 * The conversation that a request continues, as recordings have it. A dataset reader finds the same texts in a recorded line as the request's
 * own parser does in the request (src/openai, src/anthropic): then the recording answers the same request by its whole context.
 */

import { type FunctionCall, parseCall, parseCalls, toolCallOf } from '../core/calls.js';
import { isObject } from '../core/objects.js';
import { callsOfParts, isUnsaid, textOfParts } from '../core/parts.js';
import type { RecordedMessage, UpstreamFormat } from '../core/recording.js';
import { wantsMore } from './answer-form.js';
import { isExact } from './exact-json.js';
import type { Fields } from './reader.js';

/**
 * The messages of a request in OpenAI's format, one list for each prompt. Results of parallel calls have the order of the calls.
 *
 * @param body the request, parsed and validated
 * @returns undefined if an answer to it can't be recorded: it ends with an assistant's message or without a text, it refers to what the
 *     upstream has stored, it has parts that recordings can't have, or it wants more than a reply
 */
export function conversationOf(
  format: UpstreamFormat,
  body: unknown,
): readonly (readonly RecordedMessage[])[] | undefined {
  const conversations = isObject(body) && !wantsMore(body) ? CONVERSATIONS[format](body) : undefined;
  const isUsable = conversations?.every((messages) => messages !== undefined && canBeAnswered(messages));
  if (isUsable !== true) return undefined;
  return (conversations as readonly (readonly RecordedMessage[])[]).map(inOrderOfCalls);
}

/** The messages of each prompt; undefined for one that can't be recorded. */
type Conversations = readonly (readonly RecordedMessage[] | undefined)[];

const CONVERSATIONS: Readonly<Record<UpstreamFormat, (body: Fields) => Conversations | undefined>> = {
  chat: ({ messages, input }) => [
    Array.isArray(messages) ? all(messages.map(chatMessage)) : itemsConversation(undefined, input),
  ],
  completions: completionPrompts,
  responses: ({ instructions, input, previous_response_id, conversation, prompt }) =>
    [previous_response_id, conversation, prompt].every(isMissing)
      ? [itemsConversation(instructions, input)]
      : undefined,
  messages: ({ system, messages }) => [anthropicConversation(system, messages)],
};

/** Lookups search for the last message with a text, unless it is an assistant's. */
function canBeAnswered(messages: readonly RecordedMessage[]): boolean {
  const last = messages.at(-1);
  return last !== undefined && last.role !== 'assistant' && textOf(last) !== '';
}

/** The messages, with the results that follow parallel calls in the order of these: clients send them as the calls end. */
function inOrderOfCalls(messages: readonly RecordedMessage[]): readonly RecordedMessage[] {
  const ordered = [...messages];
  for (const [i, { tool_calls = [] }] of messages.entries()) {
    const places = new Map(tool_calls.map((call, place) => [(call as Fields).id, place]));
    const placeOf = (message: RecordedMessage | undefined) =>
      message?.tool_call_id === undefined ? undefined : places.get(message.tool_call_id);
    let end = i + 1;
    while (placeOf(messages[end]) !== undefined) end++;
    const results = messages.slice(i + 1, end).sort((a, b) => (placeOf(a) ?? 0) - (placeOf(b) ?? 0));
    ordered.splice(i + 1, results.length, ...results);
  }
  return ordered;
}

/** The text of a message, as readers of datasets find it. */
function textOf({ content }: RecordedMessage): string {
  if (content === null) return '';
  return typeof content === 'string' ? content : textOfParts(content);
}

/** The prompts, each as a user's message. With a suffix, a completion isn't a reply to its prompt. */
function completionPrompts({ prompt, suffix }: Fields): Conversations | undefined {
  const prompts: readonly unknown[] = Array.isArray(prompt) ? prompt : [prompt];
  if (!prompts.every((each) => typeof each === 'string') || (suffix ?? '') !== '') return undefined;
  return prompts.map((content) => [{ role: 'user', content }]);
}

function chatMessage(message: unknown): RecordedMessage | undefined {
  if (!isObject(message) || typeof message.role !== 'string') return undefined;
  const { role, name, tool_call_id } = message;
  const said = contentOf(message.content, TEXT_TYPES);
  const calls = [message.tool_calls ?? { function: message.function_call }].flat();
  if (said === undefined || !calls.filter(isObject).every(hasExactArguments)) return undefined;
  return {
    role,
    ...said,
    ...(role === 'assistant' && isText(message.refusal) && refusing(said, message.refusal)),
    ...(typeof name === 'string' && { name }),
    ...(role === 'assistant' && assistantFields(message)),
    ...(typeof tool_call_id === 'string' && { tool_call_id }),
  };
}

/** What is said, and a refusal after it. */
function refusing({ content, unread = [] }: Content, refusal: string): Content {
  const place = typeof content === 'string' ? 1 : (content ?? []).length;
  return { content, unread: [...unread, [place, { type: 'refusal', refusal }]] };
}

function assistantFields({ reasoning_content, reasoning, tool_calls, function_call }: Fields) {
  const thought = reasoning_content ?? reasoning;
  const calls = Array.isArray(tool_calls) ? tool_calls.filter(isObject) : [];
  const deprecated = isObject(function_call) ? [{ type: 'function', function: function_call }] : [];
  const made = Array.isArray(tool_calls) ? calls : deprecated;
  return {
    ...(typeof thought === 'string' && thought !== '' && { reasoning_content: thought }),
    ...(made.length > 0 && { tool_calls: made }),
  };
}

/** False for a call whose arguments are a value in which parsing the request has changed numbers. */
function hasExactArguments({ function: called }: Fields): boolean {
  return !isObject(called) || isExact(called.arguments);
}

/** Instructions and items of the Responses API. Function calls without a message between them are one message. */
function itemsConversation(instructions: unknown, input: unknown): readonly RecordedMessage[] | undefined {
  const messages: RecordedMessage[] = isText(instructions) ? [{ role: 'system', content: instructions }] : [];
  if (typeof input === 'string') return [...messages, { role: 'user', content: input }];
  if (!Array.isArray(input)) return undefined;
  for (const item of input) {
    if (!isObject(item)) return undefined;
    const { type, role, content, output, call_id } = item;
    const last = messages.at(-1);
    if (isMissing(type) || type === 'message') {
      const said = contentOf(content, TEXT_TYPES);
      if (said === undefined || typeof role !== 'string') return undefined;
      messages.push({ role, ...said });
    } else if (type === 'function_call') {
      const [call] = parseCalls(undefined, item) ?? [];
      if (call === undefined) continue;
      const made = toolCallOf({ ...call, id: typeof call_id === 'string' ? call_id : undefined });
      if (last?.tool_calls === undefined)
        messages.push({ role: 'assistant', content: null, tool_calls: [made] });
      else messages[messages.length - 1] = { ...last, tool_calls: [...last.tool_calls, made] };
    } else if (type === 'function_call_output') {
      const said = contentOf(output, TEXT_TYPES);
      if (said === undefined) return undefined;
      messages.push({ role: 'tool', ...said, ...(isText(call_id) && { tool_call_id: call_id }) });
    } else if (type !== 'reasoning') return undefined;
  }
  return messages;
}

/** Messages of Anthropic's API, after the system message. */
function anthropicConversation(system: unknown, messages: unknown): readonly RecordedMessage[] | undefined {
  if (!Array.isArray(messages)) return undefined;
  const instructions = system ? contentOf(system, ANTHROPIC_TEXT_TYPES) : { content: '' };
  if (instructions === undefined) return undefined;
  const first: RecordedMessage[] = instructions.content === '' ? [] : [{ role: 'system', ...instructions }];
  const others = all(messages.map(anthropicMessages));
  return others && [...first, ...others.flat()];
}

/** The messages of one: each result of a tool is a message of its own, and so are the blocks between results. */
function anthropicMessages(message: unknown): readonly RecordedMessage[] | undefined {
  if (!isObject(message) || typeof message.role !== 'string') return undefined;
  const { role, content } = message;
  if (typeof content === 'string') return [{ role, content }];
  if (!Array.isArray(content)) return undefined;
  const messages: (RecordedMessage | undefined)[] = [];
  let said: unknown[] = [];
  const flush = () => {
    if (said.length > 0) messages.push(saidIn(role, said));
    said = [];
  };
  for (const block of content) {
    if (isObject(block) && block.type === 'tool_result') {
      flush();
      messages.push(resultOf(block));
    } else said.push(block);
  }
  flush();
  return messages.length > 0 ? all(messages) : [{ role, content: null }];
}

function resultOf({ content, tool_use_id, is_error }: Fields): RecordedMessage | undefined {
  const said = contentOf(content ?? '', ANTHROPIC_TEXT_TYPES);
  if (said === undefined) return undefined;
  return {
    role: 'tool',
    ...said,
    ...(isText(tool_use_id) && { tool_call_id: tool_use_id }),
    ...(is_error === true && { is_error }),
  };
}

/** Undefined if something is said after a call: a recording has the calls last. */
function saidIn(role: string, given: readonly unknown[]): RecordedMessage | undefined {
  const isCall = (block: unknown) => isObject(block) && block.type === 'tool_use';
  const blocks = given.filter((block) => !isObject(block) || !isUnsaid(block));
  const firstCall = blocks.findIndex(isCall);
  if (firstCall >= 0 && !blocks.slice(firstCall).every((block) => isCall(block) && isExact(block)))
    return undefined;
  const calls = blocks.filter(isCall).map((block) => parseCall(block, (block as Fields).id));
  const content = contentOf(
    blocks.filter((block) => !isCall(block)),
    ANTHROPIC_TEXT_TYPES,
  );
  if (content === undefined || calls.includes(undefined)) return undefined;
  const made = calls.map((call) => toolCallOf(call as FunctionCall));
  return {
    role,
    ...content,
    ...(content.content?.length === 0 && { content: null }),
    ...(made.length > 0 && { tool_calls: made }),
  };
}

/** Types of parts whose texts are looked up, in OpenAI's APIs and in Anthropic's. */
const TEXT_TYPES: readonly unknown[] = ['text', 'input_text', 'output_text'];
const ANTHROPIC_TEXT_TYPES: readonly unknown[] = ['text'];

/** The types of parts that lookups don't know: they would find a text or a call in them, or nothing at all. */
const UNREAD = /^(?:refusal|server_tool_use|mcp_tool_use|\w+_tool_result)$/;

/** The fields of a message with its content. */
type Content = Pick<RecordedMessage, 'content' | 'unread'>;

/**
 * A content as recordings have it: a text, or the parts. Those that are reasoning are left out.
 *
 * @returns undefined if a reader would find a text or a call where the request's parser finds none
 */
function contentOf(content: unknown, textTypes: readonly unknown[]): Content | undefined {
  if (isMissing(content)) return { content: null };
  if (typeof content === 'string') return { content };
  if (!Array.isArray(content)) return undefined;
  const parts: (object | undefined)[] = [];
  const unread: [number, object][] = [];
  for (const part of content) {
    if (!isObject(part)) return undefined;
    if (isUnsaid(part)) continue;
    if (typeof part.type === 'string' && UNREAD.test(part.type)) unread.push([parts.length, part]);
    else parts.push(partOf(part, textTypes));
  }
  const read = all(parts);
  return read && { content: read, ...(unread.length > 0 && { unread }) };
}

function partOf(part: Fields, textTypes: readonly unknown[]): object | undefined {
  const { type, text } = part;
  if (textTypes.includes(type)) return typeof text === 'string' ? { type: 'text', text } : undefined;
  const isSilent = textOfParts([part]) === '' && callsOfParts([part]).length === 0;
  return isSilent && type !== 'tool_result' ? part : undefined;
}

/** The list, unless an element is undefined. */
function all<T>(list: readonly (T | undefined)[]): readonly T[] | undefined {
  return list.includes(undefined) ? undefined : (list as readonly T[]);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null;
}
