import type { Registry } from 'prom-client';
import type { Endpoint } from '../endpoint.js';
import { loaded } from '../loaded.js';
import type { Measured } from '../measured.js';

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

/** `GET /metrics`: the metrics in Prometheus's text format. */
export function metrics(registryOf: RegistryOnce): Endpoint<void> {
  return {
    parse: () => undefined,
    answer: async () => {
      const registry = await registryOf();
      const text = await registry.metrics();
      return { content: { kind: 'text', type: registry.contentType, text } };
    },
  };
}
