import { createRequire } from 'node:module';
import type { Worker } from 'node:worker_threads';
import type { TaskFailure } from '../core/errors.js';
import { TASK_TRIES_MAX, THREADS_AGAIN_MS } from '../core/limits.js';
import type { TaskResult } from './tasks.js';

// Uses `require`, because `import()` reads a CommonJS module a second time to find its export names, which takes as long as the first.
const { Piscina } = createRequire(import.meta.url)('piscina') as typeof import('piscina');

/** How the threads of a pool are started. */
interface ThreadOptions {
  /** The module whose exported functions are the tasks. One of them must be `isLoaded`. */
  readonly filename: URL;
  /** The number of threads. It is constant. */
  readonly threads: number;
  /** How many tasks a thread is given at once, including the one that it runs. */
  readonly tasksAhead: number;
  /** The size of V8's young generation, in MiB; V8's default if undefined. */
  readonly youngMiB?: number;
  /** Passed to each thread when it starts. */
  readonly workerData: unknown;
  /** Called with the id of each thread that has ended. */
  readonly onEnd?: (threadId: number) => void;
}

type Pool = InstanceType<typeof Piscina>;

/**
 * Threads that run tasks. Tasks wait in one FIFO queue. A failure is a result, not an exception. If a thread dies, it is replaced and its
 * tasks are retried.
 */
export class Threads {
  /** How many threads have died so far. */
  deaths = 0;
  /** Called when a thread has died. */
  onDeath = () => {};
  private readonly options: ThreadOptions;
  private pool: Pool;
  private readonly running = new Set<Promise<unknown>>();
  private closing: Promise<void> | undefined;

  constructor(options: ThreadOptions) {
    this.options = options;
    this.pool = this.start();
  }

  /** The number of waiting tasks. */
  get queue(): number {
    return this.pool.queueSize;
  }

  /** Runs a task by its name. */
  async run<T>(name: string, task: unknown): Promise<TaskResult<T>> {
    if (this.closing !== undefined) return failed('the pool is closed');
    const running = this.runUntilDone<T>(name, task);
    this.running.add(running);
    const result = await running;
    this.running.delete(running);
    return result;
  }

  /** Waits for the running and queued tasks, then ends the threads. To close quickly, first stop the tasks through their flags. */
  close(): Promise<void> {
    this.closing ??= this.closeOnce();
    return this.closing;
  }

  /**
   * Ends the threads immediately: their tasks fail.
   *
   * @param loaded settles when a thread has loaded its modules: ending it earlier might crash the process
   */
  abandon(loaded: Promise<unknown>): Promise<void> {
    this.closing ??= loaded.then(() => this.pool.destroy());
    return this.closing;
  }

  private start(): Pool {
    const { filename, threads, tasksAhead, youngMiB, workerData, onEnd } = this.options;
    const pool: Pool = new Piscina({
      filename: filename.href,
      minThreads: threads,
      maxThreads: threads,
      // Without it, a task that finds no free thread at once is queued after all later tasks.
      stricterFIFO: true,
      concurrentTasksPerWorker: tasksAhead,
      ...(youngMiB !== undefined && { resourceLimits: { maxYoungGenerationSizeMb: youngMiB } }),
      workerData,
    });
    // Piscina emits this if an idle thread dies, and if a thread that was ended during a task still sends the result.
    pool.on('error', () => undefined);
    pool.on('workerDestroy', () => {
      if (this.closing !== undefined || pool !== this.pool) return;
      this.deaths++;
      this.onDeath();
      setImmediate(() => this.lookAfter(pool));
    });
    if (onEnd !== undefined) reportEnds(pool, onEnd);
    return pool;
  }

  /** Restarts the pool if it lacks threads: Piscina does not replace a worker that dies during startup, and replaces none after that. */
  private lookAfter(pool: Pool): void {
    const isLeft = () => this.closing !== undefined || pool !== this.pool;
    if (isLeft() || pool.threads.length >= this.options.threads) return;
    setTimeout(() => {
      if (isLeft() || pool.threads.length >= this.options.threads) return;
      this.pool = this.start();
      // The old pool's tasks fail, and are retried in the new pool.
      pool.destroy();
    }, THREADS_AGAIN_MS);
  }

  private async runUntilDone<T>(name: string, task: unknown): Promise<TaskResult<T>> {
    for (let left = TASK_TRIES_MAX - 1; ; left--) {
      try {
        return (await this.pool.run(task, { name })) as TaskResult<T>;
      } catch (error) {
        if (left === 0 || this.closing !== undefined) return failed(String(error));
      }
    }
  }

  private async closeOnce(): Promise<void> {
    await Promise.all(this.running);
    const { pool } = this;
    // Ending a thread while it loads its modules may crash the process. So each idle thread gets a task that ends after loading.
    const loaded = pool.threads.map(() => pool.run(undefined, { name: 'isLoaded' }));
    await Promise.allSettled(loaded);
    await pool.destroy();
  }
}

/** Calls `onEnd` with the id of each thread of a pool once it has ended. */
function reportEnds(pool: Pool, onEnd: (threadId: number) => void): void {
  const watched = new WeakSet<Worker>();
  pool.on('workerCreate', () => {
    for (const worker of pool.threads) {
      if (watched.has(worker)) continue;
      watched.add(worker);
      // A thread that has ended has no id any more.
      const { threadId } = worker;
      worker.once('exit', () => onEnd(threadId));
    }
  });
}

/** The outcome if all threads that got the task died, or none could get it. */
function failed(detail: string): TaskFailure {
  return { kind: 'failed', code: 'worker_failed', detail };
}
