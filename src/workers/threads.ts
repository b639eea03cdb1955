import { createRequire } from 'node:module';
import type { Failure } from '../core/errors.js';
import { TASK_TRIES_MAX, THREADS_AGAIN_MS } from '../core/limits.js';
import type { Outcome } from './tasks.js';

// By require, since import() reads a CommonJS module a second time for its names: that takes as long as the first.
const { Piscina } = createRequire(import.meta.url)('piscina') as typeof import('piscina');

/** How the threads of a pool are started. */
interface ThreadOptions {
  /** The module whose exported functions are the tasks. One of them must be `isLoaded`. */
  readonly filename: URL;
  /** How many there are, all the time. */
  readonly threads: number;
  /** How many tasks a thread is given before it is done with the first. */
  readonly tasksAhead: number;
  /** How much of short-lived values is gathered before they are looked through, in MiB; V8's own choice if undefined. */
  readonly youngMiB?: number;
  /** What each is given when it starts. */
  readonly workerData: unknown;
}

type Pool = InstanceType<typeof Piscina>;

/**
 * Threads that run tasks. Tasks wait in one queue, first come, first served; a failure is an outcome, not an exception. A thread that
 * dies is replaced, and its tasks are run again.
 */
export class Threads {
  /** How many threads have died so far. */
  deaths = 0;
  /** Is called when one has. */
  onDeath = () => {};
  private readonly options: ThreadOptions;
  private pool: Pool;
  private readonly running = new Set<Promise<unknown>>();
  private closing: Promise<void> | undefined;

  constructor(options: ThreadOptions) {
    this.options = options;
    this.pool = this.start();
  }

  /** How many tasks wait. */
  get queue(): number {
    return this.pool.queueSize;
  }

  /** Runs a task by its name. */
  async run<T>(name: string, task: unknown): Promise<Outcome<T>> {
    if (this.closing !== undefined) return failed('the pool is closed');
    const running = this.runUntilDone<T>(name, task);
    this.running.add(running);
    const outcome = await running;
    this.running.delete(running);
    return outcome;
  }

  /** Waits for the tasks that run or wait, and ends the threads. Whoever wants it quick stops the tasks by their flags. */
  close(): Promise<void> {
    this.closing ??= this.closeOnce();
    return this.closing;
  }

  /**
   * Ends the threads whatever they do: their tasks fail.
   *
   * @param loaded when a thread is through with loading its modules: before, its end might take the process with it
   */
  abandon(loaded: Promise<unknown>): Promise<void> {
    this.closing ??= loaded.then(() => this.pool.destroy());
    return this.closing;
  }

  private start(): Pool {
    const { filename, threads, tasksAhead, youngMiB, workerData } = this.options;
    const pool: Pool = new Piscina({
      filename: filename.href,
      minThreads: threads,
      maxThreads: threads,
      // Without it, a task that finds no free thread at once goes behind all that came after it.
      stricterFIFO: true,
      concurrentTasksPerWorker: tasksAhead,
      ...(youngMiB !== undefined && { resourceLimits: { maxYoungGenerationSizeMb: youngMiB } }),
      workerData,
    });
    // Threads that die idle are told of like that; and, where one is ended while it runs a task, a result that still comes.
    pool.on('error', () => undefined);
    pool.on('workerDestroy', () => {
      if (this.closing !== undefined || pool !== this.pool) return;
      this.deaths++;
      this.onDeath();
      setImmediate(() => this.lookAfter(pool));
    });
    return pool;
  }

  /** Piscina replaces a thread that dies, but for one that dies before it has begun; and after that none any more. */
  private lookAfter(pool: Pool): void {
    const isLeft = () => this.closing !== undefined || pool !== this.pool;
    if (isLeft() || pool.threads.length >= this.options.threads) return;
    setTimeout(() => {
      if (isLeft() || pool.threads.length >= this.options.threads) return;
      this.pool = this.start();
      // What waits and runs there fails, and is tried again here.
      pool.destroy();
    }, THREADS_AGAIN_MS);
  }

  private async runUntilDone<T>(name: string, task: unknown): Promise<Outcome<T>> {
    for (let left = TASK_TRIES_MAX - 1; ; left--) {
      try {
        return (await this.pool.run(task, { name })) as Outcome<T>;
      } catch (error) {
        if (left === 0 || this.closing !== undefined) return failed(String(error));
      }
    }
  }

  private async closeOnce(): Promise<void> {
    await Promise.all(this.running);
    const { pool } = this;
    // A thread that is ended while it loads its modules may take the process with it. Idle threads get a task each.
    const loaded = pool.threads.map(() => pool.run(undefined, { name: 'isLoaded' }));
    await Promise.allSettled(loaded);
    await pool.destroy();
  }
}

/** All threads that were given the task died, or could not be given it. */
function failed(detail: string): Failure {
  return { kind: 'failed', code: 'worker_failed', detail };
}
