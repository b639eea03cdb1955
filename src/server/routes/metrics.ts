import type { RequestHandler } from 'express';
import type { Registry } from 'prom-client';
import type { Services } from '../services.js';

/** `GET /metrics`: what Prometheus reads, in its text format. */
export function metrics(services: Services): RequestHandler {
  let registry: Promise<Registry> | undefined;
  return async (_request, response) => {
    // Loaded only where somebody asks: it takes a while.
    registry ??= import('../metrics-registry.js').then(({ createRegistry }) => createRegistry(services));
    const { contentType } = await registry;
    response.setHeader('content-type', contentType);
    response.end(await (await registry).metrics());
  };
}
