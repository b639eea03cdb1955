/** Parsed records: reading their fields without trusting anything about them. */

export type JsonObject = Readonly<Record<string, unknown>>;

/** A parsed record of a dataset: an object, or a list. */
export type JsonRecord = JsonObject | readonly unknown[];

/** True if a value is an object or a list. */
export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null;
}

/** True if a value is an object, and not a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value, if it is an object; else an empty object. */
export function fieldsOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** The first of the fields that isn't missing and isn't null. `Prompt` and `PROMPT` also count as `prompt`. */
export function fieldOf(record: unknown, names: readonly string[]): unknown {
  if (!isObject(record)) return undefined;
  for (const name of names) {
    for (const spelling of spellingsOf(name)) {
      const value = record[spelling];
      if (value !== undefined && value !== null) return value;
    }
  }
  return undefined;
}

/** The value of a string that holds a JSON object or list; any other value as it is. */
export function parsedJson(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** A value as JSON; the empty string if it is nested too deep for `JSON.stringify`, which is recursive. */
export function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch (error) {
    if (error instanceof RangeError) return '';
    throw error;
  }
}

/** The text of a string, a number or a boolean; undefined for other values, and for strings of white space. */
export function plainText(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

/** Many names of one field. Looking at a record's few keys is faster than looking for each name. */
export class FieldNames {
  private readonly ranks: ReadonlyMap<string, number>;

  /** @param names the first that is present counts; each also capitalized, and in upper case */
  constructor(names: readonly string[]) {
    this.ranks = new Map(names.flatMap(spelled).map((name, rank) => [name, rank]));
  }

  /** The field's value, as `fieldOf` finds it. */
  in(record: unknown): unknown {
    if (!isObject(record)) return undefined;
    let found: unknown;
    let best = Infinity;
    for (const key in record) {
      const rank = this.ranks.get(key) ?? Infinity;
      const value = rank < best ? record[key] : undefined;
      if (value === undefined || value === null) continue;
      found = value;
      best = rank;
    }
    return found;
  }
}

/** The name as it is, capitalized, and in upper case. */
function spelled(name: string): readonly string[] {
  return [name, name.charAt(0).toUpperCase() + name.slice(1), name.toUpperCase()];
}

/** The names of a record's id. */
const ID = new FieldNames([
  ...['id', 'conversation_id', 'conversation_hash', 'conversationId', 'uuid', 'question_id', 'prompt_id'],
  ...['custom_id', 'message_tree_id', 'thread_id', 'chat_id'],
]);

/** The record's own id, if it has one. */
export function idOf(record: JsonRecord): string | undefined {
  const id = ID.in(record);
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined;
}

const SPELLINGS = new Map<string, readonly string[]>();

/** The same, from a map. The names are those in the code, so that the map stays small. */
function spellingsOf(name: string): readonly string[] {
  const known = SPELLINGS.get(name);
  if (known !== undefined) return known;
  const spellings = spelled(name);
  SPELLINGS.set(name, spellings);
  return spellings;
}
