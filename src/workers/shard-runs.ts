/** What a store needs of a shard's turns. */

import type { Key } from '../core/keys.js';
import {
  bucketOf,
  fieldOf,
  placeNumber,
  RUN_TURNS_MAX,
  RUN_TURNS_MIN,
  RunKey,
  type RunPlace,
} from '../core/run-keys.js';
import { EMPTY_FLAG, NOT_ASSISTANT_FLAG } from '../index/table.js';
import { NO_CONVERSATION, RECORD, RECORD_NUMBERS, TURN, TURN_NUMBERS } from '../kernel/kernel.js';
import type { SeenTwice } from './seen-twice.js';
import type { RecordBatch } from './walk.js';

/** A turn that has a reply. */
interface RepliedTurn {
  /** Among the records of the shard, from 0. */
  readonly record: number;
  readonly turn: number;
  /** True if the reply is an assistant's. */
  readonly isAssistant: boolean;
  readonly key: Key;
  readonly normalized: Key;
  /** False if its text is empty. */
  readonly isSpoken: boolean;
  /** The keys of the turns that have a text, from the start of the conversation to this one. */
  readonly keys: readonly Key[];
}

/** Counts how often the runs of a shard occur. */
export class RunCounter {
  /** Turns that have a text and a reply, and those of them whose prompt occurred before. */
  replied = 0;
  repeated = 0;
  /** More than the turns of any record. */
  turnsMax = 1;
  private readonly seen: SeenTwice;

  constructor(seen: SeenTwice) {
    this.seen = seen;
  }

  /** @param records how many of the shard's records come before the batch */
  add(batch: RecordBatch, records: number): void {
    for (const turn of repliedTurns(batch, records)) {
      while (turn.turn >= this.turnsMax) this.turnsMax *= 2;
      if (!turn.isSpoken) continue;
      this.replied++;
      if (this.seen.add(RunKey.ofNormalized(turn.normalized))) this.repeated++;
      for (const key of longRuns(turn)) this.seen.add(key);
    }
  }
}

/** Fields of buckets: the bucket of each, its name, and its value. */
export interface RunFields {
  readonly buckets: Uint32Array;
  /** One after the other. */
  readonly names: string;
  readonly values: Float64Array;
}

/** Collects fields. */
class FieldList {
  private readonly buckets: number[] = [];
  private readonly names: string[] = [];
  private readonly values: number[] = [];

  add(bucket: number, name: string, value: number): void {
    this.buckets.push(bucket);
    this.names.push(name);
    this.values.push(value);
  }

  get fields(): RunFields {
    return {
      buckets: Uint32Array.from(this.buckets),
      names: this.names.join(''),
      values: Float64Array.from(this.values),
    };
  }
}

/** The numbers that the fields of a store depend on. */
export interface RunLayout {
  readonly buckets: number;
  /** See `placeNumber`. */
  readonly turnsMax: number;
}

/** Makes the fields of a shard. */
export class RunWriter {
  private readonly seen: SeenTwice;
  private readonly layout: RunLayout;
  private readonly firstRecord: number;
  private readonly onlyList = new FieldList();
  private readonly firstList = new FieldList();
  /** What `firstList` has. */
  private readonly known = new Set<string>();

  /** @param firstRecord the number of the shard's first record, among all */
  constructor(seen: SeenTwice, layout: RunLayout, firstRecord: number) {
    this.seen = seen;
    this.layout = layout;
    this.firstRecord = firstRecord;
  }

  /** The fields of keys that one turn has. */
  get only(): RunFields {
    return this.onlyList.fields;
  }

  /** The fields of keys that several turns may have, each once: the first turn in file order counts. */
  get first(): RunFields {
    return this.firstList.fields;
  }

  /** @param records how many of the shard's records come before the batch */
  add(batch: RecordBatch, records: number): void {
    for (const turn of repliedTurns(batch, records)) this.addTurn(turn);
  }

  private addTurn(turn: RepliedTurn): void {
    const { keys } = turn;
    const normalized = RunKey.ofNormalized(turn.normalized);
    const prompt = RunKey.ofPrompt(turn.key);
    // Only the legacy API finds empty prompts.
    if (!turn.isSpoken) {
      this.put(normalized, prompt, turn, false);
      return;
    }
    const isOnly = !this.seen.has(normalized);
    this.put(normalized, normalized, turn, isOnly);
    if (isOnly) return;
    this.put(normalized, prompt, turn, false);
    if (keys.length < RUN_TURNS_MIN) {
      const bucket = keys.length === 1 ? normalized : prompt.add(keys[0] as Key);
      this.put(bucket, startKey(keys), turn, false);
      return;
    }
    let bucket: Key | undefined;
    for (const key of longRuns(turn)) {
      bucket ??= { low: key.low, high: key.high };
      const isOnly = !this.seen.has(key);
      this.put(bucket, key, turn, isOnly);
      if (isOnly) return;
    }
    this.put(bucket as Key, startKey(keys), turn, false);
  }

  private put(bucket: Key, key: Key, { record, turn, isAssistant }: RepliedTurn, isOnly: boolean): void {
    const { buckets, turnsMax } = this.layout;
    const number = bucketOf(bucket, buckets);
    const name = fieldOf(key, isAssistant);
    const place: RunPlace = { record: this.firstRecord + record, turn, isOnly };
    const value = placeNumber(place, turnsMax);
    if (isOnly) this.onlyList.add(number, name, value);
    else {
      const id = `${number} ${name}`;
      if (this.known.has(id)) return;
      this.known.add(id);
      this.firstList.add(number, name, value);
    }
  }
}

/** The key of a conversation from its start to a turn. */
function startKey(keys: readonly Key[]): Key {
  const start = RunKey.ofStart();
  for (const key of keys) start.add(key);
  return start;
}

/** The keys of the runs of a turn that count, the shortest first. Each is valid until the next one is taken. */
function* longRuns({ keys }: RepliedTurn): Generator<Key> {
  if (keys.length < RUN_TURNS_MIN) return;
  const run = RunKey.ofPrompt(keys.at(-1) as Key);
  const longest = Math.min(keys.length, RUN_TURNS_MAX);
  for (let length = 2; length <= longest; length++) {
    run.add(keys[keys.length - length] as Key);
    if (length >= RUN_TURNS_MIN) yield run;
  }
}

/** The turns of a batch that have a reply. Each is valid until the next one is taken. */
function* repliedTurns({ turns, records }: RecordBatch, before: number): Generator<RepliedTurn> {
  let row = 0;
  for (let at = 0, record = before; at < records.length; at += RECORD_NUMBERS, record++) {
    const count = records[at + RECORD.turns] as number;
    if (count === NO_CONVERSATION) continue;
    const keys: Key[] = [];
    const end = row + count * TURN_NUMBERS;
    for (let turn = 0; row + TURN_NUMBERS < end; turn++, row += TURN_NUMBERS) {
      const half = (column: number) => turns[row + column] as number;
      const key = { low: half(TURN.keyLow), high: half(TURN.keyHigh) };
      const normalized = { low: half(TURN.normalizedLow), high: half(TURN.normalizedHigh) };
      const isSpoken = half(TURN.length) < EMPTY_FLAG;
      if (isSpoken) keys.push(key);
      const isAssistant = (half(TURN_NUMBERS + TURN.length) & NOT_ASSISTANT_FLAG) === 0;
      yield { record, turn, isAssistant, key, normalized, isSpoken, keys };
    }
    row = end;
  }
}
