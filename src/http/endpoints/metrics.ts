import type { Registry } from 'prom-client';
import type { Endpoint } from '../endpoint.js';
import { loaded } from '../loaded.js';
import type { Measured } from '../measured.js';
import { createRegistry } from '../metrics-registry.js';
import type { OtherProcesses } from '../other-processes.js';

/** Makes the registry of metrics, once. Throws an `AppError` while prom-client can't be loaded for lack of file descriptors. */
export type RegistryOnce = () => Registry;

/**
 * The registry of a server's metrics. prom-client is loaded on the first call, which takes about 50 ms. Metrics of the process,
 * except its CPU time, begin then.
 */
export function registryOnce(measured: Measured): RegistryOnce {
  let registry: Registry | undefined;
  return () => {
    registry ??= createRegistry(measured);
    return registry;
  };
}

/** The metrics of several processes, as one: each is added up, unless its aggregator says otherwise. */
async function together(registry: Registry, others: readonly (readonly object[])[]): Promise<Registry> {
  const { AggregatorRegistry } = loaded('prom-client');
  return AggregatorRegistry.aggregate([await registry.getMetricsAsJSON(), ...others]);
}

/** `GET /metrics`: the metrics in Prometheus's text format. */
export function metrics(registryOf: RegistryOnce, others: () => OtherProcesses | undefined): Endpoint<void> {
  return {
    parse: () => undefined,
    answer: async () => {
      const registry = registryOf();
      const theirs = (await others()?.metrics()) ?? [];
      const text = await (theirs.length === 0 ? registry : await together(registry, theirs)).metrics();
      return { content: { kind: 'text', type: registry.contentType, text } };
    },
  };
}
