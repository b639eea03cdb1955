/** The place of one request among those that run or wait. */
export interface Seat {
  /** Resolves when the request may run, or has left before; undefined if it runs at once. */
  readonly waiting: Promise<void> | undefined;
  /** Ends the request: the next one that waits runs. Further calls do nothing. */
  leave(): void;
}

/** How many requests of a model run at the same time, and how many wait. */
export class Capacity {
  /** How many run at most; 0 is no limit. */
  readonly max: number;
  private readonly maxWaiting: number;
  /** The requests that wait, in their order: each function lets one run. */
  private readonly queue = new Set<() => void>();
  /** How many run. */
  running = 0;

  /**
   * @param max how many run at most; 0 is no limit
   * @param maxWaiting how many wait at most while `max` run
   */
  constructor(max: number, maxWaiting: number) {
    this.max = max;
    this.maxWaiting = maxWaiting;
  }

  /** How many wait. */
  get waiting(): number {
    return this.queue.size;
  }

  /** Lets a request run: now, or when it is its turn. Undefined if as many run and wait as are allowed. */
  enter(): Seat | undefined {
    if (!this.isBusy) {
      this.running++;
      return { waiting: undefined, leave: once(() => this.end()) };
    }
    if (this.queue.size >= this.maxWaiting) return undefined;
    let isRunning = false;
    let resolve = () => {};
    const waiting = new Promise<void>((resolveIt) => {
      resolve = resolveIt;
    });
    const run = () => {
      isRunning = true;
      this.running++;
      resolve();
    };
    this.queue.add(run);
    const leave = once(() => {
      if (isRunning) return this.end();
      this.queue.delete(run);
      resolve();
    });
    return { waiting, leave };
  }

  private end(): void {
    this.running--;
    const [run] = this.queue;
    if (run === undefined || this.isBusy) return;
    this.queue.delete(run);
    run();
  }

  private get isBusy(): boolean {
    return this.max > 0 && this.running >= this.max;
  }
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}
