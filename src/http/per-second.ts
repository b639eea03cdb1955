/** Allows an act a number of times each second. */
export class PerSecond {
  private readonly most: number;
  private sinceMs = -Infinity;
  private taken = 0;

  constructor(most: number) {
    this.most = most;
  }

  /** True if the act is allowed now; counts it then. */
  take(nowMs: number): boolean {
    if (nowMs - this.sinceMs >= 1000) {
      this.sinceMs = nowMs;
      this.taken = 0;
    }
    if (this.taken >= this.most) return false;
    this.taken++;
    return true;
  }
}
