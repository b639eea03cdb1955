/** Plain passes over a generated dataset on one thread, to compare with. Each returns how many turns it saw. */

import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { chain } from 'stream-chain';
import { parser } from 'stream-json/parser.js';
import { streamArray } from 'stream-json/streamers/stream-array.js';

const BLOCK_BYTES = 1 << 20;
/** In an array indented by two spaces, and nowhere in a text, since no string holds a raw line feed. */
const RECORD_START = '\n  {';
const RECORD_END = '\n  }';

interface Record {
  readonly conversations: readonly unknown[];
}

/** `JSON.parse`, record by record: the fastest one can be with what Node brings. */
export async function jsonParsePass(path: string): Promise<number> {
  const fd = openSync(path, 'r');
  let turns = 0;
  let rest = Buffer.alloc(0);
  try {
    for (;;) {
      const block = Buffer.allocUnsafe(BLOCK_BYTES);
      const length = readSync(fd, block);
      if (length === 0) return turns;
      const bytes = Buffer.concat([rest, block.subarray(0, length)]);
      let taken = 0;
      for (;;) {
        const start = bytes.indexOf(RECORD_START, taken);
        const end = start < 0 ? -1 : bytes.indexOf(RECORD_END, start);
        if (end < 0) break;
        taken = end + RECORD_END.length;
        turns += (JSON.parse(bytes.toString('utf8', start, taken)) as Record).conversations.length;
      }
      rest = bytes.subarray(taken);
    }
  } finally {
    closeSync(fd);
  }
}

/** stream-json, the way its documentation shows. */
export async function streamJsonPass(path: string): Promise<number> {
  let turns = 0;
  const records = chain([createReadStream(path), parser.asStream(), streamArray.asStream()]);
  for await (const { value } of records as AsyncIterable<{ value: Record }>)
    turns += value.conversations.length;
  return turns;
}
