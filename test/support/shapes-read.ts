/** The conversations of parsed records, as a dataset of them has. */

import type { Conversation } from '#dist/core/conversation.js';
import type { JsonRecord } from '#dist/dataset/shapes/record.js';
import type { JoinedShape, NumberedRecord, ShapeOptions } from '#dist/dataset/shapes/shape.js';
import { readRecord } from '#dist/dataset/shapes/shapes.js';

export const CHOSEN: ShapeOptions = { prefers: 'chosen', map: undefined };

/** The names of the shapes that read the records, and the conversations: those of whole records first. */
export function readAll(records: readonly unknown[], options: ShapeOptions = CHOSEN) {
  const conversations: Conversation[] = [];
  const parts = new Map<JoinedShape, NumberedRecord[]>();
  const names = new Set<string>();
  for (const [row, each] of records.entries()) {
    const record = each as JsonRecord;
    const reading = readRecord(record, options);
    names.add(reading?.shape.name ?? 'none');
    if (reading?.kind === 'whole') {
      for (const one of reading.conversations) conversations.push(one);
    } else if (reading?.kind === 'part') {
      parts.set(reading.shape, [...(parts.get(reading.shape) ?? []), { row, record }]);
    }
  }
  for (const [shape, records] of parts)
    for (const one of shape.join(records, () => {})) conversations.push(one);
  return { names: [...names], conversations };
}

/** The turns of a record's conversations, each as `role: text`. */
export function saidIn(...records: readonly unknown[]): readonly (readonly string[])[] {
  const { conversations } = readAll(records);
  return conversations.map(({ turns }) => turns.map(({ from, value }) => `${from}: ${value}`));
}
