import { IDLE_MS, QUIET_MS } from '../core/limits.js';
import type { FileIdentity } from '../dataset/file.js';
import type { IndexTable } from '../index/table.js';
import type { SharedPool } from '../workers/shared-pool.js';
import { newStopFlag, type StopFlag, stopAll } from '../workers/stop-flag.js';
import {
  bytesOf,
  countersOf,
  countRows,
  type RowRange,
  type TurnTokenizer,
  uncountedRows,
} from './counting.js';
import type { Notices } from './notices.js';

/** What counts ahead. */
interface Counting {
  readonly tokens: TurnTokenizer;
  readonly pool: SharedPool;
  readonly notices: Pick<Notices, 'warn'>;
}

/** Counts the tokens of all turns of an index before requests need them. When a request arrives, it pauses after the current turns. */
export class CountingAhead {
  private readonly by: Counting;
  private readonly file: FileIdentity;
  private readonly onDone: () => void;
  private timer: NodeJS.Timeout | undefined;
  private readonly rows: RowRange[] = [];
  /** The tables whose turns are counted, or among `rows`. */
  private tables = new Set<IndexTable>();
  private busyMs: number;
  private flag: StopFlag = newStopFlag();
  private running: Promise<void> | undefined;
  private isStopped = false;

  /**
   * Starts as soon as no request has come for a while.
   *
   * @param busyMs when a request came last, as `performance.now()`
   * @param onDone called once all turns are counted, and again for tables that come later
   */
  constructor(
    by: Counting,
    file: FileIdentity,
    tables: readonly IndexTable[],
    busyMs: number,
    onDone: () => void,
  ) {
    this.by = by;
    this.file = file;
    this.busyMs = busyMs;
    this.onDone = onDone;
    this.use(tables);
  }

  /** Counts other tables from now on: those of the file after it has grown, or some of them merged. */
  use(tables: readonly IndexTable[]): void {
    const before = this.tables;
    this.tables = new Set(tables);
    const left = this.rows.filter(({ table }) => this.tables.has(table));
    const added = tables.filter((table) => !before.has(table)).flatMap(uncountedRows);
    this.rows.splice(0, this.rows.length, ...left, ...added);
    this.schedule();
  }

  /** Pauses when a request arrives. */
  pauseBackgroundWork(): void {
    this.busyMs = performance.now();
    if (this.running !== undefined) stopAll(this.flag);
  }

  /** Stops counting. Resolves when no task is running any more. */
  async stop(): Promise<void> {
    this.end();
    stopAll(this.flag);
    await this.running;
  }

  private end(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  /** Counts on once no request has come for `IDLE_MS`. */
  private schedule(): void {
    if (this.isStopped || this.running !== undefined || this.rows.length === 0) return;
    const dueMs = this.busyMs + IDLE_MS - performance.now();
    clearTimeout(this.timer);
    if (dueMs <= 0) this.running = this.countWhileIdle();
    else this.timer = setTimeout(() => this.schedule(), dueMs).unref();
  }

  /** A turn has crashed the thread repeatedly, or the tokenizer can't be loaded. */
  private giveUp(reason: string): void {
    this.end();
    this.by.notices.warn({ reason }, 'counting tokens ahead failed; requests count what they need');
  }

  private async countWhileIdle(): Promise<void> {
    this.flag = newStopFlag();
    const counters = countersOf(this.by.tokens, this.by.pool, bytesOf(this.rows));
    // More requests are likely to come: they find a processor that isn't busy.
    const isQuiet = performance.now() - this.busyMs >= QUIET_MS;
    const workers = isQuiet ? counters.workers : Math.max(1, counters.workers - 1);
    const failure = await countRows({ ...counters, workers }, this.file, this.rows, this.flag);
    const isDone = this.rows.length === 0;
    counters.release(!isDone && !this.isStopped);
    this.running = undefined;
    if (failure?.code === 'worker_failed') this.giveUp(failure.detail);
    // A file that can't be read now may be readable later.
    else if (failure !== undefined) this.busyMs = performance.now();
    if (isDone) this.onDone();
    else this.schedule();
  }
}
