/** The history of a value. */
export class Timeline<T> {
  private readonly entries: { readonly value: T; readonly fromMs: number; untilMs: number }[] = [];

  /** The value from now on. */
  get current(): T {
    return this.entries.at(-1)?.value as T;
  }

  /** Changes the value at a moment; until then, both values are possible. */
  begin(value: T, fromMs: number): void {
    const last = this.entries.at(-1);
    if (last !== undefined) last.untilMs = performance.now();
    this.entries.push({ value, fromMs, untilMs: Number.POSITIVE_INFINITY });
  }

  /** All values between two moments, both included. */
  between(startMs: number, endMs: number): T[] {
    return this.entries
      .filter(({ fromMs, untilMs }) => fromMs <= endMs && untilMs >= startMs)
      .map(({ value }) => value);
  }
}
