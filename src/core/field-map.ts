/** The names of the keys that hold a record's texts, for records of a shape that verbatim doesn't know. */

/** Each name is a key, or a path of keys joined by dots. */
export interface FieldMap {
  readonly prompt: string;
  readonly reply: string;
  readonly system: string | undefined;
}

/** A text that isn't a field map. The message says what was expected, and what is wrong. */
export class FieldMapError extends Error {}

const FIELDS: readonly string[] = ['prompt', 'reply', 'system'] satisfies (keyof FieldMap)[];

/**
 * Parses `prompt=question,reply=answer,system=context`. The fields may be in any order, and `system` may be missing.
 *
 * @throws FieldMapError
 */
export function parseFieldMap(text: string): FieldMap {
  const keys = new Map<string, string>();
  for (const part of text.split(',')) {
    const [field = '', ...rest] = part.split('=');
    const name = field.trim();
    const key = rest.join('=').trim();
    if (!FIELDS.includes(name)) throw wrong(`${JSON.stringify(name)} is not one of ${FIELDS.join(', ')}`);
    if (key === '') throw wrong(`${name} has no key`);
    if (keys.has(name)) throw wrong(`${name} is given twice`);
    keys.set(name, key);
  }
  const [prompt, reply] = [keys.get('prompt'), keys.get('reply')];
  if (prompt === undefined || reply === undefined) {
    throw wrong(`${prompt === undefined ? 'prompt' : 'reply'} is missing`);
  }
  return { prompt, reply, system: keys.get('system') };
}

/** The text of a field map, as `parseFieldMap` reads it. */
export function fieldMapText({ prompt, reply, system }: FieldMap): string {
  return `prompt=${prompt},reply=${reply}${system === undefined ? '' : `,system=${system}`}`;
}

function wrong(reason: string): FieldMapError {
  return new FieldMapError(`prompt=KEY,reply=KEY, and optionally system=KEY; ${reason}`);
}
