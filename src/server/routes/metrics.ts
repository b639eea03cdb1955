import type { RequestHandler } from 'express';
import type { Registry } from 'prom-client';
import type { Services } from '../services.js';

/** `GET /metrics`: what Prometheus reads, in its text format. */
export function metrics(services: Services): RequestHandler {
  let registry: Registry | undefined;
  return async (_request, response) => {
    // Loaded only where somebody asks: it takes a while.
    const { createRegistry } = await import('../metrics-registry.js');
    registry ??= createRegistry(services);
    response.setHeader('content-type', registry.contentType);
    response.end(await registry.metrics());
  };
}
