import { ID_KEYS, LIST_KEYS, parseConversation, parseTurn } from '../core/conversation.js';
import { isObject } from '../core/objects.js';
import { parsePythonJson } from '../core/python-json.js';
import { canonicalRole } from '../core/roles.js';
import type { RecordedConversation, RecordedTurn } from './corpus.js';

/** What a record's own text says. */
type Parsed = Pick<RecordedConversation, 'system' | 'tools' | 'other'> & {
  readonly turns: readonly Omit<RecordedTurn, 'tokens'>[];
};

/** Parses a record. One that isn't a conversation has no turns. */
export function parseRecord(json: string): Parsed {
  const record = parsePythonJson(json);
  if (!isObject(record)) return { system: undefined, tools: undefined, turns: [], other: {} };
  const turns = parseConversation(record)?.turns ?? [];
  const { system, tools, ...fields } = record;
  const used = [listKeyOf(record), idKeyOf(record)];
  const other = Object.fromEntries(Object.entries(fields).filter(([key]) => !used.includes(key)));
  return {
    system: typeof system === 'string' ? system : undefined,
    tools,
    turns: turns.map(({ from, value, reasoning, calls }) => ({
      role: canonicalRole(from),
      from,
      text: value,
      length: Buffer.byteLength(JSON.stringify(value)) - 2,
      reasoning,
      calls,
    })),
    other: typeof system === 'string' || system === undefined ? other : { system, ...other },
  };
}

/** The name of the list whose turns count: see `parseConversation`. */
function listKeyOf(record: Record<string, unknown>): string | undefined {
  const isList = (key: string) => Array.isArray(record[key]);
  const listOf = (key: string) => record[key] as unknown[];
  const lists = LIST_KEYS.filter(isList);
  return (
    lists.find((key) => listOf(key).some((item) => parseTurn(item) !== undefined)) ??
    lists.find((key) => listOf(key).length === 0)
  );
}

function idKeyOf(record: Record<string, unknown>): string | undefined {
  return ID_KEYS.find((key) => ['string', 'number'].includes(typeof record[key]));
}
