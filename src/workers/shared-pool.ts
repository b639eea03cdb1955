import { THREADS_KEPT_MS } from '../core/limits.js';
import { WorkerPool } from './pool.js';

/** One pool for all users of threads. It exists only while at least one of them needs it: idle threads take memory. */
export class SharedPool {
  /** The most threads. */
  readonly workers: number;
  private readonly workersNow: () => number;
  private pool: WorkerPool | undefined;
  private users = 0;
  /** The deaths of threads in pools that were closed. */
  private formerDeaths = 0;
  /** Called when a thread has died; it is replaced. */
  onDeath = () => {};

  /**
   * @param workers the most threads
   * @param workersNow returns how many of them to start
   */
  constructor(workers: number, workersNow: () => number = () => workers) {
    this.workers = workers;
    this.workersNow = workersNow;
  }

  /** Starts the threads ahead of need, since that takes a while. */
  start(): WorkerPool {
    if (this.pool === undefined) {
      this.pool = new WorkerPool(this.workersNow());
      this.pool.onDeath = () => this.onDeath();
    }
    return this.pool;
  }

  /** Acquires the pool. The caller must `give` it back. */
  take(): WorkerPool {
    this.users++;
    return this.start();
  }

  /** Releases the pool. Resolves when the threads have ended, if no other user needs them. */
  async give(): Promise<void> {
    this.users--;
    if (this.users === 0) await this.close();
  }

  /** Releases the pool in a while: a user that comes before that finds its threads started. */
  giveLater(): void {
    setTimeout(() => this.give(), THREADS_KEPT_MS).unref();
  }

  /** Waits for the running and queued tasks, then ends the threads. */
  async close(): Promise<void> {
    const { pool } = this;
    this.pool = undefined;
    this.formerDeaths += pool?.deaths ?? 0;
    await pool?.close();
  }

  /** The number of tasks that wait for a thread. */
  get queue(): number {
    return this.pool?.queue ?? 0;
  }

  /** How many threads have died and were replaced so far. */
  get deaths(): number {
    return this.formerDeaths + (this.pool?.deaths ?? 0);
  }
}
