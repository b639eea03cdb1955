import type { Registry } from 'prom-client';
import type { Endpoint } from '../endpoint.js';
import { loaded } from '../loaded.js';
import type { Measured } from '../measured.js';
import type { OtherProcesses } from '../other-processes.js';

/** Makes the registry of metrics, once. */
export type RegistryOnce = () => Promise<Registry>;

/**
 * The registry of a server's metrics. It is loaded and created on the first call, which takes about 50 ms. Metrics of the process, except
 * its CPU time, begin then.
 */
export function registryOnce(measured: Measured): RegistryOnce {
  let registry: Registry | undefined;
  return async () => {
    const { createRegistry } = await loaded(() => import('../metrics-registry.js'));
    registry ??= createRegistry(measured);
    return registry;
  };
}

/** The metrics of several processes, as one: each is added up, unless its aggregator says otherwise. */
async function together(registry: Registry, others: readonly (readonly object[])[]): Promise<Registry> {
  const { AggregatorRegistry } = await import('prom-client');
  return AggregatorRegistry.aggregate([await registry.getMetricsAsJSON(), ...others]);
}

/** `GET /metrics`: the metrics in Prometheus's text format. */
export function metrics(registryOf: RegistryOnce, others: () => OtherProcesses | undefined): Endpoint<void> {
  return {
    parse: () => undefined,
    answer: async () => {
      const registry = await registryOf();
      const theirs = (await others()?.metrics()) ?? [];
      const text = await (theirs.length === 0 ? registry : await together(registry, theirs)).metrics();
      return { content: { kind: 'text', type: registry.contentType, text } };
    },
  };
}
