/** The modules that answer requests, as one: it is loaded while the threads already read the dataset. */

export { Cache } from '../lookup/cache.js';
export { estimatingCounter, RealCounter } from '../lookup/token-counter.js';
export { Catalog } from '../models/catalog.js';
export { ServedModel } from '../models/served-model.js';
export { createApp } from './app.js';
export { contextLimitOf } from './context-limits.js';
export { expressApp } from './express-app.js';
export { Listener } from './listener.js';
export { missPolicyOf, standInOf } from './miss-policies.js';
export { RequestMetrics } from './request-metrics.js';
export { tokensInFlightOf } from './tokens-in-flight.js';
