import { AppError } from '../core/errors.js';
import type { Marks } from '../index/marks.js';

/** Someone who waits for the marks of a file. */
interface Waiter {
  /** How many records have to be marked. */
  readonly records: number;
  readonly resolve: (marks: Marks) => void;
  readonly reject: (error: AppError) => void;
}

/** The marks of a file, which become more while it is walked. */
export class Marking {
  private now: Marks | undefined;
  private isComplete = false;
  private problem: AppError | undefined;
  private waiters: readonly Waiter[] = [];

  /**
   * The marks, once there are those of `records` records, or of all.
   *
   * @throws AppError, as a rejection, if the walk fails before
   */
  marks(records: number): Promise<Marks> {
    return new Promise((resolve, reject) => {
      this.waiters = [...this.waiters, { records, resolve, reject }];
      this.settle();
    });
  }

  /** @param isComplete true if there are no more */
  advance(marks: Marks, isComplete: boolean): void {
    this.now = marks;
    this.isComplete = isComplete;
    this.settle();
  }

  /** The walk has failed, or the file is left. Marks that are there already can still be used. */
  fail(cause: unknown): void {
    if (!this.isComplete) this.problem ??= new AppError('dataset_changed', { cause });
    this.settle();
  }

  private settle(): void {
    const { now, problem } = this;
    const waiting: Waiter[] = [];
    for (const waiter of this.waiters) {
      if (now !== undefined && (this.isComplete || now.records >= waiter.records)) waiter.resolve(now);
      else if (problem !== undefined) waiter.reject(problem);
      else waiting.push(waiter);
    }
    this.waiters = waiting;
  }
}
