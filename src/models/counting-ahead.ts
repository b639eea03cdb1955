import { IDLE_MS, TURNS_AHEAD } from '../core/limits.js';
import type { FileIdentity } from '../dataset/file.js';
import type { IndexTable } from '../index/table.js';
import { newStopFlag, type StopFlag, stopAll } from '../workers/stop-flag.js';
import type { TokenPool } from '../workers/token-pool.js';

/** Counts the tokens of all turns of an index, table by table, while the server is idle. When a request arrives, it pauses after the current turn. */
export class CountingAhead {
  private readonly pool: TokenPool;
  private readonly file: FileIdentity;
  private readonly onDone: () => void;
  private readonly timer: NodeJS.Timeout;
  /** The tables that aren't counted yet, and the next row of the first of them. */
  private tables: readonly IndexTable[];
  private row = 0;
  private readonly counted = new WeakSet<IndexTable>();
  private busyAt: number;
  private flag: StopFlag = newStopFlag();
  private running: Promise<void> | undefined;

  /**
   * Starts once the server has been idle for a while.
   *
   * @param onDone called once all turns are counted, and again for tables that come later
   */
  constructor(pool: TokenPool, file: FileIdentity, tables: readonly IndexTable[], onDone: () => void) {
    this.pool = pool;
    this.file = file;
    this.tables = tables;
    this.onDone = onDone;
    this.busyAt = performance.now();
    this.timer = setInterval(() => {
      if (this.tables.length > 0 && performance.now() - this.busyAt >= IDLE_MS)
        this.running ??= this.countWhileIdle();
    }, IDLE_MS / 2);
    this.timer.unref();
  }

  /** Counts other tables from now on: those of the file after it has grown, or some of them merged. */
  use(tables: readonly IndexTable[]): void {
    const [current] = this.tables;
    this.tables = tables.filter((table) => !this.counted.has(table));
    if (this.tables[0] !== current) this.row = 0;
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
    const started = this.busyAt;
    let isStopped = false;
    while (this.tables.length > 0 && this.busyAt === started && !isStopped)
      isStopped = !(await this.countNext());
    // A file that can't be read now may be readable later.
    this.running = undefined;
    if (this.tables.length === 0) this.onDone();
  }

  /** Counts some turns; false if that was stopped, or failed. */
  private async countNext(): Promise<boolean> {
    const [table] = this.tables as [IndexTable];
    const { size, buffer } = table;
    const from = this.row;
    const to = Math.min(size.turns, from + TURNS_AHEAD);
    const task = { file: this.file, table: { size, buffer }, from, to, stop: this.flag };
    const result = await this.pool.countTurns(task);
    if (result.kind === 'failed') {
      // A turn has crashed the thread repeatedly: the remaining turns are counted when a request needs them.
      if (result.code === 'worker_failed') clearInterval(this.timer);
      return false;
    }
    if (this.tables[0] !== table) return true;
    this.row = result.value;
    if (this.row < to) return false;
    if (this.row === size.turns) {
      this.counted.add(table);
      this.tables = this.tables.slice(1);
      this.row = 0;
    }
    return true;
  }
}
