import { IDLE_MS, TURNS_AHEAD } from '../core/limits.js';
import type { FileIdentity } from '../dataset/file.js';
import type { IndexTable } from '../index/table.js';
import { newStopFlag, type StopFlag, stopAll } from '../workers/stop-flag.js';
import type { TokenPool } from '../workers/token-pool.js';

/** Counts the tokens of all turns of an index while the server is idle. When a request arrives, it pauses after the current turn. */
export class CountingAhead {
  private readonly pool: TokenPool;
  private readonly file: FileIdentity;
  private readonly table: IndexTable;
  private readonly onDone: () => void;
  private readonly timer: NodeJS.Timeout;
  private row = 0;
  private busyAt: number;
  private flag: StopFlag = newStopFlag();
  private running: Promise<void> | undefined;

  /**
   * Starts once the server has been idle for a while.
   *
   * @param onDone called once all turns are counted
   */
  constructor(pool: TokenPool, file: FileIdentity, table: IndexTable, onDone: () => void) {
    this.pool = pool;
    this.file = file;
    this.table = table;
    this.onDone = onDone;
    this.busyAt = performance.now();
    this.timer = setInterval(() => {
      if (performance.now() - this.busyAt >= IDLE_MS) this.running ??= this.countWhileIdle();
    }, IDLE_MS / 2);
    this.timer.unref();
  }

  /** Pauses when a request arrives. */
  pauseBackgroundWork(): void {
    this.busyAt = performance.now();
    if (this.running !== undefined) stopAll(this.flag);
  }

  /** Stops counting. Resolves when no task is running any more. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    stopAll(this.flag);
    await this.running;
  }

  private async countWhileIdle(): Promise<void> {
    this.flag = newStopFlag();
    const { size, buffer } = this.table;
    const started = this.busyAt;
    while (this.row < size.turns && this.busyAt === started) {
      const to = Math.min(size.turns, this.row + TURNS_AHEAD);
      const task = { file: this.file, table: { size, buffer }, from: this.row, to, stop: this.flag };
      const result = await this.pool.countTurns(task);
      if (result.kind === 'failed') {
        // A turn has crashed the thread repeatedly: the remaining turns are counted when a request needs them.
        if (result.code === 'worker_failed') clearInterval(this.timer);
        break;
      }
      this.row = result.value;
      if (this.row < to) break;
    }
    // A file that can't be read now may be readable later.
    this.running = undefined;
    if (this.row < size.turns) return;
    clearInterval(this.timer);
    this.onDone();
  }
}
