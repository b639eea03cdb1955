/** Datasets walked by the kernel in this thread, cut at any place, read in blocks of any length. */

import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BYTE, type ByteOffset, byteOffset } from '#dist/core/bytes.js';
import { parseConversation, parseTurn, type Turn } from '#dist/core/conversation.js';
import { NO_SEED, type TextKeys } from '#dist/core/keys.js';
import { isAssistant, ROLES, type Role, roleOf } from '#dist/core/roles.js';
import type { Dataset } from '#dist/dataset/dataset.js';
import { identityAt } from '#dist/dataset/file.js';
import { shardsBetween } from '#dist/dataset/shards.js';
import { EMPTY_FLAG, LENGTH_MASK, NOT_ASSISTANT_FLAG } from '#dist/index/table.js';
import {
  type Kernel,
  NO_CONVERSATION,
  RECORD,
  RECORD_NUMBERS,
  ROLE_SHIFT,
  TEXT_LENGTH_MASK,
  TURN,
  TURN_NUMBERS,
} from '#dist/kernel/kernel.js';
import { ShardPlan } from '#dist/workers/shard-run.js';
import type { TaskResult, Walked } from '#dist/workers/tasks.js';
import { walk } from '#dist/workers/walk.js';

/** A turn as the kernel found it, and its decoded bytes. */
export interface WalkedTurn {
  readonly keyLow: number;
  readonly keyHigh: number;
  readonly normalizedLow: number;
  readonly normalizedHigh: number;
  readonly isEmpty: boolean;
  readonly isAssistant: boolean;
  readonly role: Role;
  /** The length of its text as `JSON.stringify` spells it. */
  readonly textLength: number;
  readonly turn: Turn | undefined;
}

/** A conversation as the kernel found it; undefined for a record without a conversation. */
export type WalkedRecord =
  | { readonly id: string | undefined; readonly turns: readonly WalkedTurn[] }
  | undefined;

/** How to cut and read a file. */
export interface Cutting {
  /** Offsets, in any order, anywhere in the file. */
  readonly cuts: readonly number[];
  readonly blockBytes: number;
  readonly recordBytesMax?: number;
}

/**
 * All records of a file, in file order.
 *
 * @throws the error of the walk
 */
export async function walkedRecords(
  kernel: Kernel,
  folder: string,
  file: Buffer,
  { cuts, blockBytes, recordBytesMax = 1 << 24 }: Cutting,
): Promise<WalkedRecord[]> {
  const path = join(folder, 'walked.json');
  writeFileSync(path, file);
  const dataset = datasetAt(path, file);
  const { body, format } = dataset;
  const fd = openSync(path, 'r');
  try {
    const inside = [...new Set(cuts.map((cut) => placeOf(file, cut, body, format)))]
      .filter((cut) => cut > body.start && cut < body.end)
      .sort((a, b) => a - b);
    const plan = new ShardPlan(dataset, shardsBetween(body, inside), NO_SEED);
    const run = async (shard: {
      range: typeof body;
    }): Promise<TaskResult<Walked & { found: WalkedRecord[] }>> => {
      const found: WalkedRecord[] = [];
      try {
        const batches = walk(kernel, fd, dataset, shard.range, () => undefined, {
          blockBytes,
          recordBytesMax,
        });
        for (;;) {
          const { done, value } = batches.next();
          if (done === true) return { kind: 'done', value: { next: value, records: found.length, found } };
          found.push(...recordsOf(value, fd));
        }
      } catch (error) {
        return { kind: 'failed', code: 'dataset_invalid', detail: error as string };
      }
    };
    const records: WalkedRecord[] = [];
    for await (const { result } of plan.run(run, 1)) {
      if (result.kind === 'failed') throw result.detail;
      records.push(...result.value.found);
    }
    return records;
  } finally {
    closeSync(fd);
  }
}

/** The dataset that a file of JSON is: lines, unless it begins with a bracket. */
function datasetAt(path: string, content: Buffer): Dataset {
  const file = identityAt(path);
  if (file === undefined) throw new Error(`expected a file at ${path}`);
  const start = /^(?:\ufeff)?[ \t\r\n]*/.exec(content.toString())?.[0] ?? '';
  const first = Buffer.byteLength(start);
  const format = content[first] === BYTE.openBracket ? 'array' : 'lines';
  const body = { start: byteOffset(format === 'array' ? first + 1 : first), end: byteOffset(file.size) };
  return { file, source: file, format, body };
}

/**
 * The result of `JSON.parse` for a file, record by record, except that it accepts a comma after the last record of an array, and Python's
 * words, and byte order marks at the start of a line; undefined if the file is not valid.
 */
