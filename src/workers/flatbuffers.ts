/** Reads tables of FlatBuffers, which Arrow's heads are: just enough to find messages, and to see that lists aren't longer than their bytes. */

import { DamagedError } from './damaged.js';

/** The lists in a table, and the tables in it, by the number of the field. Only those that have lists are named. */
export interface Lists {
  readonly [field: number]: {
    /** Bytes of an element; undefined if the field is a table, not a list. */
    readonly stride?: number;
    /** The lists in the table, or in the tables of the list. */
    readonly of?: () => Lists;
  };
}

/** Where a field of a table is; undefined if it has its default. */
export function fieldAt(bytes: Buffer, table: number, field: number): number | undefined {
  const names = table - bytes.readInt32LE(table);
  const at = 4 + 2 * field;
  const offset = at < bytes.readUInt16LE(names) ? bytes.readUInt16LE(names + at) : 0;
  return offset === 0 ? undefined : table + offset;
}

/** Where a list begins, and how many elements it has. */
export function listAt(bytes: Buffer, field: number, stride: number): { at: number; count: number } {
  const list = pointedAt(bytes, field);
  const count = bytes.readUInt32LE(list);
  const at = list + 4;
  if (at + count * stride > bytes.length) throw new DamagedError('a list is longer than its bytes');
  return { at, count };
}

/** Where the table or list is that an offset refers to. */
export function pointedAt(bytes: Buffer, at: number): number {
  return at + bytes.readUInt32LE(at);
}

/**
 * Validates the lengths of all lists.
 *
 * @throws DamagedError if one is longer than its bytes
 */
export function assertLists(bytes: Buffer, root: number, lists: Lists): void {
  // Damaged offsets may lead to the same tables over and over.
  let left = bytes.length;
  const assertTable = (table: number, fields: Lists) => {
    if (left-- === 0) throw new DamagedError('it has too many tables');
    for (const [field, { stride, of }] of Object.entries(fields)) {
      const found = fieldAt(bytes, table, Number(field));
      if (found === undefined) continue;
      const { at, count } = stride === undefined ? { at: found, count: 1 } : listAt(bytes, found, stride);
      for (let i = 0; of !== undefined && i < count; i++) assertTable(pointedAt(bytes, at + 4 * i), of());
    }
  };
  assertTable(root, lists);
}
