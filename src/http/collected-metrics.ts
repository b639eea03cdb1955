/** Metrics whose values are read when they are scraped. */

import type { Metric, Registry } from 'prom-client';
import { loaded } from './loaded.js';
import { type Histogram, LATENCY_BOUNDS } from './request-metrics.js';

/** A value with its labels. */
export type Labelled = readonly [labels: Readonly<Record<string, string | number>>, value: number];

/** A histogram of durations with its labels. */
export interface LabelledHistogram {
  readonly labels: Readonly<Record<string, string>>;
  readonly histogram: Histogram;
}

/** Adds metrics to a registry. */
export class CollectedMetrics {
  private readonly registry: Registry;

  constructor(registry: Registry) {
    this.registry = registry;
  }

  /** A counter, whose samples differ in their labels. */
  counter(name: string, help: string, labelNames: readonly string[], values: () => Iterable<Labelled>): void {
    const { Counter } = loaded('prom-client');
    new Counter({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [labels, value] of values()) this.inc(labels, value);
      },
    });
  }

  /**
   * The same for a gauge, whose labels don't change.
   *
   * @param aggregator how the values of several processes become one
   */
  gauge(
    name: string,
    help: string,
    labelNames: readonly string[],
    values: () => Iterable<Labelled>,
    aggregator: 'sum' | 'min' = 'sum',
  ): void {
    const { Gauge } = loaded('prom-client');
    new Gauge({
      name,
      help,
      labelNames,
      aggregator,
      registers: [this.registry],
      collect() {
        for (const [labels, value] of values()) this.set(labels, value);
      },
    });
  }

  /** The same for a histogram of durations, in seconds. */
  latency(name: string, help: string, values: () => Iterable<LabelledHistogram>): void {
    this.registry.registerMetric(latencyMetric(name, help, values));
  }
}

/**
 * A histogram of prom-client's whose counts are kept elsewhere: adding to prom-client's own is too slow for every request. This is all that
 * the registry needs of a metric.
 */
function latencyMetric(name: string, help: string, values: () => Iterable<LabelledHistogram>): Metric {
  const metric = {
    name,
    get: async () => ({
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: [...values()].flatMap(({ labels, histogram }) => samplesOf(name, labels, histogram)),
    }),
    reset: () => {},
  };
  return metric as unknown as Metric;
}

function samplesOf(
  name: string,
  labels: Readonly<Record<string, string>>,
  { counts, sum }: Histogram,
): object[] {
  let total = 0;
  const buckets = counts.map((count, i) => {
    total += count;
    return {
      metricName: `${name}_bucket`,
      labels: { ...labels, le: LATENCY_BOUNDS[i] ?? '+Inf' },
      value: total,
    };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: total },
  ];
}
