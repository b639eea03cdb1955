import { WorkerPool } from './pool.js';

/** One pool for all who need threads. It is there as long as somebody does: idle threads cost memory. */
export class SharedPool {
  /** How many threads there are. */
  readonly workers: number;
  private pool: WorkerPool | undefined;
  private users = 0;
  /** Of threads of pools that were closed. */
  private formerDeaths = 0;
  /** Is called when a thread has died, and is replaced. */
  onDeath = () => {};

  constructor(workers: number) {
    this.workers = workers;
  }

  /** Starts the threads for who will need them: that takes a while. */
  start(): WorkerPool {
    if (this.pool === undefined) {
      this.pool = new WorkerPool(this.workers);
      this.pool.onDeath = () => this.onDeath();
    }
    return this.pool;
  }

  /** The pool, until it is given back. */
  take(): WorkerPool {
    this.users++;
    return this.start();
  }

  /** Gives it back; comes back when the threads have ended, if nobody else needs them. */
  async give(): Promise<void> {
    this.users--;
    if (this.users === 0) await this.close();
  }

  /** Waits for the tasks that run or wait, and ends the threads. */
  async close(): Promise<void> {
    const { pool } = this;
    this.pool = undefined;
    this.formerDeaths += pool?.deaths ?? 0;
    await pool?.close();
  }

  /** How many tasks wait for a thread. */
  get queue(): number {
    return this.pool?.queue ?? 0;
  }

  /** How many threads have died so far, and were replaced. */
  get deaths(): number {
    return this.formerDeaths + (this.pool?.deaths ?? 0);
  }
}
