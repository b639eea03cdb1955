/**
 * The shapes of records. A record is of the first shape that fits: those with keys of their own come first, those that any record could
 * have come last. A new shape is an entry in the list of its family.
 */

import { type Conversation, LIST_KEYS, parseConversation, type Turn } from '../../core/conversation.js';
import { canonicalRole } from '../../core/roles.js';
import { EXPORT_SHAPES } from './exports.js';
import { JOINED_SHAPES } from './joined.js';
import { LIST_SHAPES } from './lists.js';
import { LOG_SHAPES } from './logs.js';
import { mappedShape } from './mapped.js';
import { PAIR_SHAPES } from './pairs.js';
import { PREFERENCE_SHAPES } from './preference.js';
import { PROVIDER_SHAPES } from './providers.js';
import { fieldOf, type JsonRecord } from './record.js';
import type { JoinedShape, Shape, ShapeOptions } from './shape.js';
import { TEXT_SHAPES } from './texts.js';

/** The shapes whose records each hold whole conversations, in the order in which they are tried, after the joined ones. */
export const SHAPES: readonly Shape[] = [
  ...EXPORT_SHAPES,
  ...PREFERENCE_SHAPES,
  ...LOG_SHAPES,
  ...PROVIDER_SHAPES,
  ...LIST_SHAPES,
  ...PAIR_SHAPES,
  ...TEXT_SHAPES,
];

/** A record, as the first shape that fits reads it. */
export type Reading =
  | { readonly kind: 'whole'; readonly shape: Shape; readonly conversations: readonly Conversation[] }
  /** A part of conversations, which the shape joins. */
  | { readonly kind: 'part'; readonly shape: JoinedShape };

/** Reads a record; undefined if no shape fits. Never throws. */
export function readRecord(record: JsonRecord, options: ShapeOptions): Reading | undefined {
  const mapped = options.map && mappedShape(options.map);
  const own = mapped?.conversations(record, options) ?? [];
  if (mapped !== undefined && own.length > 0) return { kind: 'whole', shape: mapped, conversations: own };
  const joined = JOINED_SHAPES.find((shape) => shape.recognizes(record));
  if (joined !== undefined) return { kind: 'part', shape: joined };
  for (const shape of candidatesFor(record)) {
    const conversations = shape.conversations(record, options);
    if (conversations.length > 0) return { kind: 'whole', shape, conversations };
  }
  return undefined;
}

/** How many sets of keys are remembered, and their length in characters. Records of a dataset have few keys. */
const KEY_SETS_MAX = 1024;
const KEYS_LENGTH_MAX = 1024;

const LIST_CANDIDATES = SHAPES.filter(({ keys }) => keys === undefined);
const candidates = new Map<string, readonly Shape[]>();

/** The shapes that a record with these keys can be of: trying all of them takes most of the time. */
function candidatesFor(record: JsonRecord): readonly Shape[] {
  if (Array.isArray(record)) return LIST_CANDIDATES;
  const names = Object.keys(record).join('\n').toLowerCase();
  const known = candidates.get(names);
  if (known !== undefined) return known;
  const present = new Set(names.split('\n'));
  const found = SHAPES.filter(({ keys }) => keys?.some((key) => present.has(key.toLowerCase())));
  if (candidates.size >= KEY_SETS_MAX) candidates.clear();
  if (names.length <= KEYS_LENGTH_MAX) candidates.set(names, found);
  return found;
}

/**
 * True if the engine can serve the record from the dataset's own file: `parseConversation` reads the same turns as the record's shape does.
 * Ids are not compared.
 */
export function isNative(record: JsonRecord, options: ShapeOptions): boolean {
  const reading = readRecord(record, options);
  if (reading !== undefined) return isNativeReading(record, reading);
  return parsedNatively(record)?.turns.every(({ value }) => value === '') ?? false;
}

/** The same for a record that has been read. */
export function isNativeReading(record: JsonRecord, reading: Reading): boolean {
  if (reading.kind === 'part' || reading.conversations.length > 1) return false;
  if (fieldOf(record, LIST_KEYS) === undefined) return false;
  const native = parsedNatively(record);
  if (native === undefined) return false;
  const turns = reading.conversations[0]?.turns ?? [];
  return turns.length === native.turns.length && turns.every((turn, i) => areSame(turn, native.turns[i]));
}

/** The conversation that the engine reads in a record; undefined if it reads none. Never throws. */
export function parsedNatively(record: JsonRecord): Conversation | undefined {
  try {
    return parseConversation(record);
    // It recurses into the arguments of calls.
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function areSame(turn: Turn, native: Turn | undefined): boolean {
  const calls = (each: Turn | undefined) =>
    each?.calls?.map(({ name, arguments: given }) => `${name}\n${given}`).join('\0');
  return (
    turn.value === native?.value &&
    canonicalRole(turn.from) === canonicalRole(native.from) &&
    turn.reasoning === native.reasoning &&
    calls(turn) === calls(native)
  );
}

/** The shapes as a Markdown table, for docs/formats.md. */
export function shapesTable(): string {
  const rows = [...SHAPES, ...JOINED_SHAPES].map(({ name, example, mapping }) => {
    const lines = example.split('\n').map((line) => `\`${line.replaceAll('|', '\\|')}\``);
    return `| ${name} | ${lines.join('<br>')} | ${mapping} |`;
  });
  return ['| shape | example | becomes |', '|---|---|---|', ...rows].join('\n');
}
