import { createRequire } from 'node:module';
import type { Failure } from '../core/errors.js';
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

/** Threads that run tasks. Tasks wait in one queue, first come, first served; a failure is an outcome, not an exception. */
export class Threads {
  private readonly count: number;
  private readonly piscina: InstanceType<typeof Piscina>;
  private readonly running = new Set<Promise<unknown>>();
  private closing: Promise<void> | undefined;

  constructor({ filename, threads, tasksAhead, youngMiB, workerData }: ThreadOptions) {
    this.count = threads;
    this.piscina = new Piscina({
      filename: filename.href,
      minThreads: threads,
      maxThreads: threads,
      // Without it, a task that finds no free thread at once goes behind all that came after it.
      stricterFIFO: true,
      concurrentTasksPerWorker: tasksAhead,
      ...(youngMiB !== undefined && { resourceLimits: { maxYoungGenerationSizeMb: youngMiB } }),
      workerData,
    });
    // Where a thread is ended while it runs a task, its result may still come, which Piscina takes for an error.
    this.piscina.on('error', (error: unknown) => {
      if (this.closing === undefined) throw error;
    });
  }

  /** Runs a task by its name. */
  async run<T>(name: string, task: unknown): Promise<Outcome<T>> {
    if (this.closing !== undefined) return failed('the pool is closed');
    const running = this.piscina.run(task, { name }).catch((error: unknown) => failed(String(error)));
    this.running.add(running);
    const outcome = (await running) as Outcome<T>;
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
    this.closing ??= loaded.then(() => this.piscina.destroy());
    return this.closing;
  }

  private async closeOnce(): Promise<void> {
    await Promise.all(this.running);
    // A thread that is ended while it loads its modules may take the process with it. Idle threads get a task each.
    const loaded = Array.from({ length: this.count }, () =>
      this.piscina.run(undefined, { name: 'isLoaded' }),
    );
    await Promise.allSettled(loaded);
    await this.piscina.destroy();
  }
}

/** A thread died, or could not be given its task. */
function failed(detail: string): Failure {
  return { kind: 'failed', code: 'worker_failed', detail };
}
