/** Parses bodies whose long texts were cut out: see `kernel/assembly/cutting.ts`. */

import type { CutJson } from '../kernel/json-meter.js';
import { bodyTexts } from '../kernel/known-spelling.js';

type Fields = Record<string, unknown>;

/** Fields of a body that have a text, or a list of messages. */
const TEXT_FIELDS = ['prompt', 'input'];
const LIST_FIELDS = ['messages', 'input'];

/**
 * The value of a body, the same as `JSON.parse` makes of the whole body. Kernels know the spelling of its long texts until the next body is
 * parsed.
 *
 * @param body must not change
 * @returns undefined if the body is invalid, or has a long text at an unusual place
 */
export function parseCut({ rest, texts, places }: CutJson, body: Buffer): unknown {
  let value: unknown;
  try {
    value = JSON.parse(rest);
  } catch {
    // The whole body is parsed for the error.
    return undefined;
  }
  if (!isFields(value) || putBack(value, texts) !== texts.length) return undefined;
  bodyTexts.set(texts, places, body);
  return value;
}

/** Puts the texts back where requests have texts; returns how many of them. */
function putBack(body: Fields, texts: readonly string[]): number {
  let count = 0;
  for (const name of TEXT_FIELDS) count += putInto(body, name, texts);
  for (const name of LIST_FIELDS) {
    const items = body[name];
    if (Array.isArray(items)) for (const item of items) count += putIntoMessage(item, texts);
  }
  return count;
}

/** Puts texts back into a message: its content may be a list of parts. */
function putIntoMessage(message: unknown, texts: readonly string[]): number {
  if (!isFields(message)) return 0;
  const { content } = message;
  if (!Array.isArray(content)) return putInto(message, 'content', texts);
  let count = 0;
  for (const part of content) if (isFields(part)) count += putInto(part, 'text', texts);
  return count;
}

/** Puts a text back if a field has its name; returns how many. */
function putInto(fields: Fields, field: string, texts: readonly string[]): number {
  const name = fields[field];
  if (typeof name !== 'string' || name.charCodeAt(0) !== 0) return 0;
  fields[field] = texts[Number(name.slice(1))];
  return 1;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
