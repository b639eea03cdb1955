/**
 * Loads a dataset into a store, as a new version that nodes use once it is whole. A load that was interrupted goes on where its last step
 * ended, if the files are the same.
 */

import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { byteOffset } from '../core/bytes.js';
import { CommandError } from '../core/errors.js';
import type { KeySeed } from '../core/keys.js';
import { SHARD_BYTES, STORE_BUCKET_FIELDS, STORE_STEP_BYTES, STORE_STEP_FIELDS } from '../core/limits.js';
import { addCounts, assertNotEmpty, type Counts, NOTHING_COUNTED } from '../dataset/counts.js';
import { type Dataset, datasetErrorOf, withDataset } from '../dataset/dataset.js';
import { digestOf } from '../dataset/digest.js';
import { hasConvertible } from '../dataset/sample.js';
import type { ShapeOptions } from '../dataset/shapes/shape.js';
import type { Kernel } from '../kernel/kernel.js';
import { STORED_FORMAT, type StoredVersion, type VersionSize } from '../lookup/stored-version.js';
import type { StoreConnection } from '../store/connection.js';
import { BUCKET_MARK, DatasetKeys } from '../store/dataset-keys.js';
import { usedBytes } from '../store/masters.js';
import { planShards } from '../workers/plan-shards.js';
import type { WorkerPool } from '../workers/pool.js';
import { SeenTwice } from '../workers/seen-twice.js';
import type { ShardPlan } from '../workers/shard-run.js';
import type { RunLayout } from '../workers/shard-runs.js';
import { newStopFlag, stopAll } from '../workers/stop-flag.js';
import type { CountedRuns } from '../workers/tasks.js';
import { LoadLock, unreadable } from './load-lock.js';
import { StoreWriter, writeWhole } from './store-writer.js';

/** How a dataset is loaded. */
export interface LoadOptions {
  readonly connection: StoreConnection;
  /** The beginning of all keys. */
  readonly prefix: string;
  /** The name that nodes serve it as. */
  readonly name: string;
  readonly pool: WorkerPool;
  /** How records of other shapes are read. */
  readonly shapes: ShapeOptions;
  readonly kernel: Kernel;
  /** How long an earlier version is kept after the new one is there, in ms. */
  readonly graceMs: number;
  /** Identifies the contents, for answers. */
  readonly fingerprint: string;
  /** Receives the share of the work that is done, 0 to 1. */
  readonly onProgress: (share: number) => void;
  /** Receives what a person may want to know, as one line. */
  readonly note: (line: string) => void;
  /** Gives up: the next load goes on. */
  readonly signal: AbortSignal;
}

/** Some records of a file are of other shapes: it must be converted first. */
export class MixedDatasetError extends Error {
  override readonly name = 'MixedDatasetError';
}

/** What was loaded. */
export interface Loaded {
  readonly counts: Counts;
  /** What the masters need for it, in bytes, and what the records alone have. */
  readonly storedBytes: number;
  readonly recordBytes: number;
}

/** How far a load is, as the store has it. */
interface LoadState {
  /** Identifies the files. */
  readonly source: string;
  readonly id: string;
  readonly seed: KeySeed;
  readonly layout: RunLayout;
  /** The number of all records. */
  readonly records: number;
  /** What the masters used before. */
  readonly usedBytes: number;
  /** Where the next step begins: in which file, at which byte, at which record. Undefined until all buckets have their marks. */
  readonly at:
    | { readonly part: number; readonly offset: number; readonly record: number; readonly bytes: number }
    | undefined;
}

/** A file, with what is known of it after it was counted. */
interface Part {
  readonly plan: ShardPlan;
  /** The number of its first record, among all. */
  readonly firstRecord: number;
  /** The number of the first record of each shard, among all, by the shard's start. */
  readonly shardRecords: ReadonlyMap<number, number>;
}

