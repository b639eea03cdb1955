/** The parts of a content that is a list. */

import { type FunctionCall, parseCall, parseCallText } from './calls.js';
import { isObject } from './objects.js';

/** The types of parts that are text. A part without a type is one, too. */
const TEXT_TYPES: readonly unknown[] = ['text', 'input_text', 'output_text'];
const RESULT_TYPE = 'tool_result';

/** Joins the texts of parts. A part of another type has none. */
export function textOfParts(parts: readonly unknown[]): string {
  return parts.map((part) => (isResult(part) ? textOfResult(part.content) : textOfPart(part))).join('');
}

/** Types of parts that aren't said: reasoning, and what surrounds it. */
const UNSAID = /thinking|reasoning|thought/i;

/** True for a part that isn't said: Anthropic's `thinking`, the AI SDK's and LangChain's `reasoning`, or Gemini's with `thought`. */
export function isUnsaid({ type, thought }: Readonly<Record<string, unknown>>): boolean {
  return thought === true || (typeof type === 'string' && UNSAID.test(type));
}

/** The reasoning of parts, joined. */
export function reasoningOfParts(parts: readonly unknown[]): string {
  return parts.map((part) => (isObject(part) && isUnsaid(part) ? reasoningOfPart(part) : '')).join('');
}

/** The reasoning of a part that isn't said; empty if it has none: for instance, if it is encrypted. */
export function reasoningOfPart({ thinking, reasoning, text }: Readonly<Record<string, unknown>>): string {
  return stringOf(thinking ?? reasoning ?? text);
}

/** Collects the function calls of parts: Anthropic's `tool_use`, and `tool_call`, whose value is JSON. */
export function callsOfParts(parts: readonly unknown[]): readonly FunctionCall[] {
  return parts.filter(isObject).flatMap((part) => {
    if (part.type === 'tool_use') return parseCall(part, part.id) ?? [];
    return part.type === 'tool_call' && typeof part.value === 'string'
      ? (parseCallText(part.value) ?? [])
      : [];
  });
}

function isResult(part: unknown): part is Record<string, unknown> {
  return isObject(part) && part.type === RESULT_TYPE;
}

/** The content of a result is a text, or a list of parts without further results. */
function textOfResult(content: unknown): string {
  return Array.isArray(content) ? content.map(textOfPart).join('') : stringOf(content);
}

function textOfPart(part: unknown): string {
  if (!isObject(part)) return stringOf(part);
  return TEXT_TYPES.includes(part.type ?? 'text') ? stringOf(part.text ?? part.value) : '';
}

function stringOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
