/** The face of the threads that read the dataset, to the main thread: typed tasks in, outcomes out, no exceptions. */

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
import { Threads } from './threads.js';

/** A fixed number of threads. */
export class WorkerPool {
  /** How many threads there are. */
  readonly workers: number;
  private readonly threads: Threads;

  /** @param keyBits how much of a key the kernels keep: see `Kernel` */
  constructor(workers: number, keyBits: number = KEY_BITS) {
    this.workers = workers;
    this.threads = new Threads({
      filename: new URL('./thread.js', import.meta.url),
      threads: workers,
      // The next task is with its thread before the last one is done: a main thread that is busy delays none.
      tasksAhead: 2,
      // Compiled once for all.
      workerData: { module: kernelModule(), keyBits } satisfies WorkerSetup,
    });
  }

  /** How many tasks wait for a thread. */
  get queue(): number {
    return this.threads.queue;
  }

  /** Sets what is called when a thread has died, and is replaced. */
  set onDeath(act: () => void) {
    this.threads.onDeath = act;
  }

  /** How many threads have died so far, and were replaced. */
  get deaths(): number {
    return this.threads.deaths;
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

  /** Waits for the tasks that run or wait, and ends the threads. */
  close(): Promise<void> {
    return this.threads.close();
  }

  private run<T>(name: keyof typeof thread, task: object): Promise<Outcome<T>> {
    return this.threads.run(name, task);
  }
}
