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

  /** True if a further request would have to run and wait beyond the limits. */
  get isFull(): boolean {
    return this.isBusy && this.queue.size >= this.maxWaiting;
  }

  /**
   * Lets a request run: at once, or when its turn comes. After that it must `leave`, once.
   *
   * @param signal called if it has to wait. When the signal aborts, the request leaves the queue and the promise rejects with its reason
   * @returns undefined if it runs at once
   */
  enter(signal: () => AbortSignal): Promise<void> | undefined {
    if (!this.isBusy) {
      this.running++;
      return undefined;
    }
    const gone = signal();
    return new Promise((resolve, reject) => {
      const run = () => {
        gone.removeEventListener('abort', leaveQueue);
        this.queue.delete(run);
        this.running++;
        resolve();
      };
      const leaveQueue = () => {
        this.queue.delete(run);
        reject(gone.reason);
      };
      if (gone.aborted) return leaveQueue();
      gone.addEventListener('abort', leaveQueue, { once: true });
      this.queue.add(run);
    });
  }

  /** Ends a request that runs, and lets the next one run. */
  leave(): void {
    this.running--;
    const [run] = this.queue;
    if (run !== undefined && !this.isBusy) run();
  }

  private get isBusy(): boolean {
    return this.max > 0 && this.running >= this.max;
  }
}
