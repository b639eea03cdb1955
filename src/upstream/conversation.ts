/**
 * The conversation that a request continues, as recordings have it. A dataset reader finds the same texts in a recorded line as the request's
 * own parser does in the request (src/openai, src/anthropic): then the recording answers the same request by its whole context.
 */

import { parseCall, parseCalls } from '../core/calls.js';
import { isObject } from '../core/objects.js';
import { callsOfParts, isUnsaid, textOfParts } from '../core/parts.js';
import type { RecordedMessage, UpstreamFormat } from '../core/recording.js';
import type { Fields } from './reader.js';

/**
 * The messages of a request in OpenAI's format, one list for each prompt.
 *
 * @param body the request, parsed and validated
 * @returns undefined if an answer to it can't be recorded: it ends with an assistant's message or without a text, it refers to what the
 *     upstream has stored, or it has parts that recordings can't have
 */
export function conversationOf(
  format: UpstreamFormat,
  body: unknown,
): readonly (readonly RecordedMessage[])[] | undefined {
  const conversations = isObject(body) ? CONVERSATIONS[format](body) : undefined;
  const isUsable = conversations?.every((messages) => messages !== undefined && canBeAnswered(messages));
  return isUsable === true ? (conversations as readonly (readonly RecordedMessage[])[]) : undefined;
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

/** The text of a message, as readers of datasets find it. */
export function textOf({ content }: RecordedMessage): string {
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
  const content = contentOf(message.content, TEXT_TYPES);
  if (content === undefined) return undefined;
  return {
    role,
    content,
    ...(typeof name === 'string' && { name }),
    ...(role === 'assistant' && assistantFields(message)),
    ...(typeof tool_call_id === 'string' && { tool_call_id }),
  };
}

/** A refusal is left out: lookups don't know it. */
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
      messages.push({ role, content: said });
    } else if (type === 'function_call') {
      const [call] = parseCalls(undefined, item) ?? [];
      if (call === undefined) continue;
      const made = callOf({ ...call, id: typeof call_id === 'string' ? call_id : undefined });
      if (last?.tool_calls === undefined)
        messages.push({ role: 'assistant', content: null, tool_calls: [made] });
      else messages[messages.length - 1] = { ...last, tool_calls: [...last.tool_calls, made] };
    } else if (type === 'function_call_output') {
      const said = contentOf(output, TEXT_TYPES);
      if (said === undefined) return undefined;
      messages.push({ role: 'tool', content: said, ...(isText(call_id) && { tool_call_id: call_id }) });
    } else if (type !== 'reasoning') return undefined;
  }
  return messages;
}

/** Messages of Anthropic's API, after the system message. */
function anthropicConversation(system: unknown, messages: unknown): readonly RecordedMessage[] | undefined {
  if (!Array.isArray(messages)) return undefined;
  const instructions = system ? contentOf(system, ANTHROPIC_TEXT_TYPES) : '';
  if (instructions === undefined) return undefined;
  const first: RecordedMessage[] = instructions === '' ? [] : [{ role: 'system', content: instructions }];
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
  return all(messages);
}

function resultOf({ content, tool_use_id }: Fields): RecordedMessage | undefined {
  const said = contentOf(content ?? '', ANTHROPIC_TEXT_TYPES);
  if (said === undefined) return undefined;
  return { role: 'tool', content: said, ...(isText(tool_use_id) && { tool_call_id: tool_use_id }) };
}

function saidIn(role: string, blocks: readonly unknown[]): RecordedMessage | undefined {
  const isCall = (block: unknown) => isObject(block) && block.type === 'tool_use';
  const calls = blocks.filter(isCall).map((block) => parseCall(block, (block as Fields).id));
  const content = contentOf(
    blocks.filter((block) => !isCall(block)),
    ANTHROPIC_TEXT_TYPES,
  );
  if (content === undefined || calls.includes(undefined)) return undefined;
  const made = calls.map((call) => callOf(call as Call));
  return {
    role,
    content: content?.length ? content : null,
    ...(made.length > 0 && { tool_calls: made }),
  };
}

/** A call of a message. */
interface Call {
  readonly id: string | undefined;
  readonly name: string;
  readonly arguments: string;
}

function callOf({ id, name, arguments: given }: Call): object {
  return { ...(id !== undefined && { id }), type: 'function', function: { name, arguments: given } };
}

/** Types of parts whose texts are looked up, in OpenAI's APIs and in Anthropic's. */
const TEXT_TYPES: readonly unknown[] = ['text', 'input_text', 'output_text'];
const ANTHROPIC_TEXT_TYPES: readonly unknown[] = ['text'];

/** Parts that are left out: refusals, which lookups don't know, and tools that the upstream has called by itself. */
const LEFT_OUT = /^(?:refusal|server_tool_use|mcp_tool_use|\w+_tool_result)$/;

/**
 * A content as recordings have it: a text, or the parts. Those that are reasoning are left out, too.
 *
 * @returns undefined if a reader would find a text or a call where the request's parser finds none
 */
function contentOf(content: unknown, textTypes: readonly unknown[]): RecordedMessage['content'] | undefined {
  if (isMissing(content)) return null;
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return undefined;
  const said = content.filter((part) => !isObject(part) || !(isUnsaid(part) || isLeftOut(part)));
  return all(said.map((part) => partOf(part, textTypes)));
}

function partOf(part: unknown, textTypes: readonly unknown[]): object | undefined {
  if (!isObject(part)) return undefined;
  const { type, text } = part;
  if (textTypes.includes(type)) return typeof text === 'string' ? { type: 'text', text } : undefined;
  const isSilent = textOfParts([part]) === '' && callsOfParts([part]).length === 0;
  return isSilent && type !== 'tool_result' ? part : undefined;
}

function isLeftOut({ type }: Fields): boolean {
  return typeof type === 'string' && LEFT_OUT.test(type);
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
