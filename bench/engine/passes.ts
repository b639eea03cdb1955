/** Plain passes over a generated dataset on one thread, as a baseline. */

import { createReadStream } from 'node:fs';
import { chain } from 'stream-chain';
import { parser } from 'stream-json/parser.js';
import { streamArray } from 'stream-json/streamers/stream-array.js';
import { type GeneratedRecord, recordsOf } from '../records.js';

/** `JSON.parse`, record by record. Returns its counts. */
export function jsonParsePass(path: string): { conversations: number; turns: number } {
  let conversations = 0;
  let turns = 0;
  for (const record of recordsOf(path)) {
    conversations++;
    turns += record.conversations.length;
  }
  return { conversations, turns };
}

/** stream-json, as its documentation shows it. Returns its counts. */
export async function streamJsonPass(path: string): Promise<{ conversations: number; turns: number }> {
  let conversations = 0;
  let turns = 0;
  const records = chain([createReadStream(path), parser.asStream(), streamArray.asStream()]);
  for await (const { value } of records as AsyncIterable<{ value: GeneratedRecord }>) {
    conversations++;
    turns += value.conversations.length;
  }
  return { conversations, turns };
}
