/** The HTTP side on a real socket, over a real pool and dataset, with a fixed clock and zeros for ids. */

import type { RequestListener } from 'node:http';
import type { Express } from 'express';
import { pino } from 'pino';
import { byteCount } from '#dist/core/bytes.js';
import { openDataset } from '#dist/dataset/dataset.js';
import { type App, type AppParts, createApp, type MakeRest } from '#dist/http/app.js';
import { keyCheck } from '#dist/http/auth.js';
import type { Clock } from '#dist/http/clock.js';
import { contextLimitOf } from '#dist/http/context-limits.js';
import { deliveryOf } from '#dist/http/delivery-settings.js';
import { expressApp } from '#dist/http/express-app.js';
import { Listener } from '#dist/http/listener.js';
import type { Figures } from '#dist/http/measured.js';
import { missPolicyOf, standInOf } from '#dist/http/miss-policies.js';
import { RequestMetrics } from '#dist/http/request-metrics.js';
import { urlOf } from '#dist/http/start-lines.js';
import { tokensInFlightOf } from '#dist/http/tokens-in-flight.js';
import type { ServeOptions } from '#dist/index.js';
import { Cache, CachedLookup } from '#dist/lookup/cache.js';
import { NamedTokenizer } from '#dist/lookup/named-tokenizer.js';
import { Catalog } from '#dist/models/catalog.js';
import type { Model } from '#dist/models/model.js';
import { readOptions } from '#dist/settings/read-options.js';
import { MemoryStore } from '#dist/store/memory-store.js';
import { Scopes } from '#dist/store/scopes.js';
import { Testing } from '#dist/testing/testing.js';
import { corporaOf, enginesOf } from './dataset.js';
import { atEndOfFile } from './end-of-file.js';
import { openPool } from './shared-threads.js';

const NO_FIGURES: Figures = {
  datasets: new Map([
    ['dataset', { sweeps: 0, lookups: 0, waiting: 0, indexRows: 0, indexBuildSeconds: 0, datasetBytes: 0 }],
  ]),
  poolQueue: 0,
  workerRestarts: 0,
  inFlight: 0,
  cacheHits: 0,
  cacheMisses: 0,
  cacheBytes: 0,
};

const tokenizer = new NamedTokenizer('o200k_base');

/** Options of an app. */
export type Overrides = Partial<Omit<AppParts, 'replies' | 'clock'> & AppParts['replies'] & Clock & Model> & {
  readonly strictModels?: boolean;
  /** The fallback text for a prompt without a reply; if undefined, an error. */
  readonly fallback?: string;
  /** The status of a prompt without a reply. */
  readonly missStatus?: 400 | 404 | 422;
  /** Settings of delays and failures. */
  readonly delays?: ServeOptions;
  /** How many requests the journal keeps. */
  readonly journal?: number;
};

/** The app over a dataset. */
export async function appOf(
  path: string,
  overrides: Overrides = {},
  engine: 'sweep' | 'index' = 'index',
): Promise<App & { readonly express: Express }> {
  const pool = openPool(2).start();
  const { census, [engine]: engineLookup, index } = await enginesOf(openDataset(path), pool);
  const corpora = await corporaOf(openDataset(path), pool);
  const cache = new Cache(byteCount(1_000_000));
  const model: Model = {
    id: 'dataset',
    searched: '`dataset`',
    created: 1_700_000_000,
    fingerprint: 'fp_0123456789',
    lookup: new CachedLookup(engineLookup, cache),
    uncachedLookup: engineLookup,
    candidates: () => [],
    sharing: (query) => (engine === 'index' ? index.sharing(query) : undefined),
    similar: (query) => (engine === 'index' ? index.similar(query) : undefined),
    status: { isAvailable: true, engine: 'index', progress: 1, counts: census.counts },
    corpus: corpora[engine],
    size: {
      bytes: 1000,
      files: 1,
      indexBytes: engine === 'index' ? 100 : undefined,
      modifiedMs: 1_700_000_000_000,
    },
    pauseBackgroundWork: () => {},
    sourceOf: () => model,
    generation: 0,
    ...overrides,
  };
  const missSettings = {
    onMiss: overrides.fallback === undefined ? 'error' : 'fallback',
    fallbackText: overrides.fallback ?? '',
    missStatus: overrides.missStatus ?? 404,
    nearestMin: 0.9,
  } as const;
  const store = overrides.store ?? new MemoryStore();
  const state = { store, scopes: new Scopes(store) };
  let rest: RequestListener | undefined;
  const makeRest: MakeRest = (parts) => {
    rest = expressApp(parts);
    return rest;
  };
  const parts: AppParts = {
    catalog: new Catalog([model], overrides.strictModels ?? false),
    replies: {
      tokens: overrides.tokens ?? tokenizer,
      maxTokens: overrides.maxTokens ?? 'tolerant',
    },
    onMiss: missPolicyOf(missSettings),
    standIn: standInOf(missSettings),
    missStatus: 404,
    tokenizer,
    cache,
    delivery: deliveryOf(readOptions(overrides.delays ?? {}), state),
    contextLimitOf: contextLimitOf(readOptions(overrides.delays ?? {})),
    tokensInFlight: tokensInFlightOf(readOptions(overrides.delays ?? {})),
    clock: {
      now: overrides.now ?? (() => 1_700_000_000_999),
      newId: overrides.newId ?? ((length) => '0'.repeat(length)),
    },
    version: '1.2.3',
    testing: new Testing(overrides.journal ?? 0, false, state),
    store,
    bodyLimit: byteCount(1_000_000),
    heldBytesMax: byteCount(100_000_000),
    hasKeys: false,
    keyCheck: keyCheck([]),
    corsOrigins: [],
    rateLimit: 0,
    requestTimeoutMs: 60_000,
    isStopping: () => false,
    metrics: new RequestMetrics(),
    figures: () => NO_FIGURES,
    logger: pino({ level: 'silent' }),
    ...overrides,
  };
  return { ...createApp(parts, makeRest), express: rest as unknown as Express };
}

/** Makes an app require a key. */
export function guardedBy(...keys: readonly string[]): Pick<AppParts, 'hasKeys' | 'keyCheck'> {
  return { hasKeys: true, keyCheck: keyCheck(keys) };
}

/** Serves a dataset until the test file has finished; returns the base URL. */
export async function serveApp(...app: Parameters<typeof appOf>): Promise<string> {
  const { handle, classes, refusedHeaders } = await appOf(...app);
  const listener = new Listener(handle, classes);
  listener.refusedHeaders = refusedHeaders;
  const address = await listener.listen('127.0.0.1', 0);
  atEndOfFile(() => listener.stop());
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
