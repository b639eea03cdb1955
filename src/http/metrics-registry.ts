/** The metrics of `GET /metrics`: their names, help texts and sources. Values are collected on each scrape. */

import type { Counter, Registry } from 'prom-client';
import type { DatasetFigures } from '../models/served.js';
import { CollectedMetrics, type Labelled } from './collected-metrics.js';
import { addCompletionMetrics } from './completion-metrics.js';
import { loaded } from './loaded.js';
import type { Measured } from './measured.js';

/** Metrics of prom-client that aren't numbers if nothing was measured between two scrapes, which some clients refuse. */
const UNDEFINED_AT_TIMES = ['min', 'mean', 'stddev'].map(
  (figure) => `nodejs_eventloop_lag_${figure}_seconds`,
);

/** The metrics of a server.
 *
 * @throws AppError if prom-client can't be loaded for lack of file descriptors
 */
export function createRegistry(measured: Measured): Registry {
  const { metrics, figures } = measured;
  const client = loaded('prom-client');
  const registry = new client.Registry();
  client.collectDefaultMetrics({ register: registry });
  for (const name of UNDEFINED_AT_TIMES) registry.removeSingleMetric(name);
  addCpuTime(registry);

  const collected = new CollectedMetrics(registry);
  const count = (name: string, help: string, value: () => number) =>
    collected.counter(name, help, [], () => [[{}, value()]]);
  const gauge = (name: string, help: string, value: () => number) =>
    collected.gauge(name, help, [], () => [[{}, value()]]);

  collected.counter(
    'verbatim_requests_total',
    'Completed requests, by path, status, rung (context, prompt, normalized, or none for a miss; upstream; empty without a lookup), and the model whose dataset has the reply.',
    ['route', 'status', 'match', 'model'],
    () => [...metrics.requests].map(({ count, ...labels }) => [{ ...labels }, count]),
  );
  const byRoute = (which: 'whole' | 'first') => () =>
    [...metrics.routes].map(([route, latency]) => ({ labels: { route }, histogram: latency[which] }));
  collected.latency(
    'verbatim_request_duration_seconds',
    'Time from the request to the end of the response.',
    byRoute('whole'),
  );
  collected.latency(
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
  const modelCount = (name: string, help: string, of: (figures: DatasetFigures) => number) =>
    collected.counter(name, help, ['model'], byModel(of));
  const modelGauge = (name: string, help: string, of: (figures: DatasetFigures) => number) =>
    collected.gauge(name, help, ['model'], byModel(of));
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
  if (figures().upstream !== undefined) {
    const outcomes = () =>
      Object.entries(figures().upstream ?? {}).map(([outcome, count]): Labelled => [{ outcome }, count]);
    collected.counter(
      'verbatim_upstream_answers_total',
      'Answers of an upstream: forwarded, recorded, or failed, which are not complete and good.',
      ['outcome'],
      outcomes,
    );
  }
  const { store } = measured;
  if (store.isShared) {
    const isUp = (): Labelled[] => [[{}, Number(store.isUp)]];
    collected.gauge('verbatim_store_up', '1 if the store can be reached, else 0.', [], isUp, 'min');
  }
  addCompletionMetrics(collected, measured);
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
