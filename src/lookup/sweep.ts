import { AppError } from '../core/errors.js';
import { LOOKUPS_MAX } from '../core/limits.js';
import { bestGrade } from '../core/match.js';
import type { Query } from '../core/query.js';
import type { ShardPlan } from '../core/shards.js';
import type { WorkerPool } from '../workers/pool.js';
import { newStopFlag, stopAll } from '../workers/stop-flag.js';
import type { ShardCandidate } from '../workers/tasks.js';
import type { Dataset } from './dataset.js';
import type { Lookup, Match } from './lookup.js';

/** The engine that keeps nothing: every lookup reads the dataset, a task a shard, until its answer is certain. */
export class SweepLookup implements Lookup {
  private readonly dataset: Dataset;
  private readonly plan: ShardPlan;
  private readonly pool: WorkerPool;
  private running = 0;

  constructor(dataset: Dataset, plan: ShardPlan, pool: WorkerPool) {
    this.dataset = dataset;
    this.plan = plan;
    this.pool = pool;
  }

  async find(query: Query, signal?: AbortSignal): Promise<Match | undefined> {
    if (this.running >= LOOKUPS_MAX) throw new AppError('overloaded');
    this.running++;
    try {
      return await this.sweep(query, signal);
    } finally {
      this.running--;
    }
  }

  private async sweep(query: Query, signal: AbortSignal | undefined): Promise<Match | undefined> {
    signal?.throwIfAborted();
    const { file, format } = this.dataset;
    const stop = newStopFlag();
    const onAbort = () => stopAll(stop);
    signal?.addEventListener('abort', onAbort);
    try {
      const tasks = this.plan.shards.map((shard) =>
        this.pool.findInShard({ file, format, shard, query, stop }),
      );
      const unbeatable = bestGrade(query);
      let best: { candidate: ShardCandidate; recordsBefore: number } | undefined;
      let recordsBefore = 0;
      // In file order, whichever comes in first: a match counts only once all shards before it are known.
      for (const task of tasks) {
        const outcome = await task;
        signal?.throwIfAborted();
        if (outcome.kind === 'failed') throw new AppError(outcome.code, { cause: outcome });
        const { best: candidate, records } = outcome.value;
        if (candidate !== undefined && candidate.grade > (best?.candidate.grade ?? 0)) {
          best = { candidate, recordsBefore };
          if (candidate.grade === unbeatable) break;
        }
        recordsBefore += records;
      }
      return best && matchOf(best.candidate, best.recordsBefore);
    } finally {
      signal?.removeEventListener('abort', onAbort);
      stopAll(stop);
    }
  }
}

/** @param recordsBefore how many records stand in the shards before */
function matchOf(candidate: ShardCandidate, recordsBefore: number): Match {
  const { rung, reply, replyIndex, conversationId, record } = candidate;
  return { rung, reply, replyIndex, conversationId: conversationId ?? String(recordsBefore + record) };
}
