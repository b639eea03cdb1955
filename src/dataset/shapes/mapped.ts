/** The shape of records whose fields the user named. */

import type { FieldMap } from '../../core/field-map.js';
import { textOfContent } from './content.js';
import {
  conversationsOf,
  historyTurns,
  isSaid,
  promptTurns,
  replyTurns,
  withSystem,
} from './conversations.js';
import { fieldsOf, parsedJson } from './record.js';
import type { Shape } from './shape.js';
import { parsedMessages } from './turns.js';

/** The name of that shape. */
export const MAPPED = 'map';

/** The shape of a field map. */
export function mappedShape({ prompt, reply, system }: FieldMap): Shape {
  return {
    name: MAPPED,
    example: JSON.stringify({ [prompt]: 'What is moss?', [reply]: 'A small plant.' }),
    mapping: `\`${prompt}\` → \`${reply}\``,
    keys: [prompt],
    conversations: (record) => {
      const [asked, replied] = [promptTurns(at(record, prompt)), replyTurns(at(record, reply))];
      if (!isSaid(asked) || !isSaid(replied)) return [];
      const turns = [...historyTurns(record), ...asked, ...replied];
      const own = system === undefined ? '' : textOfContent(at(record, system));
      return conversationsOf(record, [withSystem(own === '' ? record : { system: own }, turns)]);
    },
  };
}

/** The value at a key, or at a path of keys joined by dots. JSON in a string counts as what it holds. */
function at(record: unknown, path: string): unknown {
  if (Object.hasOwn(fieldsOf(record), path)) return parsedMessages(fieldsOf(record)[path]);
  let value = record;
  for (const key of path.split('.')) {
    const fields: unknown = Array.isArray(value) ? value : fieldsOf(parsedJson(value));
    value = Object.hasOwn(fields as object, key) ? (fields as Record<string, unknown>)[key] : undefined;
  }
  return parsedMessages(value);
}
