/**
 * Allows an act a number of times each second, and not at all in the second after one in which it was wanted more often: a load wants it all
 * the time.
 */
export class PerSecond {
  private readonly most: number;
  private sinceMs = -Infinity;
  private wanted = 0;
  private isBusy = false;

  constructor(most: number) {
    this.most = most;
  }

  /** True if the act is allowed now. */
  take(nowMs: number): boolean {
    const seconds = (nowMs - this.sinceMs) / 1000;
    if (seconds >= 1) {
      this.isBusy = seconds < 2 && this.wanted > this.most;
      this.sinceMs = nowMs;
      this.wanted = 0;
    }
    this.wanted++;
    return !this.isBusy && this.wanted <= this.most;
  }
}
