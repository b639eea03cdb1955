/** The absolute error of many times, in milliseconds. */
export interface TimingErrors {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Collects errors in memory that is allocated beforehand: a growing list would stop the client that measures. */
export class ErrorSample {
  private readonly errorsMs: Float64Array;
  private count = 0;

  /** @param capacity further errors are not recorded */
  constructor(capacity: number) {
    this.errorsMs = new Float64Array(capacity);
  }

  /** @param differenceMs the measured time less the one that was set */
  add(differenceMs: number): void {
    if (this.count < this.errorsMs.length) this.errorsMs[this.count++] = Math.abs(differenceMs);
  }

  get summary(): TimingErrors {
    const sorted = this.errorsMs.subarray(0, this.count).sort();
    const at = (share: number) =>
      sorted[Math.min(this.count - 1, Math.floor(this.count * share))] ?? Number.NaN;
    return { count: this.count, p50: at(0.5), p99: at(0.99), max: at(1) };
  }
}
