import { STORE_LOAD_WAIT_MS, STORE_SLICE_BYTES, STORE_SLICE_COMMANDS } from '../core/limits.js';
import { FIELD_LENGTH } from '../core/run-keys.js';
import type { StoreCommand, StoreConnection } from '../store/connection.js';
import type { DatasetKeys } from '../store/dataset-keys.js';
import { replicated } from '../store/masters.js';
import { whileAway } from '../store/patience.js';
import { StoreAwayError } from '../store/store-error.js';
import type { RunFields } from '../workers/shard-runs.js';
import type { StoredShard } from '../workers/tasks.js';

/** A command, and the key that it is about. */
export interface KeyCommand {
  readonly key: string;
  readonly command: StoreCommand;
}

/**
 * Writes a version of a dataset, in steps. What a step writes may be written again, so that a step that has failed in the middle is repeated:
 * of two turns with the same key, the first one counts, which is known within a step, and steps follow each other.
 */
export class StoreWriter {
  private readonly connection: StoreConnection;
  private readonly keys: DatasetKeys;
  private readonly version: string;
  private readonly signal: AbortSignal;
  private records: KeyCommand[] = [];
  /** The arguments of `HSET` for fields of one turn, by buckets. */
  private only = new Map<number, string[]>();
  /** The arguments of `HSETNX` for fields of several turns, by bucket and name. */
  private first = new Map<string, KeyCommand>();
  /** The bytes of the records that wait. */
  private bytes = 0;
  private fields = 0;

  /** @param signal ends the waiting for a store that is away */
  constructor(connection: StoreConnection, keys: DatasetKeys, version: string, signal: AbortSignal) {
    this.connection = connection;
    this.keys = keys;
    this.version = version;
    this.signal = signal;
  }

  /** How much waits to be written: bytes of records, and fields. */
  get waiting(): { readonly bytes: number; readonly fields: number } {
    return { bytes: this.bytes, fields: this.fields };
  }

  /**
   * Adds a shard, in file order. Its memory must not be used until the next flush has ended.
   *
   * @param firstRecord the number of its first record, among all
   */
  add({ stored, only, first }: StoredShard, firstRecord: number): void {
    const bytes = Buffer.from(stored.bytes.buffer, stored.bytes.byteOffset, stored.bytes.byteLength);
    let start = 0;
    for (const [i, end] of stored.ends.entries()) {
      const key = this.keys.record(this.version, firstRecord + (stored.numbers[i] as number));
      this.records.push({ key, command: ['SET', key, bytes.subarray(start, end)] });
      start = end;
    }
    this.bytes += bytes.length;
    this.fields += only.values.length + first.values.length;
    forEachField(only, (bucket, name, value) => {
      const fields = this.only.get(bucket);
      if (fields === undefined) this.only.set(bucket, [name, value]);
      else fields.push(name, value);
    });
    forEachField(first, (bucket, name, value) => {
      const id = `${bucket} ${name}`;
      const key = this.keys.bucket(this.version, bucket);
      if (!this.first.has(id)) this.first.set(id, { key, command: ['HSETNX', key, name, value] });
    });
  }

  /**
   * Writes what was added, and waits until all replicas have it.
   *
   * @throws StoreAwayError if the store is away for long, StoreRefusalError if it has no room, the signal's reason
   */
  async flush(): Promise<void> {
    const buckets = [...this.only].map(([bucket, fields]) => {
      const key = this.keys.bucket(this.version, bucket);
      return { key, command: ['HSET', key, ...fields] };
    });
    await writeWhole(this.connection, [...this.records, ...buckets, ...this.first.values()], this.signal);
    this.records = [];
    this.only = new Map();
    this.first = new Map();
    this.bytes = 0;
    this.fields = 0;
  }
}

function forEachField(
  { buckets, names, values }: RunFields,
  act: (bucket: number, name: string, value: string) => void,
): void {
  for (const [i, bucket] of buckets.entries()) {
    act(bucket, names.slice(i * FIELD_LENGTH, (i + 1) * FIELD_LENGTH), String(values[i]));
  }
}

/**
 * Sends commands that may be repeated, some at a time, and waits until all replicas have them. If a connection is lost meanwhile, sends all of
 * them again: a master that takes the place of another one may lack what that one has confirmed.
 *
 * @param signal ends the waiting for a store that is away
 * @throws StoreAwayError if the store is away for long, StoreRefusalError if a command is refused, the signal's reason
 */
export async function writeWhole(
  connection: StoreConnection,
  commands: readonly KeyCommand[],
  signal: AbortSignal,
): Promise<void> {
  const write = async () => {
    const { connections } = connection;
    await sendInSlices(connection, commands);
    await replicated(connection);
    if (connection.connections !== connections) throw new StoreAwayError('a connection was lost');
  };
  await whileAway(write, STORE_LOAD_WAIT_MS, signal);
}

/** Sends commands. While one slice is on its way, the next one is sent. */
async function sendInSlices(connection: StoreConnection, commands: readonly KeyCommand[]): Promise<void> {
  let before: Promise<unknown> = Promise.resolve();
  for (let from = 0; from < commands.length; ) {
    const slice: Promise<unknown>[] = [];
    for (let bytes = 0; from < commands.length && slice.length < STORE_SLICE_COMMANDS; from++) {
      const { key, command } = commands[from] as KeyCommand;
      const value = command.at(-1) ?? '';
      slice.push(connection.call(key, command));
      bytes += value.length;
      if (bytes >= STORE_SLICE_BYTES) {
        from++;
        break;
      }
    }
    const sent = Promise.all(slice);
    // Its failure is reported in its turn.
    sent.catch(() => undefined);
    await before;
    before = sent;
  }
  await before;
}
