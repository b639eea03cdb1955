import { hashOfId } from '../core/id-hash.js';
import { parsePythonJson } from '../core/python-json.js';
import { NO_CONVERSATION, RECORD, RECORD_NUMBERS } from '../kernel/kernel.js';
import type { RecordBatch } from './walk.js';

/** The hash of a record without an id, and of one that isn't a conversation. */
export const NO_ID = 0;

/** Hashes the ids of a shard's records. */
export class ShardIds {
  private readonly list: number[] = [];

  get hashes(): Uint32Array {
    return Uint32Array.from(this.list);
  }

  add({ base, records, bytes, offset }: RecordBatch): void {
    for (let at = 0; at < records.length; at += RECORD_NUMBERS) {
      const length = records[at + RECORD.idLength] as number;
      const isNamed = records[at + RECORD.turns] !== NO_CONVERSATION && length > 0;
      const start = base + (records[at + RECORD.idStart] as number) - offset;
      this.list.push(isNamed ? hashOf(bytes, start, start + length) : NO_ID);
    }
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The hash of an id as it is recorded: a string, or a number. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  if (bytes[start] !== QUOTE) return hashOfId(bytes, start, end);
  const spelled = bytes.subarray(start + 1, end - 1);
  if (spelled.every((byte) => byte !== BACKSLASH && byte < 0x80)) return hashOfId(spelled);
  const json = Buffer.from(bytes.subarray(start, end)).toString('utf8');
  return hashOfId(Buffer.from(String(parsePythonJson(json))));
}
