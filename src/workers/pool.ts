/** The worker threads' face to the main thread: typed tasks in, outcomes out, no exceptions. */

import { createRequire } from 'node:module';
import type { Failure } from '../core/errors.js';
import { KEY_BITS, kernelModule } from '../kernel/kernel.js';
import type {
  CensusTask,
  IndexTask,
  Outcome,
  ShardCensus,
  ShardSweep,
  SweepTask,
  WorkerSetup,
} from './tasks.js';
import type * as thread from './thread.js';

// By require, since import() reads a CommonJS module a second time for its names: that takes as long as the first.
const { Piscina } = createRequire(import.meta.url)('piscina') as typeof import('piscina');

/** A fixed number of threads. Tasks wait in one queue, first come, first served. */
export class WorkerPool {
  /** How many threads there are. */
  readonly workers: number;
  private readonly piscina: InstanceType<typeof Piscina>;
  private readonly running = new Set<Promise<unknown>>();
  private closing: Promise<void> | undefined;

  /** @param keyBits how much of a key the kernels keep: see `Kernel` */
  constructor(workers: number, keyBits: number = KEY_BITS) {
    this.workers = workers;
    this.piscina = new Piscina({
      filename: new URL('./thread.js', import.meta.url).href,
      minThreads: workers,
      maxThreads: workers,
      // Without it, a task that finds no free thread at once goes behind all that came after it.
      stricterFIFO: true,
      // The next task is with its thread before the last one is done: a main thread that is busy delays none.
      concurrentTasksPerWorker: 2,
      // Compiled once for all.
      workerData: { module: kernelModule(), keyBits } satisfies WorkerSetup,
    });
  }

  /** Counts what a shard holds, and keeps its part of an index. */
  takeCensus(task: CensusTask): Promise<Outcome<ShardCensus>> {
    return this.run('takeCensus', task);
  }

  /** Searches a shard. */
  sweepShard(task: SweepTask): Promise<Outcome<ShardSweep>> {
    return this.run('sweepShard', task);
  }

  /** Makes one half of an index. */
  makeIndex(task: IndexTask): Promise<Outcome<undefined>> {
    return this.run('makeIndex', task);
  }

  /** Waits for the tasks that run or wait, and ends the threads. Whoever wants it quick stops the tasks by their flags. */
  close(): Promise<void> {
    this.closing ??= this.closeOnce();
    return this.closing;
  }

  private async closeOnce(): Promise<void> {
    await Promise.all(this.running);
    // A thread that is ended while it loads its modules may take the process with it. Idle threads get a task each.
    const name: keyof typeof thread = 'isLoaded';
    const loaded = Array.from({ length: this.workers }, () => this.piscina.run(undefined, { name }));
    await Promise.allSettled(loaded);
    await this.piscina.destroy();
  }

  private async run<T>(name: keyof typeof thread, task: object): Promise<Outcome<T>> {
    if (this.closing !== undefined) return failed('the pool is closed');
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
