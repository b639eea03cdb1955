/** The records that joined shapes make conversations of. */

import type { Turn } from '../../core/conversation.js';
import { isSaid, withSystem } from './conversations.js';
import { fieldsOf, isObject, type JsonObject, type JsonRecord } from './record.js';
import type { JoinedConversation, NumberedRecord } from './shape.js';

/** A record, and its place in the dataset. */
export interface Part {
  readonly row: number;
  readonly fields: JsonObject;
}

/** The records, as objects. */
export function partsOf(records: Iterable<NumberedRecord>): readonly Part[] {
  return Array.from(records, ({ row, record }) => ({ row, fields: fieldsOf(record) }));
}

/** The conversation of some parts, with the place of the first; nothing if nothing is said. */
export function* conversation(
  id: string | undefined,
  parts: readonly Part[],
  turns: readonly Turn[],
): Generator<JoinedConversation, void> {
  const [first] = parts;
  if (first !== undefined && isSaid(turns))
    yield { id, turns: withSystem(first.fields, turns), row: first.row };
}

/** The parts by their keys, in the order of the first of each. */
export function groups(
  parts: readonly Part[],
  keyOf: (part: Part) => string,
): ReadonlyMap<string, readonly Part[]> {
  const found = new Map<string, Part[]>();
  for (const part of parts) {
    const key = keyOf(part);
    const group = found.get(key);
    if (group === undefined) found.set(key, [part]);
    else group.push(part);
  }
  return found;
}

/** True if a record has all of these keys. */
export function has(record: JsonRecord, ...keys: readonly string[]): boolean {
  return isObject(record) && keys.every((key) => record[key] !== undefined);
}
