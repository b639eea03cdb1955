import { AppError } from '../core/errors.js';
import { LOOKUPS_MAX } from '../core/limits.js';
import type { DatasetReader } from '../dataset/reader.js';
import type { Kernel } from '../kernel/kernel.js';
import { KEPT } from '../kernel/sketches.js';
import type { WorkerPool } from '../workers/pool.js';
import type { ShardPlan } from '../workers/shard-run.js';
import { newStopFlag, stopAll } from '../workers/stop-flag.js';
import type { FoundTurn, SharedSketch } from '../workers/tasks.js';
import type { Candidates, NearestQuery } from './lookup.js';
import { candidateAt, searchFor, soughtBy } from './nearest.js';

/** A search that waits for a sweep. */
interface PendingSearch {
  readonly sketches: readonly SharedSketch[];
  readonly resolve: (found: readonly (readonly FoundTurn[])[]) => void;
  readonly reject: (reason: unknown) => void;
}

/** Finds the turns that are nearest to a prompt by sweeps, which all searches share that wait when one begins. */
export class NearestSweep {
  private readonly plan: ShardPlan;
  private readonly pool: WorkerPool;
  private readonly kernel: Kernel;
  private readonly reader: DatasetReader;
  private waiting: PendingSearch[] = [];
  private sweeping: Promise<void> | undefined;

  constructor(plan: ShardPlan, pool: WorkerPool, kernel: Kernel, reader: DatasetReader) {
    this.plan = plan;
    this.pool = pool;
    this.kernel = kernel;
    this.reader = reader;
  }

  async candidates(asked: NearestQuery, signal?: () => AbortSignal): Promise<Candidates> {
    const all = soughtBy(asked.query, asked.isAnswer);
    const sketches = all.flatMap((each) => searchFor(each, asked, this.kernel) ?? []);
    if (sketches.length < all.length || all.length === 0) return [];
    if (this.waiting.length >= LOOKUPS_MAX) throw new AppError('overloaded');
    const found = await new Promise<readonly (readonly FoundTurn[])[]>((resolve, reject) => {
      this.waiting.push({ sketches, resolve, reject });
      this.sweeping ??= this.sweepWhileWanted();
    });
    signal?.().throwIfAborted();
    return found.map((turns) =>
      turns.map((turn) => candidateAt({ ...turn, order: turn.at }, asked.query, this.reader)),
    );
  }

  /** Resolves when no search needs the pool any more. */
  get ended(): Promise<unknown> {
    return this.sweeping ?? Promise.resolve();
  }

  private async sweepWhileWanted(): Promise<void> {
    while (this.waiting.length > 0) {
      const searches = this.waiting;
      this.waiting = [];
      try {
        const found = await this.sweep(searches.flatMap(({ sketches }) => sketches));
        let at = 0;
        for (const { sketches, resolve } of searches) {
          resolve(found.slice(at, at + sketches.length));
          at += sketches.length;
        }
      } catch (error) {
        for (const { reject } of searches) reject(error);
      }
    }
    this.sweeping = undefined;
  }

  /** The nearest turns of the whole dataset for each sketch. */
  private async sweep(sought: readonly SharedSketch[]): Promise<readonly (readonly FoundTurn[])[]> {
    const { dataset, seed } = this.plan;
    const stop = newStopFlag();
    let nearest: readonly (readonly FoundTurn[])[] = sought.map(() => []);
    let turns = 0;
    let records = 0;
    const run = this.plan.run(
      (shard) => this.pool.findNearest({ dataset, shard, seed, stop, sought }),
      this.pool.workers,
    );
    try {
      for await (const { result } of run) {
        if (result.kind === 'failed') throw new AppError(result.code, { cause: result });
        const { value } = result;
        nearest = nearest.map((before, i) => nearestOf(before, value.found[i] ?? [], turns, records));
        turns += value.turns;
        records += value.records;
      }
    } finally {
      stopAll(stop);
    }
    return nearest;
  }
}

/** The nearest of the turns before and those of the next shard, whose numbers count from its start. */
function nearestOf(
  before: readonly FoundTurn[],
  found: readonly FoundTurn[],
  turns: number,
  records: number,
): readonly FoundTurn[] {
  const moved = found.map(({ at, prompt, pair, ...same }) => ({
    ...same,
    at: at + turns,
    prompt: { ...prompt, record: prompt.record + records },
    pair: { ...pair, record: pair.record + records },
  }));
  return [...before, ...moved].sort((a, b) => a.distance - b.distance || a.at - b.at).slice(0, KEPT);
}
