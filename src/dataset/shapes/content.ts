/** The content of a message, as the providers write it: a text, or parts with texts, function calls and their results. */

import { type FunctionCall, parseCallText } from '../../core/calls.js';
import type { Turn } from '../../core/conversation.js';
import { isUnsaid, reasoningOfPart } from '../../core/parts.js';
import { fieldOf, fieldsOf, isObject, type JsonObject, jsonOf, parsedJson } from './record.js';

/** A piece of a content. */
export type Segment =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'reasoning'; readonly text: string }
  | { readonly kind: 'call'; readonly call: FunctionCall }
  | { readonly kind: 'result'; readonly text: string }
  /** Where one step of an assistant's message ends and the next begins. */
  | { readonly kind: 'step' };

/** The keys of a content or of a part that hold its text or its parts. */
const NESTED_KEYS = ['text', 'value', 'content', 'parts'] as const;

/** How deep contents may be nested in contents. Real ones have up to three levels. */
const DEPTH_MAX = 6;

/**
 * The segments of a content.
 *
 * @returns undefined if the value isn't a content: for instance, an object with other keys
 */
export function segmentsOf(content: unknown, depth = 0): readonly Segment[] | undefined {
  if (typeof content === 'string') return [{ kind: 'text', text: content }];
  if (typeof content === 'number') return [{ kind: 'text', text: String(content) }];
  if (depth > DEPTH_MAX) return undefined;
  if (Array.isArray(content)) return content.flatMap((part) => segmentsOfPart(part, depth + 1));
  if (!isObject(content)) return undefined;
  const segments = segmentsOfPart(content, depth + 1);
  return segments.length > 0 || NESTED_KEYS.some((key) => Array.isArray(content[key])) ? segments : undefined;
}

/** The texts of a content, joined. */
export function textOfContent(content: unknown): string {
  return (segmentsOf(content) ?? []).map((each) => (each.kind === 'text' ? each.text : '')).join('');
}

/** The turns of a message: its results are turns of their own, after the calls that they belong to. */
export function turnsOfSegments(from: string, segments: readonly Segment[]): readonly Turn[] {
  const turns: Turn[] = [];
  let text = '';
  let reasoning = '';
  // The reasoning after results: it doesn't decide whether the turn ends.
  let nextReasoning = '';
  let calls: FunctionCall[] = [];
  let results: Turn[] = [];
  const flush = () => {
    if (text !== '' || calls.length > 0) {
      turns.push(withReasoning(turnOf(from, text, calls), reasoning));
      reasoning = '';
    }
    for (const result of results) turns.push(result);
    reasoning += nextReasoning;
    [text, calls, results, nextReasoning] = ['', [], [], ''];
  };
  for (const segment of segments) {
    if (segment.kind === 'result') results.push({ from: 'tool', value: segment.text });
    else if (segment.kind === 'reasoning') {
      if (results.length > 0) nextReasoning += segment.text;
      else reasoning += segment.text;
    } else if (segment.kind === 'step') flush();
    else {
      if (results.length > 0 && segment.kind === 'text') flush();
      if (segment.kind === 'text') text += segment.text;
      else {
        calls.push(segment.call);
        reasoning += nextReasoning;
        nextReasoning = '';
      }
    }
  }
  flush();
  return turns.length > 0 ? turns : [withReasoning({ from, value: '' }, reasoning)];
}

/** The turn with reasoning, unless it has its own. An empty text isn't reasoning. */
export function withReasoning(turn: Turn, reasoning: string | undefined): Turn {
  return turn.reasoning === undefined && reasoning ? { ...turn, reasoning } : turn;
}

/** A turn; without `calls` if the list is empty. */
export function turnOf(from: string, value: string, calls: readonly FunctionCall[] = []): Turn {
  return calls.length > 0 ? { from, value, calls } : { from, value };
}

/** The function calls of a message's field, in any provider's form. */
export function callsOf(field: unknown): readonly FunctionCall[] {
  const list = parsedJson(field);
  return (Array.isArray(list) ? list : [list]).flatMap((each) => callOf(each) ?? []);
}