/**
 * Loads a dataset.
 *
 * @param datasets its files, in order
 * @throws DatasetError if a file can't be read, StoreAwayError if the store is away for long, StoreRefusalError if it has no room,
 *     MixedDatasetError if some records must be converted
 *     first, CommandError if it was given up
 */
export async function load(datasets: readonly Dataset[], options: LoadOptions): Promise<Loaded> {
  const loading = new Loading(datasets, options);
  return loading.run();
}

class Loading {
  private readonly datasets: readonly Dataset[];
  private readonly options: LoadOptions;
  private readonly keys: DatasetKeys;
  private readonly stop = newStopFlag();
  private readonly seen: SeenTwice;
  private readonly bytes: number;
  private readonly rooms: SharedArrayBuffer[] = [];
  private readonly lock: LoadLock;
  private counts: Counts = NOTHING_COUNTED;
  private replied = 0;
  private repeated = 0;
  private turnsMax = 1;

  constructor(datasets: readonly Dataset[], options: LoadOptions) {
    this.datasets = datasets;
    this.options = options;
    this.keys = new DatasetKeys(options.prefix);
    this.lock = new LoadLock(options, this.keys.lockOf(options.name));
    this.bytes = datasets.reduce((sum, { body }) => sum + (body.end - body.start), 0);
    this.seen = SeenTwice.forBytes(this.bytes);
  }

  async run(): Promise<Loaded> {
    const { signal } = this.options;
    const abort = () => stopAll(this.stop);
    signal.addEventListener('abort', abort);
    const release = await this.lock.take();
    try {
      return await this.runLocked();
    } finally {
      signal.removeEventListener('abort', abort);
      stopAll(this.stop);
      await release();
    }
  }

  private async runLocked(): Promise<Loaded> {
    const source = sourceOf(this.datasets);
    const interrupted = await this.lock.readJson<LoadState>(this.keys.loadOf(this.options.name));
    const versionKey = this.keys.versionOf(this.options.name);
    const current = await this.lock.readJson<StoredVersion>(versionKey);
    if (current !== undefined && current.format !== STORED_FORMAT) throw unreadable(versionKey);
    // A load that ended between the last two writes has left its state, but its version is whole: nodes serve it.
    const known = interrupted?.id === current?.id ? undefined : interrupted;
    if (current?.old !== undefined) await this.drop(current.old);
    const isSame = known?.source === source;
    if (known !== undefined && !isSame) {
      this.options.note('the files have changed since the last load was interrupted; it begins again');
      await this.drop({ id: known.id, buckets: known.layout.buckets, records: known.records });
    }
    const seed = isSame ? known.seed : newSeed();
    const parts = await this.count(seed);
    const state = isSame ? known : await this.begin(source, seed);
    if (isSame && state.at !== undefined)
      this.options.note(`an interrupted load goes on at ${percent(state.at.bytes / this.bytes)}`);
    await this.write(parts, state);
    await this.publish(parts, state, current);
    const storedBytes = (await usedBytes(this.options.connection)) - state.usedBytes;
    if (current !== undefined) {
      await delay(this.options.graceMs, undefined, { signal: this.options.signal }).catch(() => undefined);
      this.assertWanted();
      await this.dropOld(parts, state, sizeOf(current));
    }
    return { counts: this.counts, storedBytes, recordBytes: this.bytes };
  }

