/** Function calls, as datasets record them and as clients send them back. */

import { elementsOf, respaced } from './json-spelling.js';
import { SPELLED_JSON_LENGTH_MAX } from './limits.js';
import { isObject } from './objects.js';

/** One function call. */
export interface FunctionCall {
  /** The call's id, if it has one. The call's result refers to it. */
  readonly id: string | undefined;
  /** The function's name. */
  readonly name: string;
  /** JSON, usually an object. */
  readonly arguments: string;
}

/**
 * Parses OpenAI's `tool_calls`, or the deprecated `function_call`. A call in the list may have its name and arguments in `function`, or directly.
 *
 * @returns undefined if there are no calls
 */
export function parseCalls(toolCalls: unknown, functionCall: unknown): readonly FunctionCall[] | undefined {
  if ((toolCalls ?? functionCall ?? undefined) === undefined) return undefined;
  const list: unknown[] = Array.isArray(toolCalls) ? toolCalls : [{ function: functionCall }];
  const calls = list.flatMap((call) => {
    const { id, function: called } = fieldsOf(call);
    return parseCall(isObject(called) ? called : call, id) ?? [];
  });
  return calls.length > 0 ? calls : undefined;
}

/** A call as an element of OpenAI's `tool_calls`: what `parseCalls` reads. */
export function toolCallOf({ id, name, arguments: given }: FunctionCall): object {
  return { ...(id !== undefined && { id }), type: 'function', function: { name, arguments: given } };
}

/**
 * Parses the text of ShareGPT's turn from `function_call`: a call as JSON, or a list of calls.
 *
 * @returns undefined if the text is something else
 */
export function parseCallText(text: string): readonly FunctionCall[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const list = Array.isArray(value) ? value : [value];
  const calls = list.flatMap((call) => parseCall(call, undefined) ?? []);
  if (calls.length === 0 || calls.length < list.length) return undefined;
  const texts = Array.isArray(value) ? elementsOf(text) : [text];
  return calls.map((call, i) => {
    const text = texts[i] ?? '';
    const spelled = text.length <= SPELLED_JSON_LENGTH_MAX ? ARGUMENTS.exec(text)?.[1] : undefined;
    return spelled !== undefined && isStructure(spelled) ? { ...call, arguments: spelled } : call;
  });
}

/** Captures the arguments of a call that names them last, as nearly all do: the reply then has them exactly as recorded. */
const ARGUMENTS = /^\s*\{\s*"name"\s*:\s*"(?:[^"\\]|\\.)*"\s*,\s*"arguments"\s*:\s*(\{[\s\S]*\})\s*\}\s*$/;

/** The white space that a dataset has after colons and commas: a space, as Python writes JSON, or none, as JavaScript does. */
export type Spacing = ' ' | '';

/**
 * The text of calls, in the form that ShareGPT's datasets have.
 *
 * @param spacing the spacing of the whole text. Without it, the arguments are left unchanged, and the rest follows the spacing that they
 *     seem to have
 */
export function textOfCalls(calls: readonly FunctionCall[], spacing?: Spacing): string {
  const space = spacing ?? (calls.some((call) => /"\s*:\S/.test(call.arguments)) ? '' : ' ');
  const texts = calls.map(({ name, arguments: given }) => {
    // Some models and clients send an empty string if a call has no arguments.
    const args = given.trim() === '' ? '{}' : given;
    const spelled = spacing === undefined ? args : respaced(args, spacing);
    return `{"name":${space}${JSON.stringify(name)},${space}"arguments":${space}${spelled}}`;
  });
  return texts.length === 1 ? (texts[0] as string) : `[${texts.join(`,${space}`)}]`;
}

/**
 * Parses a call that has its name and arguments directly. The arguments are `arguments`, LangChain's `args` or Anthropic's `input`.
 *
 * @returns undefined without a name, or if the arguments are nested too deeply to serialize them
 */
export function parseCall(call: unknown, id: unknown): FunctionCall | undefined {
  const { name, arguments: given, args, input } = fieldsOf(call);
  if (typeof name !== 'string') return undefined;
  const text = argumentsOf(given ?? args ?? input ?? {});
  return text === undefined
    ? undefined
    : { id: typeof id === 'string' ? id : undefined, name, arguments: text };
}

function argumentsOf(given: unknown): string | undefined {
  if (typeof given === 'string') return given;
  try {
    return JSON.stringify(given);
  } catch {
    // `JSON.stringify` is recursive, and runs out of stack where `JSON.parse` doesn't.
    return undefined;
  }
}

/** True if a text is a JSON object or array of at most `SPELLED_JSON_LENGTH_MAX` characters. */
export function isStructure(text: string): boolean {
  if (text.length > SPELLED_JSON_LENGTH_MAX || !startsStructure(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** True if a text begins like a JSON object or array. */
export function startsStructure(text: string): boolean {
  return /^\s*[{[]/.test(text);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {};
}
