/** The HTTP side on a real socket, over a real pool and dataset, with a clock that stands and ids that are zeros. */

import { pino } from 'pino';
import { afterAll } from 'vitest';
import { byteCount } from '#dist/core/bytes.js';
import { Cache, CachedLookup } from '#dist/lookup/cache.js';
import { openDataset } from '#dist/lookup/dataset.js';
import { RealCounter } from '#dist/lookup/token-counter.js';
import { type App, createApp } from '#dist/server/app.js';
import { keyCheck } from '#dist/server/auth.js';
import { Listener } from '#dist/server/listener.js';
import { RequestMetrics } from '#dist/server/request-metrics.js';
import type { Figures, Services } from '#dist/server/services.js';
import { urlOf } from '#dist/server/start-lines.js';
import { TokenPool } from '#dist/workers/token-pool.js';
import { enginesOf, poolOf } from './dataset.js';

/** One for all apps of a test file: a tokenizer takes a while to load. */
const tokens = new TokenPool('o200k_base');
afterAll(() => tokens.close());

const NO_FIGURES: Figures = {
  sweeps: 0,
  riders: 0,
  waiting: 0,
  indexRows: 0,
  indexBuildSeconds: 0,
  poolQueue: 0,
  workerRestarts: 0,
  datasetBytes: 0,
  inFlight: 0,
  cacheHits: 0,
  cacheMisses: 0,
  cacheBytes: 0,
};

/** The app over a dataset. */
export async function appOf(
  path: string,
  overrides: Partial<Services> = {},
  engine: 'sweep' | 'index' = 'index',
): Promise<App> {
  const { census, [engine]: lookup, index } = await enginesOf(openDataset(path), poolOf(2));
  const cache = new Cache(byteCount(1_000_000));
  return createApp({
    uncachedLookup: lookup,
    lookup: new CachedLookup(lookup, cache),
    answers: cache.part('answer '),
    alike: (query) => (engine === 'index' ? index.alike(query) : undefined),
    model: { id: 'dataset', created: 1_700_000_000 },
    fingerprint: () => 'fp_0123456789',
    strictModels: false,
    fallback: undefined,
    tokens: new RealCounter(tokens),
    giveWay: () => {},
    tokenPool: tokens,
    maxTokens: 'tolerant',
    version: '1.2.3',
    status: () => ({ isAvailable: true, engine: 'index', progress: 1, counts: census.counts }),
    bodyLimit: byteCount(1_000_000),
    hasKeys: false,
    keyCheck: keyCheck([]),
    corsOrigins: [],
    rateLimit: 0,
    requestTimeoutMs: 60_000,
    isStopping: () => false,
    metrics: new RequestMetrics(),
    figures: () => NO_FIGURES,
    logger: pino({ level: 'silent' }),
    now: () => 1_700_000_000_999,
    newId: (length) => '0'.repeat(length),
    ...overrides,
  });
}

/** What of the services makes an app ask for a key. */
export function guardedBy(...keys: readonly string[]): Pick<Services, 'hasKeys' | 'keyCheck'> {
  return { hasKeys: true, keyCheck: keyCheck(keys) };
}

/** Serves a dataset until the test file is through; returns the base URL. */
export async function serveApp(...app: Parameters<typeof appOf>): Promise<string> {
  const { handle, classes } = await appOf(...app);
  const listener = new Listener(handle, classes);
  const address = await listener.listen('127.0.0.1', 0);
  afterAll(() => listener.stop());
  return urlOf(address);
}

/** Posts JSON, or any text as it is. */
export function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}
