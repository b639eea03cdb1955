import { loaded } from './loaded.js';

/** A metric as prom-client's JSON. */
interface Metric {
  readonly type: string;
}

/** The counts of processes that have ended: what was counted must not fall when a process ends. Gauges end with it. */
export class FormerMetrics {
  private counted: Promise<readonly object[]> = Promise.resolve([]);

  /** @param metrics the last known ones of a process that has ended, as prom-client's JSON */
  add(metrics: readonly object[]): void {
    const counts = (metrics as readonly Metric[]).filter(({ type }) => type !== 'gauge');
    if (counts.length === 0) return;
    // Loaded already: processes are asked for their metrics only after this one has its own.
    const { AggregatorRegistry } = loaded('prom-client');
    this.counted = this.counted.then((before) =>
      AggregatorRegistry.aggregate([before, counts]).getMetricsAsJSON(),
    );
  }

  /** All of them together, as prom-client's JSON. */
  get all(): Promise<readonly object[]> {
    return this.counted;
  }
}
