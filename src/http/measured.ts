/** What the metrics are read from. */

import type { Delivery } from '../delivery/delivery.js';
import type { Catalog } from '../models/catalog.js';
import type { DatasetFigures } from '../models/served.js';
import type { Store } from '../store/store.js';
import type { RequestMetrics } from './request-metrics.js';
import type { TokensInFlight } from './tokens-in-flight.js';
import type { UpstreamCounts } from './upstream-answers.js';

/** Figures besides those of requests. */
export interface Figures {
  /** Of each model, by its id. */
  readonly datasets: ReadonlyMap<string, DatasetFigures>;
  /** Tasks in the queue of the worker pool. */
  readonly poolQueue: number;
  readonly workerRestarts: number;
  /** Requests in flight. */
  readonly inFlight: number;
  readonly cacheHits: number;
  readonly cacheMisses: number;
  readonly cacheBytes: number;
  /** Undefined if no upstream is asked. */
  readonly upstream?: UpstreamCounts | undefined;
}

/** The sources of all metrics. */
export interface Measured {
  readonly metrics: RequestMetrics;
  readonly figures: () => Figures;
  readonly catalog: Pick<Catalog, 'models'>;
  readonly delivery: Pick<Delivery, 'hasCapacity' | 'capacityOf'>;
  readonly tokensInFlight: TokensInFlight;
  readonly store: Pick<Store, 'isShared' | 'isUp'>;
}