  /** Counts all files, and how often their runs occur. */
  private async count(seed: KeySeed): Promise<readonly Part[]> {
    const { pool, kernel } = this.options;
    const parts: Part[] = [];
    for (const dataset of this.datasets) {
      const plan = planShards(dataset, pool.workers, kernel);
      const firstRecord = this.counts.records;
      let own = NOTHING_COUNTED;
      const shardRecords = new Map<number, number>();
      const task = { dataset, seed, stop: this.stop, seen: this.seen.memory };
      for await (const { shard, result } of plan.run(
        (shard) => pool.countRuns({ ...task, shard }),
        pool.workers,
      )) {
        this.assertWanted();
        if (result.kind === 'failed') throw datasetErrorOf(dataset, result);
        shardRecords.set(shard.range.start, this.counts.records);
        own = addCounts(own, result.value.counts);
        this.addCounted(result.value);
      }
      const { skippedAt } = own;
      const { shapes } = this.options;
      if (withDataset(dataset, (fd) => hasConvertible(fd, dataset, skippedAt, shapes)))
        throw new MixedDatasetError('some records have other shapes');
      // Of several files, some may be empty.
      if (this.datasets.length === 1) assertNotEmpty(dataset, own);
      parts.push({ plan, firstRecord, shardRecords });
    }
    return parts;
  }

  private addCounted({ counts, replied, repeated, turnsMax }: CountedRuns): void {
    this.counts = addCounts(this.counts, counts);
    this.replied += replied;
    this.repeated += repeated;
    this.turnsMax = Math.max(this.turnsMax, turnsMax);
  }

  /** Begins a version. */
  private async begin(source: string, seed: KeySeed): Promise<LoadState> {
    const fields = this.replied + 2 * this.repeated;
    const layout = { buckets: Math.max(1, Math.ceil(fields / STORE_BUCKET_FIELDS)), turnsMax: this.turnsMax };
    const state = {
      source,
      id: randomBytes(4).toString('hex'),
      seed,
      layout,
      records: this.counts.records,
      usedBytes: await usedBytes(this.options.connection),
      at: undefined,
    };
    await this.lock.writeJson(this.keys.loadOf(this.options.name), state);
    return state;
  }

  /** Writes what the version lacks. */
  private async write(parts: readonly Part[], state: LoadState): Promise<void> {
    const { connection, name } = this.options;
    const stateKey = this.keys.loadOf(name);
    let at = state.at;
    if (at === undefined) {
      await this.mark(state);
      at = { part: 0, offset: 0, record: 0, bytes: 0 };
    }
    const writer = new StoreWriter(connection, this.keys, state.id, this.options.signal);
    for (const [i, part] of parts.entries()) {
      if (i < at.part) continue;
      at = await this.writePart(part, i, at, state, writer);
    }
    await writer.flush();
    await this.lock.writeJson(stateKey, { ...state, at: { ...at, part: parts.length, offset: 0 } });
  }

  private async writePart(
    { plan, firstRecord, shardRecords }: Part,
    index: number,
    from: NonNullable<LoadState['at']>,
    state: LoadState,
    writer: StoreWriter,
  ): Promise<NonNullable<LoadState['at']>> {
    const { pool, name } = this.options;
    const { dataset } = plan;
    const task = { dataset, seed: state.seed, stop: this.stop, seen: this.seen.memory, layout: state.layout };
    const isBegun = from.part === index && from.offset > 0;
    const start = isBegun ? byteOffset(from.offset) : dataset.body.start;
    let at = isBegun ? from : { ...from, part: index, offset: Number(start), record: firstRecord };
    const used: ArrayBufferLike[] = [];
    // Each shard that waits for those before it holds its memory.
    const ahead = 2 * pool.workers;
    const results = plan.run(
      (shard) => {
        const first = shardRecords.get(shard.range.start) ?? 0;
        return pool.storeShard({ ...task, shard, firstRecord: first, room: this.room() });
      },
      pool.workers,
      ahead,
      start,
    );
    for await (const { result } of results) {
      this.assertWanted();
      if (result.kind === 'failed') throw datasetErrorOf(dataset, result);
      const { value } = result;
      writer.add(value, at.record);
      used.push(value.stored.bytes.buffer);
      const bytes = at.bytes + Number(value.next) - at.offset;
      at = { part: index, offset: Number(value.next), record: at.record + value.records, bytes };
      const { waiting } = writer;
      if (waiting.bytes < STORE_STEP_BYTES && waiting.fields < STORE_STEP_FIELDS) continue;
      await writer.flush();
      this.rooms.push(...(used.splice(0) as SharedArrayBuffer[]));
      await this.lock.writeJson(this.keys.loadOf(name), { ...state, at });
      this.options.onProgress(at.bytes / this.bytes);
    }
    return at;
  }