function segmentsOfPart(part: unknown, depth: number): readonly Segment[] {
  if (typeof part === 'string') return [{ kind: 'text', text: part }];
  if (!isObject(part)) return [];
  const type = typeof part.type === 'string' ? part.type : '';
  if (isUnsaid(part)) return [{ kind: 'reasoning', text: reasoningOfPart(part) }];
  if (type === 'step-start') return [{ kind: 'step' }];
  const called = [...callsOfPart(part, type), ...resultsOfPart(part, type)];
  if (called.length > 0) return called;
  if (type === 'refusal' && typeof part.refusal === 'string') return [{ kind: 'text', text: part.refusal }];
  if (type !== '' && !/text|message/i.test(type)) return [];
  const nested = fieldOf(part, NESTED_KEYS);
  return segmentsOf(nested, depth) ?? [];
}

/** Types of parts that are function calls: Anthropic's, the Responses API's, and those of the AI SDK's two kinds of messages. */
const CALL_TYPE = /^(?:(?:server_|mcp_)?tool_use|tool[-_]call|function_call|dynamic-tool|tool-(?!result).+)$/;

function callsOfPart(part: JsonObject, type: string): readonly Segment[] {
  const wrapped = part.toolUse ?? part.functionCall ?? part.toolInvocation;
  if (wrapped === undefined && !CALL_TYPE.test(type)) return [];
  const byText = typeof part.value === 'string' ? parseCallText(part.value) : undefined;
  const named = part.name === undefined && type.startsWith('tool-') ? { name: type.slice(5), ...part } : part;
  const calls = byText ?? callsOf(wrapped ?? named);
  return calls.map((call) => ({ kind: 'call', call }));
}

/** Parses a call, which may be wrapped, as in `{id, function: {name, arguments}}`. */
function callOf(value: unknown): FunctionCall | undefined {
  if (!isObject(value)) return undefined;
  const called = isObject(value.function) ? value.function : value;
  const name = called.toolName ?? called.name;
  if (typeof name !== 'string') return undefined;
  const given = called.arguments ?? called.args ?? called.input ?? called.parameters ?? {};
  const id = value.call_id ?? value.toolCallId ?? value.toolUseId ?? value.tool_call_id ?? value.id;
  return {
    id: typeof id === 'string' ? id : undefined,
    name,
    arguments: typeof given === 'string' ? given : jsonOf(given),
  };
}

/** Types of parts that are the results of function calls. */
const RESULT_TYPE = /^(?:(?:\w+_)?tool_result|tool-result|function_call_output|tool_response)$/;

/** The keys that hold a result. */
const RESULT_KEYS = ['output', 'result', 'response', 'content', 'value'];

function resultsOfPart(part: JsonObject, type: string): readonly Segment[] {
  const wrapped = part.toolResult ?? part.functionResponse;
  const isResult = wrapped !== undefined || RESULT_TYPE.test(type);
  // The AI SDK's tool parts have both a call and its result.
  const { output, result } = fieldsOf(part.toolInvocation ?? part);
  const both = CALL_TYPE.test(type) || part.toolInvocation !== undefined ? (output ?? result) : undefined;
  if (!isResult && (both === undefined || both === null)) return [];
  const value = isResult ? fieldOf(wrapped ?? part, RESULT_KEYS) : both;
  return [{ kind: 'result', text: textOfResult(value) }];
}

/** The text of a function's result: its texts, without its images; JSON if it isn't a content. */
export function textOfResult(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return textOfPart(value) ?? jsonOf(value);
  const texts = value.map(textOfPart);
  return texts.includes(undefined) ? jsonOf(value) : texts.join('');
}

/** The text of a part of a result, empty for an image; undefined for other values. */
function textOfPart(part: unknown): string | undefined {
  const { type, text, value, json, image } = fieldsOf(part);
  if (typeof text === 'string') return text;
  if (json !== undefined) return jsonOf(json);
  // The AI SDK's forms are {type: 'text', value} and {type: 'json', value}.
  if (type === 'text' || type === 'json') return typeof value === 'string' ? value : jsonOf(value);
  return type === 'image' || type === 'image_url' || isObject(image) ? '' : undefined;
}
