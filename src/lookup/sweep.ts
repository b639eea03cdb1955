import { setImmediate, setTimeout } from 'node:timers/promises';
import { AppError } from '../core/errors.js';
import { LOOKUPS_MAX } from '../core/limits.js';
import { bestGrade } from '../core/match.js';
import type { Place } from '../core/place.js';
import type { KeyedQuery, Query } from '../core/query.js';
import { inSlices } from '../core/steps.js';
import type { DatasetReader } from '../dataset/reader.js';
import { type Kernel, WANTED_BYTES } from '../kernel/kernel.js';
import type { WorkerPool } from '../workers/pool.js';
import type { ShardPlan } from '../workers/shard-run.js';
import { shareQueries } from '../workers/shared-queries.js';
import { newStopFlag, stopAll } from '../workers/stop-flag.js';
import { keysOf } from './keyed.js';
import type { Lookup, Match } from './lookup.js';
import { matchWhole, verifyMatch } from './verify.js';

/** A sweep reads about a million bytes per millisecond: lookups are gathered for at most a twentieth of its duration. */
const GATHERED_BYTES_A_MS = 20_000_000;

/** A lookup that waits for a sweep, or takes part in one. */
interface PendingLookup {
  readonly query: Query;
  readonly keys: KeyedQuery;
  best: Place | undefined;
  /** True once it has its answer, or was aborted. */
  isSettled: boolean;
  readonly resolve: (best: Place | undefined) => void;
  readonly reject: (reason: unknown) => void;
}

type WholeMatch = ReturnType<typeof matchWhole>;

/** The number of sweeps, and of the lookups that they answered. */
export interface SweepCount {
  sweeps: number;
  lookups: number;
}

/**
 * The engine that keeps nothing in memory: it reads the dataset until the answer is certain. Lookups share sweeps: all that wait when one
 * starts take part in it, and later ones take part in the next. (The idea: Crescando's clock scan, Unterbrunner et al., 2009.)
 */
export class SweepLookup implements Lookup {
  private readonly plan: ShardPlan;
  private readonly pool: WorkerPool;
  private readonly kernel: Kernel;
  private readonly reader: DatasetReader;
  private waiting: PendingLookup[] = [];
  private readonly lookups = new Set<Promise<unknown>>();
  private sweeping: Promise<void> | undefined;
  private readonly count: SweepCount;

  /** @param count incremented for every sweep */
  constructor(
    plan: ShardPlan,
    pool: WorkerPool,
    kernel: Kernel,
    reader: DatasetReader,
    count: SweepCount = { sweeps: 0, lookups: 0 },
  ) {
    this.count = count;
    this.plan = plan;
    this.pool = pool;
    this.kernel = kernel;
    this.reader = reader;
  }

  /** The number of lookups without an answer. */
  get unanswered(): number {
    return this.lookups.size;
  }

  get isImmediate(): false {
    return false;
  }

  async find(query: Query, signal?: () => AbortSignal): Promise<Match | undefined> {
    if (this.lookups.size >= LOOKUPS_MAX) throw new AppError('overloaded');
    const lookup = this.search(query, signal?.());
    this.lookups.add(lookup);
    try {
      return await lookup;
    } finally {
      this.lookups.delete(lookup);
    }
  }

  private async search(query: Query, signal: AbortSignal | undefined): Promise<Match | undefined> {
    const keys = await keysOf(query, this.kernel, this.plan.seed, signal && (() => signal));
    const best = await this.best(query, keys, signal);
    if (best === undefined) return undefined;
    return verifyMatch(query, best, this.reader)?.match ?? (await this.findByTexts(query, keys, signal));
  }

  /** Settles when all current lookups have their answers. Unless others arrive, the pool isn't needed after that. */
  get ended(): Promise<unknown> {
    return Promise.allSettled(this.lookups);
  }