  private room(): SharedArrayBuffer {
    return this.rooms.pop() ?? new SharedArrayBuffer(SHARD_BYTES + SHARD_BYTES / 4);
  }

  /** Gives all buckets the field that shows that they are there. */
  private async mark({ id, layout }: LoadState): Promise<void> {
    for (let from = 0; from < layout.buckets; from += STORE_STEP_FIELDS) {
      this.assertWanted();
      const commands = Array.from({ length: Math.min(STORE_STEP_FIELDS, layout.buckets - from) }, (_, i) => {
        const key = this.keys.bucket(id, from + i);
        return { key, command: ['HSET', key, BUCKET_MARK, ''] };
      });
      await writeWhole(this.options.connection, commands, this.options.signal);
    }
  }

  /** Makes nodes use the version. */
  private async publish(
    parts: readonly Part[],
    state: LoadState,
    current: StoredVersion | undefined,
  ): Promise<void> {
    const { name } = this.options;
    const old = current === undefined ? undefined : sizeOf(current);
    await this.lock.writeJson(this.keys.versionOf(name), this.versionOf(parts, state, old));
    await this.lock.delete(this.keys.loadOf(name));
  }

  private versionOf(
    parts: readonly Part[],
    { id, seed, layout }: LoadState,
    old: VersionSize | undefined,
  ): StoredVersion {
    const sources = this.datasets.map(({ source }) => source);
    return {
      format: STORED_FORMAT,
      id,
      seed,
      layout,
      parts: parts.map(({ firstRecord }) => firstRecord),
      counts: this.counts,
      bytes: sources.reduce((sum, { size }) => sum + size, 0),
      files: sources.length,
      fingerprint: this.options.fingerprint,
      modifiedMs: Math.max(...sources.map(({ mtimeMs }) => mtimeMs)),
      old,
    };
  }

  private async dropOld(parts: readonly Part[], state: LoadState, old: VersionSize): Promise<void> {
    await this.drop(old);
    await this.lock.writeJson(
      this.keys.versionOf(this.options.name),
      this.versionOf(parts, state, undefined),
    );
  }

  /** Deletes all keys that a version may have. */
  private async drop({ id, buckets, records }: VersionSize): Promise<void> {
    const drop = async (count: number, keyOf: (number: number) => string) => {
      for (let from = 0; from < count; from += STORE_STEP_FIELDS) {
        this.assertWanted();
        const commands = Array.from({ length: Math.min(STORE_STEP_FIELDS, count - from) }, (_, i) => {
          const key = keyOf(from + i);
          return { key, command: ['UNLINK', key] };
        });
        await writeWhole(this.options.connection, commands, this.options.signal);
      }
    };
    await drop(buckets, (number) => this.keys.bucket(id, number));
    await drop(records, (number) => this.keys.record(id, number));
  }

  /** @throws CommandError once the load was given up */
  private assertWanted(): void {
    if (this.options.signal.aborted) throw new CommandError('the load was interrupted; the next one goes on');
  }
}

/** Identifies the contents of files. */
function sourceOf(datasets: readonly Dataset[]): string {
  return datasets.map(({ file, source }) => `${digestOf(file)} ${source.size} ${source.mtimeMs}`).join();
}

function sizeOf({ id, layout, counts }: StoredVersion): VersionSize {
  return { id, buckets: layout.buckets, records: counts.records };
}

function newSeed(): KeySeed {
  const bytes = randomBytes(8);
  return { low: bytes.readUInt32LE(0), high: bytes.readUInt32LE(4) };
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}
