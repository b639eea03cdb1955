/**
 * Threads that run tasks. Tasks wait in one FIFO queue. Each thread has a few tasks at once, so that it has its next one when it finishes
 * one. A failure is a result, not an exception.
 */

import { SHARE_ENV, Worker } from 'node:worker_threads';
import type { TaskFailure } from '../core/errors.js';
import { TASK_TRIES_MAX, THREADS_AGAIN_MS } from '../core/limits.js';
import { type Order, READY, type Reply } from './task-port.js';
import type { TaskResult } from './tasks.js';

const CLOSED = 'the pool is closed';

/** How the threads of a pool are started. */
interface ThreadOptions {
  /** The module that a thread runs, which must call `runTasks`. */
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

/** A task that isn't done yet. */
interface Job {
  readonly name: string;
  readonly task: unknown;
  readonly done: (result: TaskResult<unknown>) => void;
  /** How often it may be tried. */
  triesLeft: number;
}

/** Runs tasks in a fixed number of threads. A thread that dies is replaced, and its tasks are retried. */
export class Threads {
  /** How many threads have died so far. */
  deaths = 0;
  /** Called when a thread has died. */
  onDeath = () => {};
  private readonly options: ThreadOptions;
  private readonly threads = new Set<Thread>();
  private readonly waiting: Job[] = [];
  private readonly running = new Set<Promise<unknown>>();
  private closing: Promise<void> | undefined;
  private isEnding = false;

  constructor(options: ThreadOptions) {
    this.options = options;
    for (let i = 0; i < options.threads; i++) this.start();
  }

  /** The number of waiting tasks. */
  get queue(): number {
    return this.waiting.length;
  }

  /** Runs a task by its name. */
  async run<T>(name: string, task: unknown): Promise<TaskResult<T>> {
    if (this.closing !== undefined) return failed(CLOSED);
    const running = new Promise<TaskResult<unknown>>((done) => {
      this.waiting.push({ name, task, done, triesLeft: TASK_TRIES_MAX });
      this.giveTasks();
    });
    this.running.add(running);
    const result = await running;
    this.running.delete(running);
    return result as TaskResult<T>;
  }

  /** Waits for the running and queued tasks, then ends the threads. To close quickly, first stop the tasks through their flags. */
  close(): Promise<void> {
    this.closing ??= Promise.all(this.running).then(() => this.end());
    return this.closing;
  }

  /** Ends the threads as soon as they have loaded their modules: their tasks fail. */
  abandon(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    this.isEnding = true;
    await Promise.all([...this.threads].map((thread) => thread.end()));
    for (const job of this.waiting.splice(0)) job.done(failed(CLOSED));
  }

  private start(): void {
    const thread = new Thread(this.options, {
      onDone: () => this.giveTasks(),
      onFailed: (jobs, reason) => this.retry(jobs, reason),
      onExit: () => {
        this.threads.delete(thread);
        this.replace(thread);
      },
    });
    this.threads.add(thread);
  }

  private replace({ isReady }: Thread): void {
    if (this.isEnding) return;
    this.deaths++;
    this.onDeath();
    const start = () => {
      if (this.isEnding) return;
      this.start();
      this.giveTasks();
    };
    // After one that died during startup, the next one might die, too.
    if (isReady) start();
    else setTimeout(start, THREADS_AGAIN_MS);
  }

  /** Tries tasks again, before those that wait. */
  private retry(jobs: readonly Job[], reason: string): void {
    const again = jobs.filter((job) => {
      job.triesLeft--;
      const isGivenUp = job.triesLeft === 0 || this.isEnding;
      if (isGivenUp) job.done(failed(reason));
      return !isGivenUp;
    });
    this.waiting.unshift(...again);
    this.giveTasks();
  }

  /** Gives waiting tasks to the threads that have the fewest. */
  private giveTasks(): void {
    while (this.waiting.length > 0) {
      let least: Thread | undefined;
      for (const thread of this.threads) {
        if (thread.tasks < (least?.tasks ?? this.options.tasksAhead)) least = thread;
      }
      if (least === undefined) return;
      least.give(this.waiting.shift() as Job);
    }
  }
}

/** What a thread reports. */
interface ThreadEvents {
  /** It has finished a task. */
  readonly onDone: () => void;
  /** Tasks have thrown, or were lost when it died. */
  readonly onFailed: (jobs: readonly Job[], reason: string) => void;
  /** It has ended. */
  readonly onExit: () => void;
}

/** A thread, and the tasks that it was given. */
class Thread {
  /** True once it has loaded its modules. */
  isReady = false;
  private readonly worker: Worker;
  private readonly events: ThreadEvents;
  private readonly jobs = new Map<number, Job>();
  private given = 0;
  private deathReason = 'the thread ended';
  /** Resolves when it has loaded its modules, or has died. */
  private readonly ready: Promise<void>;

  constructor({ filename, youngMiB, workerData, onEnd }: ThreadOptions, events: ThreadEvents) {
    this.events = events;
    const worker = new Worker(filename, {
      workerData,
      // Copying them takes time.
      env: SHARE_ENV,
      // The option is for `--eval`, and a thread that inherits it fails: its program is a file.
      ...(process.execArgv.some((each) => each.startsWith('--input-type')) && { execArgv: [] }),
      ...(youngMiB !== undefined && { resourceLimits: { maxYoungGenerationSizeMb: youngMiB } }),
    });
    this.worker = worker;
    const { threadId } = worker;
    // Only tasks keep the process alive.
    worker.unref();
    worker.on('error', (error) => {
      this.deathReason = String(error);
    });
    this.ready = new Promise((resolve) => {
      worker.on('message', (message: Reply | typeof READY) => {
        if (message !== READY) return this.take(message);
        this.isReady = true;
        resolve();
      });
      worker.on('exit', () => {
        resolve();
        onEnd?.(threadId);
        events.onExit();
        events.onFailed([...this.jobs.values()], this.deathReason);
      });
    });
  }

  /** How many tasks it has. */
  get tasks(): number {
    return this.jobs.size;
  }

  give(job: Job): void {
    if (this.jobs.size === 0) this.worker.ref();
    const id = this.given++;
    this.jobs.set(id, job);
    this.worker.postMessage({ id, name: job.name, task: job.task } satisfies Order);
  }

  /** Ends it. Ending it while it loads its modules might crash the process. */
  async end(): Promise<void> {
    this.worker.ref();
    await this.ready;
    await this.worker.terminate();
  }

  private take(reply: Reply): void {
    const job = this.jobs.get(reply.id) as Job;
    this.jobs.delete(reply.id);
    if (this.jobs.size === 0) this.worker.unref();
    if ('error' in reply) this.events.onFailed([job], reply.error);
    else job.done(reply.result);
    this.events.onDone();
  }
}

/** The outcome if all threads that got the task died, or none could get it. */
function failed(detail: string): TaskFailure {
  return { kind: 'failed', code: 'worker_failed', detail };
}