export function parsedRecords(file: Buffer, format: 'array' | 'lines'): unknown[] | undefined {
  const whole = file.toString('utf8').replace(/^\ufeff/, '');
  try {
    if (format === 'array') return parsePython(whole.replace(LAST_COMMA, '$1')) as unknown[];
    return whole
      .split('\n')
      .map((line) => line.replace(/^[ \t\r]*(?:\ufeff[ \t\r]*)+/, ''))
      .filter((line) => !/^[ \t\r]*$/.test(line))
      .map(parsePython);
  } catch {
    return undefined;
  }
}

/** A comma before the bracket that ends a file, and what follows it. Something else than `[` must come before it. */
export const LAST_COMMA = /(?<=[^[, \t\r\n][ \t\r\n]*),([ \t\r\n]*\][ \t\r\n]*)$/;

/** What `JSON.parse` returns, with null for `NaN`, `Infinity` and `-Infinity`. */
export function parsePython(json: string): unknown {
  return JSON.parse(json.replace(STRING_OR_WORD, (found) => (found.startsWith('"') ? found : 'null')));
}

const STRING_OR_WORD = /"(?:[^"\\]|\\[\s\S])*"|NaN|-?Infinity/g;

/** The expected records of the walk. */
export function expectedRecords(kernel: Kernel, records: readonly unknown[]): WalkedRecord[] {
  return records.map((record) => {
    const found = parseConversation(record);
    if (found === undefined) return undefined;
    return {
      id: found.id,
      turns: found.turns.map((turn, i) => {
        const hasKeys = i + 1 < found.turns.length;
        const { key, normalized, ends } = kernel.keysOf(turn.value) as TextKeys;
        return {
          keyLow: hasKeys ? key.low : 0,
          keyHigh: hasKeys ? key.high : 0,
          normalizedLow: either(normalized.low, ends.low),
          normalizedHigh: either(normalized.high, ends.high),
          isEmpty: turn.value === '',
          isAssistant: isAssistant(turn.from),
          role: roleOf(turn.from),
          textLength: Buffer.byteLength(JSON.stringify(turn.value)) - 2,
          turn,
        };
      }),
    };
  });
}

/** Equals either number. The texts before a text determine which of its normalized keys it has. */
function either(one: number, other: number): number {
  const matcher = { asymmetricMatch: (found: unknown) => found === one || found === other };
  return matcher as unknown as number;
}

/** An array may be cut anywhere; JSON lines only at line feeds, and every one of them is a cut. */
function placeOf(
  file: Buffer,
  cut: number,
  { start, end }: { start: ByteOffset; end: ByteOffset },
  format: 'array' | 'lines',
): ByteOffset {
  const place = start + (cut % Math.max(1, end - start));
  if (format === 'array') return byteOffset(place);
  const lineEnd = file.indexOf(0x0a, place);
  return byteOffset(lineEnd < 0 ? end : lineEnd + 1);
}

function recordsOf(
  { base, turns, records }: { base: number; turns: Uint32Array; records: Uint32Array },
  fd: number,
): WalkedRecord[] {
  const slice = (start: number, length: number) => {
    const bytes = Buffer.alloc(length);
    readSync(fd, bytes, 0, length, base + start);
    return bytes.toString();
  };
  const found: WalkedRecord[] = [];
  let row = 0;
  for (let at = 0; at < records.length; at += RECORD_NUMBERS) {
    const number = (name: keyof typeof RECORD) => records[at + RECORD[name]] as number;
    const count = number('turns');
    if (count === NO_CONVERSATION) {
      found.push(undefined);
      continue;
    }
    const list: WalkedTurn[] = [];
    for (let i = 0; i < count; i++, row++) {
      // The last turn has no reply, and may lack its key.
      const hasKeys = i + 1 < count;
      const numberOf = (name: keyof typeof TURN) => turns[row * TURN_NUMBERS + TURN[name]] as number;
      const length = numberOf('length');
      list.push({
        keyLow: hasKeys ? numberOf('keyLow') : 0,
        keyHigh: hasKeys ? numberOf('keyHigh') : 0,
        normalizedLow: numberOf('normalizedLow'),
        normalizedHigh: numberOf('normalizedHigh'),
        isEmpty: length >= EMPTY_FLAG,
        isAssistant: (length & NOT_ASSISTANT_FLAG) === 0,
        role: ROLES[numberOf('text') >>> ROLE_SHIFT] as Role,
        textLength: numberOf('text') & TEXT_LENGTH_MASK,
        turn: parseTurn(parsePython(slice(numberOf('start'), length & LENGTH_MASK))),
      });
    }
    const id =
      number('idLength') === 0 ? undefined : String(JSON.parse(slice(number('idStart'), number('idLength'))));
    found.push({ id, turns: list });
  }
  return found;
}
