/** The worker threads' face to the main thread: typed tasks in, outcomes out, no exceptions. */

import { Piscina } from 'piscina';
import type { Failure } from '../core/errors.js';
import type { RangeSurvey } from '../core/survey.js';
import type { Counts, FindResult, FindTask, Outcome, RangeTask, ShardTask } from './tasks.js';
import type * as thread from './thread.js';

/** A fixed number of threads. Tasks wait in one queue, first come, first served. */
export class WorkerPool {
  /** How many threads there are. */
  readonly workers: number;
  private readonly piscina: Piscina;
  private readonly running = new Set<Promise<unknown>>();
  private closed = false;

  constructor(workers: number) {
    this.workers = workers;
    this.piscina = new Piscina({
      filename: new URL('./thread.js', import.meta.url).href,
      minThreads: workers,
      maxThreads: workers,
      // Without it, a task that finds no free thread at once goes behind all that came after it.
      stricterFIFO: true,
    });
  }

  /** Reads a range of an array under both hypotheses. */
  surveyRange(task: RangeTask): Promise<Outcome<RangeSurvey>> {
    return this.run('surveyRange', task);
  }

  /** Finds the offset after the first line feed of a range; undefined if it has none. */
  findLineStart(task: RangeTask): Promise<Outcome<number | undefined>> {
    return this.run('findLineStart', task);
  }

  /** Counts what a shard holds. */
  countShard(task: ShardTask): Promise<Outcome<Counts>> {
    return this.run('countShard', task);
  }

  /** Searches a shard. */
  findInShard(task: FindTask): Promise<Outcome<FindResult>> {
    return this.run('findInShard', task);
  }

  /** Waits for the tasks that run or wait, and ends the threads. Whoever wants it quick stops the tasks by their flags. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all(this.running);
    await this.piscina.destroy();
  }

  private async run<T>(name: keyof typeof thread, task: object): Promise<Outcome<T>> {
    if (this.closed) return failed('the pool is closed');
    const running = this.piscina.run(task, { name }).catch((error: unknown) => failed(String(error)));
    this.running.add(running);
    const outcome = (await running) as Outcome<T>;
    this.running.delete(running);
    return outcome;
  }
}

/** A thread died, or could not be given its task. */
function failed(detail: string): Failure {
  return { kind: 'failed', code: 'worker_failed', detail };
}
