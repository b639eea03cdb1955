import { AppError } from '../core/errors.js';
import { after, type MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import type { Rule } from '../core/rules.js';
import type { Dataset } from '../dataset/dataset.js';
import { digestOf } from '../dataset/digest.js';
import { identityAt, isSameFile } from '../dataset/file.js';
import { DatasetReader } from '../dataset/reader.js';
import type { IndexTable } from '../index/table.js';
import type { Kernel } from '../kernel/kernel.js';
import type { Sketches } from '../kernel/sketches.js';
import type { WorkerPool } from '../workers/pool.js';
import type { ShardPlan } from '../workers/shard-run.js';
import { IndexLookup } from './indexed.js';
import type { Candidates, Lookup, Match, NearestLookup, NearestQuery, Sharing, Similar } from './lookup.js';
import { NearestSweep } from './nearest-sweep.js';
import { type RuledTable, RuledTurns } from './ruled.js';
import { type SweepCount, SweepLookup } from './sweep.js';
import { WholeLookup } from './whole.js';

/** As many as OpenAI's fingerprints have. */
const FINGERPRINT_DIGITS = 10;

/** One state of the dataset's file and its lookups: sweeps, or the index once there is one. */
export class Edition implements Lookup, NearestLookup {
  readonly dataset: Dataset;
  private readonly kernel: Kernel;
  readonly reader: DatasetReader;
  private index: IndexLookup | undefined;
  private tables: readonly IndexTable[] = [];
  private whole: WholeLookup | undefined;
  private sweep: SweepLookup | undefined;
  private ruled: MaybePromise<RuledTurns> | undefined;
  private makeRuled: (() => Promise<RuledTurns>) | undefined;
  private nearestSweep: NearestSweep | undefined;
  private digest: string | undefined;

  /**
   * @param reader reads the file; by default the file is opened
   * @throws the errors of opening the file
   */
  constructor(dataset: Dataset, kernel: Kernel, reader = new DatasetReader(dataset.file)) {
    this.dataset = dataset;
    this.kernel = kernel;
    this.reader = reader;
  }

  /**
   * The file after it has grown. It has no lookup yet. This edition can still read the file, until the other one is closed.
   *
   * @throws FileChangedError if the file has changed other than by growing, or what `node:fs` throws
   */
  grown(dataset: Dataset): Edition {
    this.reader.follow(dataset.file);
    return new Edition(dataset, this.kernel, this.reader);
  }

  /**
   * Answers by sweeps until there is an index.
   *
   * @param sweepCount incremented for every sweep
   */
  useSweeps(plan: ShardPlan, pool: WorkerPool, sweepCount: SweepCount): void {
    this.sweep = new SweepLookup(plan, pool, this.kernel, this.reader, sweepCount);
    this.nearestSweep = new NearestSweep(plan, pool, this.kernel, this.reader);
  }

  /**
   * Answers by an index of the file from now on. Tables that the index before it has, too, keep their sketches.
   *
   * @param tables in file order; their keys have the same seed. Together they have all records of the file, each once
   */
  useIndex(tables: readonly IndexTable[]): void {
    const index = new IndexLookup(tables, this.kernel, this.reader);
    for (const table of tables) {
      const sketches = this.sketchesOf(table);
      if (sketches !== undefined) index.useSketches(table, sketches);
    }
    this.index = index;
    this.tables = tables;
    this.whole = undefined;
  }

  /** False until there is an engine to answer with. */
  get canAnswer(): boolean {
    return (this.index ?? this.sweep) !== undefined;
  }

  /** The engine that answers now. */
  get engine(): 'sweep' | 'index' {
    return this.index === undefined ? 'sweep' : 'index';
  }

  /** Identifies the file's contents; undefined if the file can't be read at the moment. */
  get fingerprint(): string | undefined {
    try {
      this.digest ??= this.reader.digest ?? digestOf(this.dataset.file);
    } catch {
      // The operation that needs the fingerprint reports that the file has changed or can't be read.
    }
    return this.digest && `fp_${this.digest.slice(0, FINGERPRINT_DIGITS)}`;
  }

  /**
   * True if the path now holds another file, or another state of it. False while the path doesn't exist: the open file can still be read.
   */
  get hasChanged(): boolean {
    const { file } = this.dataset;
    const now = identityAt(file.path);
    return now !== undefined && !isSameFile(now, file);
  }

  /** True if bytes were appended to the file, and nothing else has changed; so far as a digest shows. */
  get hasOnlyGrown(): boolean {
    const now = identityAt(this.dataset.file.path);
    try {
      return now !== undefined && this.reader.hasOnlyGrown(now);
    } catch {
      // The operation that needs the file reports that it can't be read.
      return false;
    }
  }

  /** The number of lookups that wait for a sweep. */
  get waiting(): number {
    return this.sweep?.unanswered ?? 0;
  }

  get isImmediate(): boolean {
    return this.index !== undefined;
  }

  /** @throws AppError if the dataset can't be read, or if there are too many lookups */
  find(query: Query, signal?: () => AbortSignal): MaybePromise<Match | undefined> {
    const lookup: Lookup | undefined = this.index ?? this.sweep;
    if (lookup === undefined) throw new AppError('dataset_changed');
    const found = lookup.find(query, signal);
    return this.makeRuled === undefined ? found : after(found, (match) => match ?? this.findRuled(query));
  }

  /**
   * Finds recordings: see `WholeLookup`.
   *
   * @throws AppError, synchronously or as a rejection, if the dataset can't be read, or if there is no index
   */
  findWhole(query: Query, signal?: () => AbortSignal): MaybePromise<Match | undefined> {
    if (this.index === undefined) throw new AppError('dataset_changed');
    this.whole ??= new WholeLookup(this.tables, this.kernel, this.reader);
    return this.whole.find(query, signal);
  }

  /** A turn that equals the prompt after rules were applied to both; undefined without rules. */
  private findRuled(query: Query): MaybePromise<Match | undefined> {
    return after(this.ruledTurns(), (ruled) => ruled?.find(query));
  }

  /**
   * Looks up prompts that aren't found by the turns that `make` makes from now on. Misses wait for them. If `make` fails, the next miss
   * calls it again.
   */
  useRuled(make: () => Promise<RuledTurns>): void {
    this.makeRuled = make;
    this.ruledTurns();
  }

  private ruledTurns(): MaybePromise<RuledTurns> | undefined {
    if (this.ruled !== undefined || this.makeRuled === undefined) return this.ruled;
    const making = this.makeRuled();
    const keep = (ruled: RuledTurns) => {
      this.ruled = ruled;
    };
    const forget = (error: unknown) => {
      this.ruled = undefined;
      if (!(error instanceof AppError)) throw error;
    };
    making.then(keep, forget);
    this.ruled = making;
    return making;
  }

  /** Turns that are found by rules. */
  ruledBy(tables: readonly RuledTable[], rules: readonly Rule[]): RuledTurns {
    return new RuledTurns(tables, rules, this.kernel, this.reader);
  }

  /** A turn in the index that resembles a prompt without a reply. Sweeps find none. */
  similar(query: Query, signal?: () => AbortSignal): MaybePromise<Similar | undefined> {
    return this.index?.similar(query, signal);
  }

  /** Finds the nearest turns of a table by these sketches from now on. Does nothing if the index doesn't have the table. */
  useSketches(table: IndexTable, sketches: Sketches): void {
    this.index?.useSketches(table, sketches);
  }

  /** The sketches of a table of the index; undefined without them. */
  sketchesOf(table: IndexTable): Sketches | undefined {
    return this.index?.sketchesOf(table);
  }

  /** True once the nearest turns can be found by an index: all its tables have sketches. */
  get hasSketches(): boolean {
    return this.index?.hasSketches ?? false;
  }

  /** The turns whose sketches are nearest; none of tables of the index without sketches. */
  candidates(asked: NearestQuery, signal?: () => AbortSignal): MaybePromise<Candidates> {
    return (this.index ?? this.nearestSweep)?.candidates(asked, signal) ?? [];
  }

  /** The turns that have the prompt of a query; undefined without an index. */
  sharing(query: Query, signal?: () => AbortSignal): MaybePromise<Sharing | undefined> {
    return this.index?.sharing(query, signal);
  }

  /** Resolves when no sweep needs the pool any more. */
  async sweepsEnded(): Promise<void> {
    await this.sweep?.ended;
    await this.nearestSweep?.ended;
  }

  /** Closes the file. Lookups that still have to read fail as if the file had changed. */
  close(): void {
    this.reader.close();
  }
}
