import { createHash } from 'node:crypto';
import { isObject } from '../core/objects.js';
import { LINE_END, LINE_END_BYTES } from './recording.js';

/** What decides whether a line of a file of recordings is kept. */
export interface Summary {
  /** Lines with equal keys are duplicates: of a recording, its id; of any other line, a digest of its bytes. */
  readonly key: string;
  /** The id of a recording, and when it was recorded, in ms since 1970; undefined for any other line. */
  readonly recorded: { readonly id: string; readonly ms: number } | undefined;
}

/** How a recording begins that has no escapes in its id. */
const ID = /^\{"id":"(rec_[\w-]*)"/;
const ID_BYTES_MAX = 256;

/** Summarizes a line. One that a recorder has written isn't parsed. Undefined for a blank line. */
export function summaryOf(bytes: Buffer): Summary | undefined {
  const [, id] = ID.exec(bytes.toString('latin1', 0, ID_BYTES_MAX)) ?? [];
  const end = bytes.toString('latin1', Math.max(0, bytes.length - LINE_END_BYTES));
  if (id !== undefined && LINE_END.test(end))
    return summary(bytes, id, end.slice(-TIME_LENGTH, -'"}'.length));
  const text = bytes.toString();
  if (text.trim() === '') return undefined;
  const { id: given, recorded_at: time } = parsed(text);
  return summary(bytes, given, time);
}

const TIME_LENGTH = '2026-11-28T12:00:00.000Z"}'.length;

function summary(bytes: Buffer, id: unknown, time: unknown): Summary {
  const ms = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  if (typeof id === 'string' && !Number.isNaN(ms)) return { key: `id ${id}`, recorded: { id, ms } };
  return { key: createHash('sha256').update(bytes).digest('base64'), recorded: undefined };
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}
