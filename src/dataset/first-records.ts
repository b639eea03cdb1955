/** The first records of a dataset, for the message that rejects it. */

import { getManyValues, isMany } from 'stream-chain/defs.js';
import { jsonParser, type Token } from 'stream-json/core/parser.js';
import { KEY_LENGTH_NAMED_MAX, KEYS_LOOKED_AT_BYTES, KEYS_NAMED_MAX } from '../core/limits.js';
import { type DatasetFile, readFully } from './file.js';

/** What the first records of a dataset are. */
export interface FirstRecords {
  /** Their distinct keys, in file order. */
  readonly keys: readonly string[];
  /** True if the first record is a list. */
  readonly isList: boolean;
}

/**
 * Looks at the first records.
 *
 * @param fd the open file
 * @throws what reading throws
 */
export function firstRecords(fd: number, { format, body }: DatasetFile): FirstRecords {
  const bytes = Buffer.alloc(Math.min(KEYS_LOOKED_AT_BYTES, body.end - body.start));
  readFully(fd, bytes, body.start);
  // The body of an array begins after its bracket.
  const text = format === 'array' ? `[${bytes}` : bytes.toString();
  const recordDepth = format === 'array' ? 2 : 1;
  const keys = new Set<string>();
  let first: string | undefined;
  let depth = 0;
  for (const token of tokensOf(text)) {
    if (depth === recordDepth - 1) first ??= token.name;
    if (token.name === 'startObject' || token.name === 'startArray') depth++;
    else if (token.name === 'endObject' || token.name === 'endArray') depth--;
    else if (token.name === 'keyValue' && depth === recordDepth) keys.add(token.value);
  }
  return { keys: [...keys], isList: first === 'startArray' };
}

/** Keys as a message lists them: `the keys "prompt", "completion"`. */
export function listedKeys(keys: readonly string[]): string {
  if (keys.length === 0) return 'no keys';
  const spelled = keys.slice(0, KEYS_NAMED_MAX).map((key) => {
    return JSON.stringify(key.length > KEY_LENGTH_NAMED_MAX ? `${key.slice(0, KEY_LENGTH_NAMED_MAX)}…` : key);
  });
  if (keys.length > KEYS_NAMED_MAX) spelled.push('…');
  return `the ${keys.length === 1 ? 'key' : 'keys'} ${spelled.join(', ')}`;
}

/** The tokens of JSON that may be truncated; empty if it is invalid. */
function tokensOf(text: string): Iterable<Token> {
  try {
    const tokens = jsonParser({ streamValues: false, jsonStreaming: true })(text);
    return isMany(tokens) ? getManyValues<Token>(tokens) : [];
  } catch {
    // A record that is too long to be parsed may hold anything.
    return [];
  }
}
