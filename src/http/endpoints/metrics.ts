import type { Registry } from 'prom-client';
import type { Endpoint } from '../endpoint.js';
import { loaded } from '../loaded.js';
import type { Measured } from '../metrics-registry.js';

/** `GET /metrics`: the metrics in Prometheus's text format. */
export function metrics(measured: Measured): Endpoint<void> {
  let registry: Registry | undefined;
  return {
    parse: () => undefined,
    answer: async () => {
      // Loaded on the first request, since it takes a while.
      const { createRegistry } = await loaded(() => import('../metrics-registry.js'));
      registry ??= createRegistry(measured);
      const text = await registry.metrics();
      return { content: { kind: 'text', type: registry.contentType, text } };
    },
  };
}
