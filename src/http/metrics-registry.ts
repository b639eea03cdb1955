/** The metrics of `GET /metrics`: their names, help texts and sources. Values are collected on each scrape. */

import { Counter, collectDefaultMetrics, Gauge, type Metric, Registry } from 'prom-client';
import type { Catalog } from '../models/catalog.js';
import type { DatasetFigures } from '../models/served.js';
import type { RequestMetrics } from './request-metrics.js';
import { type Histogram, LATENCY_BOUNDS } from './request-metrics.js';

/** Figures besides those of requests. */
export interface Figures {
  /** Of each model, by its id. */
  readonly datasets: ReadonlyMap<string, DatasetFigures>;
  /** Tasks in the queue of the worker pool. */
  readonly poolQueue: number;
  readonly workerRestarts: number;
  /** Requests in flight. */
  readonly inFlight: number;
  readonly cacheHits: number;
  readonly cacheMisses: number;
  readonly cacheBytes: number;
}

/** The sources of all metrics. */
export interface Measured {
  readonly metrics: RequestMetrics;
  readonly figures: () => Figures;
  readonly catalog: Pick<Catalog, 'models'>;
}

/** A value with its labels. */
type Labelled = readonly [labels: Readonly<Record<string, string | number>>, value: number];

/** The metrics of a server. Those with the prefix `vllm:` are the ones that load generators read from vLLM. */
export function createRegistry({ metrics, figures, catalog }: Measured): Registry {
  const registry = new Registry();
  const registers = [registry];
  // Figures of all models together are labelled with the name of the first.
  const labels = { model_name: catalog.models[0]?.id ?? '' };
  collectDefaultMetrics({ register: registry });
  addCpuTime(registry);

  const counter = (name: string, help: string, labelNames: string[], values: () => Iterable<Labelled>) =>
    new Counter({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const [labels, value] of values()) this.inc(labels, value);
      },
    });
  const count = (name: string, help: string, value: () => number) =>
    counter(name, help, [], () => [[{}, value()]]);
  const gauge = (name: string, help: string, value: () => number, labels: Record<string, string> = {}) =>
    new Gauge({
      name,
      help,
      labelNames: Object.keys(labels),
      registers,
      collect() {
        this.set(labels, value());
      },
    });
  const latency = (name: string, help: string, values: () => Iterable<LabelledHistogram>) =>
    registry.registerMetric(latencyMetric(name, help, values));

  counter(
    'verbatim_requests_total',
    'Completed requests, by path, status, rung (context, prompt, normalized, or none for a miss; empty without a lookup), and the model whose dataset has the reply.',
    ['route', 'status', 'match', 'model'],
    () => [...metrics.requests].map(({ count, ...labels }) => [{ ...labels }, count]),
  );
  const byRoute = (which: 'whole' | 'first') => () =>
    [...metrics.routes].map(([route, latency]) => ({ labels: { route }, histogram: latency[which] }));
  latency(
    'verbatim_request_duration_seconds',
    'Time from the request to the end of the response.',
    byRoute('whole'),
  );
  latency(
    'verbatim_time_to_first_chunk_seconds',
    'Time from the request to the start of the response.',
    byRoute('first'),
  );
  gauge('verbatim_requests_in_flight', 'Requests in flight.', () => figures().inFlight);

  count(
    'verbatim_cache_hits_total',
    'Responses and replies that were in the cache.',
    () => figures().cacheHits,
  );
  count('verbatim_cache_misses_total', 'Lookups that were not in the cache.', () => figures().cacheMisses);
  gauge('verbatim_cache_bytes', 'Memory of the cache entries.', () => figures().cacheBytes);

  const byModel = (of: (figures: DatasetFigures) => number) => () =>
    [...figures().datasets].map(([model, figures]): Labelled => [{ model }, of(figures)]);
  const waiting = () => [...figures().datasets.values()].reduce((sum, { waiting }) => sum + waiting, 0);
  const modelCount = (name: string, help: string, of: (figures: DatasetFigures) => number) =>
    counter(name, help, ['model'], byModel(of));
  const modelGauge = (name: string, help: string, of: (figures: DatasetFigures) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['model'],
      registers,
      collect() {
        for (const [labels, value] of byModel(of)()) this.set(labels, value);
      },
    });
  modelCount('verbatim_sweeps_total', 'Sweeps over the dataset.', ({ sweeps }) => sweeps);
  modelCount('verbatim_sweep_lookups_total', 'Lookups answered by sweeps.', ({ lookups }) => lookups);
  modelGauge('verbatim_lookups_waiting', 'Lookups waiting for a sweep.', ({ waiting }) => waiting);
  modelGauge('verbatim_index_rows', 'Turns in the index; 0 without an index.', ({ indexRows }) => indexRows);
  modelGauge(
    'verbatim_index_build_seconds',
    'Time it took to build the index; 0 if it was loaded, or without an index.',
    ({ indexBuildSeconds }) => indexBuildSeconds,
  );
  modelGauge('verbatim_dataset_bytes', 'The length of the dataset file.', ({ datasetBytes }) => datasetBytes);
  gauge('verbatim_pool_queue', 'Tasks waiting for a worker thread.', () => figures().poolQueue);
  count(
    'verbatim_worker_restarts_total',
    'Worker threads that died and were replaced.',
    () => figures().workerRestarts,
  );

  const completions = () =>
    catalog.models.map(({ id }) => ({ labels: { model_name: id }, counts: metrics.completionsOf(id) }));
  const completionLatency = (which: 'whole' | 'first') => () =>
    completions().map(({ labels, counts }) => ({ labels, histogram: counts[which] }));
  latency(
    'vllm:e2e_request_latency_seconds',
    'Time from the request to the end of the completion.',
    completionLatency('whole'),
  );
  latency(
    'vllm:time_to_first_token_seconds',
    'Time from the request to the start of the completion.',
    completionLatency('first'),
  );
  counter('vllm:prompt_tokens_total', 'Tokens of prompts.', ['model_name'], () =>
    completions().map(({ labels, counts }): Labelled => [labels, counts.promptTokens]),
  );
  counter('vllm:generation_tokens_total', 'Tokens of completions.', ['model_name'], () =>
    completions().map(({ labels, counts }): Labelled => [labels, counts.completionTokens]),
  );
  counter(
    'vllm:request_success_total',
    'Completions by finish reason; abort if the client disconnected before the end.',
    ['model_name', 'finished_reason'],
    () =>
      completions().flatMap(({ labels, counts }) =>
        [...counts.finished].map(
          ([reason, count]): Labelled => [{ ...labels, finished_reason: reason }, count],
        ),
      ),
  );
  gauge(
    'vllm:num_requests_running',
    'Completion requests in flight, without those waiting for a sweep.',
    () => Math.max(0, metrics.running - waiting()),
    labels,
  );
  gauge('vllm:num_requests_waiting', 'Lookups waiting for a sweep.', waiting, labels);
  return registry;
}

/** prom-client counts CPU time from its first call on: add the time that the process has used before. */
function addCpuTime(registry: Registry): void {
  const { user, system } = process.cpuUsage();
  const before = {
    process_cpu_user_seconds_total: user,
    process_cpu_system_seconds_total: system,
    process_cpu_seconds_total: user + system,
  };
  for (const [name, micros] of Object.entries(before)) {
    (registry.getSingleMetric(name) as Counter).inc(micros / 1e6);
  }
}

interface LabelledHistogram {
  readonly labels: Readonly<Record<string, string>>;
  readonly histogram: Histogram;
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
