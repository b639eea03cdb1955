import { COMPARED_MS } from '../core/limits.js';

/**
 * Decides when the bytes of a file that grows are compared with those that were indexed: the digest that shows whether it has only grown
 * leaves bytes out. After a start at once, then while there are no requests, and at most once in `COMPARED_MS`.
 */
export class Comparing {
  private readonly compare: () => Promise<void>;
  private isWanted = false;
  private dueMs = Number.NEGATIVE_INFINITY;
  private running: Promise<void> | undefined;

  /** @param compare compares them */
  constructor(compare: () => Promise<void>) {
    this.compare = compare;
  }

  /** Resolves when nothing is being compared. */
  get ended(): Promise<void> {
    return this.running ?? Promise.resolve();
  }

  /** The file has grown since its bytes were compared last. */
  want(): void {
    this.isWanted = true;
  }

  /** Compares if that is wanted and due. @param isIdle true if there are no requests */
  tick(isIdle: boolean): void {
    const now = performance.now();
    const isFirst = this.dueMs === Number.NEGATIVE_INFINITY;
    if (!this.isWanted || this.running !== undefined || now < this.dueMs || !(isIdle || isFirst)) return;
    this.isWanted = false;
    this.dueMs = now + COMPARED_MS;
    this.running = this.compare().finally(() => {
      this.running = undefined;
    });
  }
}
