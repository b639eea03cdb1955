/** Plain passes over a generated dataset on one thread, to compare with. */

import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { chain } from 'stream-chain';
import { parser } from 'stream-json/parser.js';
import { streamArray } from 'stream-json/streamers/stream-array.js';

const BLOCK_BYTES = 1 << 20;
/** In an array indented by two spaces, and nowhere in a text, since no string holds a raw line feed. */
const RECORD_START = '\n  {';
const RECORD_END = '\n  }';

/** A record of a generated dataset. */
export interface GeneratedRecord {
  readonly id: string;
  readonly conversations: readonly GeneratedTurn[];
}

/** A turn of a generated dataset. */
export interface GeneratedTurn {
  readonly from: string;
  readonly value: string;
}

/** The records in file order, each by `JSON.parse`: the fastest one can be with what Node brings. */
export function* recordsOf(path: string): Generator<GeneratedRecord, void> {
  const fd = openSync(path, 'r');
  let rest = Buffer.alloc(0);
  try {
    for (;;) {
      const block = Buffer.allocUnsafe(BLOCK_BYTES);
      const length = readSync(fd, block);
      if (length === 0) return;
      const bytes = Buffer.concat([rest, block.subarray(0, length)]);
      let taken = 0;
      for (;;) {
        const start = bytes.indexOf(RECORD_START, taken);
        const end = start < 0 ? -1 : bytes.indexOf(RECORD_END, start);
        if (end < 0) break;
        taken = end + RECORD_END.length;
        yield JSON.parse(bytes.toString('utf8', start, taken)) as GeneratedRecord;
      }
      rest = bytes.subarray(taken);
    }
  } finally {
    closeSync(fd);
  }
}

/** `JSON.parse`, record by record. Returns how much it saw. */
export function jsonParsePass(path: string): { conversations: number; turns: number } {
  let conversations = 0;
  let turns = 0;
  for (const record of recordsOf(path)) {
    conversations++;
    turns += record.conversations.length;
  }
  return { conversations, turns };
}

/** stream-json, the way its documentation shows. Returns how much it saw. */
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
