import type { IncomingMessage } from 'node:http';
import { LEGACY_BASE } from '../../api/operation.js';
import { AppError } from '../../core/errors.js';
import { BENCHMARK_REQUESTS } from '../../core/limits.js';
import type { Catalog } from '../../models/catalog.js';
import { serverAddressOf } from '../client-address.js';
import { type Endpoint, jsonOf } from '../endpoint.js';

/** The paths that may be measured, below the base path of the legacy API. */
const PATHS = ['/completion', '/completion/v1'];

/**
 * `GET /api/v1/chat/api/benchmarks?path=/completion`: sends requests to that path, one after the other, all with the same prompt, and
 * reports how long they took. One run at a time.
 */
export function legacyBenchmark(catalog: Catalog): Endpoint<string> {
  let running = false;
  return {
    parse: ({ query: { path = PATHS[0] } }) => {
      if (typeof path === 'string' && PATHS.includes(path)) return path;
      const expected = PATHS.map((each) => `'${each}'`).join(' or ');
      throw new AppError('invalid_value', { param: 'path', message: `Input should be ${expected}` });
    },
    answer: async (path, { request, signal }) => {
      if (running) throw new AppError('benchmark_running');
      running = true;
      try {
        const { example = '' } = catalog.resolve(undefined).status.counts;
        const averageMs = await measure(request, path, example, signal());
        return jsonOf({
          requests_per_minute: (60_000 / averageMs).toFixed(2),
          avg_latency_in_seconds: (averageMs / 1000).toFixed(6),
        });
      } finally {
        running = false;
      }
    },
  };
}

/** The mean latency in ms. */
async function measure(
  request: IncomingMessage,
  path: string,
  value: string,
  signal: AbortSignal,
): Promise<number> {
  const address = serverAddressOf(request);
  const startMs = performance.now();
  const body = JSON.stringify({ conversation: { from: 'human', value } });
  const headers = { 'content-type': 'application/json', ...keyOf(request) };
  try {
    for (let i = 0; i < BENCHMARK_REQUESTS; i++) {
      const url = `http://${address}${LEGACY_BASE}${path}`;
      const answer = await fetch(url, { method: 'POST', headers, body, signal });
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`a request was answered with ${answer.status}`);
    }
  } catch (cause) {
    throw new AppError('benchmark_failed', { cause });
  }
  return (performance.now() - startMs) / BENCHMARK_REQUESTS;
}

/** The client's key, in the same header. */
function keyOf({ headers }: IncomingMessage): Record<string, string> {
  const { authorization, 'api-key': apiKey } = headers;
  return {
    ...(authorization && { authorization }),
    ...(typeof apiKey === 'string' && { 'api-key': apiKey }),
  };
}