  /** The best candidate in the whole dataset, judged by keys alone. */
  private best(query: Query, keys: KeyedQuery, signal: AbortSignal | undefined): Promise<Place | undefined> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const settle = (act: () => void) => {
        if (lookup.isSettled) return;
        lookup.isSettled = true;
        signal?.removeEventListener('abort', onAbort);
        act();
      };
      const lookup: PendingLookup = {
        query,
        keys,
        best: undefined,
        isSettled: false,
        resolve: (best) => settle(() => resolve(best)),
        reject: (reason) => settle(() => reject(reason)),
      };
      const onAbort = () => lookup.reject(signal?.reason);
      signal?.addEventListener('abort', onAbort);
      this.waiting.push(lookup);
      this.sweeping ??= this.sweepWhileWanted();
    });
  }

  private async sweepWhileWanted(): Promise<void> {
    while (this.waiting.length > 0) {
      await this.gather();
      const lookups = this.waiting.filter(({ isSettled }) => !isSettled);
      this.waiting = [];
      if (lookups.length === 0) continue;
      try {
        await this.sweep(lookups);
      } catch (error) {
        for (const lookup of lookups) lookup.reject(error);
      }
    }
    this.sweeping = undefined;
  }

  /** Waits while more lookups arrive in quick succession, up to a small part of a sweep's duration. */
  private async gather(): Promise<void> {
    const { start, end } = this.plan.dataset.body;
    const longestMs = (end - start) / GATHERED_BYTES_A_MS;
    const startMs = performance.now();
    let before: number;
    do {
      before = this.waiting.length;
      await (longestMs >= 1 ? setTimeout(1) : setImmediate());
    } while (this.waiting.length > before && performance.now() - startMs < longestMs);
  }

  private async sweep(lookups: readonly PendingLookup[]): Promise<void> {
    const isOver = () => lookups.every(({ isSettled }) => isSettled);
    this.count.sweeps++;
    this.count.lookups += lookups.length;
    for await (const { found, recordsBefore } of this.shardsWith(lookups, false, isOver)) {
      for (const [i, lookup] of lookups.entries()) {
        const place = found[i]?.[0];
        if (place === undefined || place.grade <= (lookup.best?.grade ?? 0)) continue;
        lookup.best = { ...place, record: recordsBefore + place.record };
        // Results arrive in file order, not in the order in which shards complete: this is the first match in the file.
        if (place.grade === bestGrade(lookup.keys)) lookup.resolve(lookup.best);
      }
    }
    for (const lookup of lookups) lookup.resolve(lookup.best);
  }

  /** Finds the match by comparing the texts of all candidates. Needed only after a key collision, which is very rare. */
  private async findByTexts(
    query: Query,
    keys: KeyedQuery,
    signal: AbortSignal | undefined,
  ): Promise<Match | undefined> {
    let best: WholeMatch;
    const isOver = () => signal?.aborted === true;
    for await (const { found, recordsBefore } of this.shardsWith([{ query, keys }], true, isOver)) {
      const places = (found[0] ?? []).map((place) => ({ ...place, record: recordsBefore + place.record }));
      best = await inSlices(this.bestOf(query, places, best), signal && (() => signal));
    }
    signal?.throwIfAborted();
    return best?.match;
  }

  /** The best match among `before` and the places, which are in file order. Of equally good matches the earliest wins. */
  private *bestOf(query: Query, places: readonly Place[], before: WholeMatch): Generator<void, WholeMatch> {
    let best = before;
    for (const place of places) {
      const match = matchWhole(query, place, this.reader);
      if (match !== undefined && match.grade > (best?.grade ?? 0)) best = match;
      yield;
    }
    return best;
  }

  /** Sweeps the shards, and yields each shard's candidates for the queries, in file order. */
  private async *shardsWith(
    asked: readonly Pick<PendingLookup, 'query' | 'keys'>[],
    exhaustive: boolean,
    isOver: () => boolean,
  ): AsyncGenerator<{ found: readonly (readonly Place[])[]; recordsBefore: number }> {
    const stop = newStopFlag();
    const queries = shareQueries(asked.map(({ keys }) => keys));
    const wanted = this.wantedBy(asked);
    let recordsBefore = 0;
    let conversations = 0;
    const { dataset, seed } = this.plan;
    try {
      const results = this.plan.run(
        (shard) => this.pool.sweepShard({ dataset, shard, seed, stop, queries, wanted, exhaustive }),
        this.pool.workers,
      );
      for await (const { result } of results) {
        if (isOver()) return;
        if (result.kind === 'failed') throw new AppError(result.code, { cause: result });
        yield { found: result.value.found, recordsBefore };
        if (isOver()) return;
        recordsBefore += result.value.records;
        conversations += result.value.conversations;
      }
      // A file that is still being written may have no conversations yet: a miss would be wrong, since the complete file may hold the
      // prompt.
      if (conversations === 0) throw new AppError('dataset_invalid');
    } finally {
      stopAll(stop);
    }
  }

  /** The texts that the kernels of all workers search for. */
  private wantedBy(asked: readonly Pick<PendingLookup, 'keys'>[]): Uint8Array {
    this.kernel.wantNone();
    for (const { keys } of asked) {
      for (const history of keys.histories) {
        for (const [i, text] of history.entries()) {
          this.kernel.want(text, keys.contextual && i === history.length - 1);
        }
      }
    }
    const shared = new Uint8Array(new SharedArrayBuffer(WANTED_BYTES));
    shared.set(this.kernel.wanted);
    return shared;
  }
}
