/** The modules that answer requests, as one: it is loaded while the threads already read the dataset. */

export { Cache } from '../lookup/cache.js';
export { Catalog } from '../models/catalog.js';
export { ServedModel } from '../models/served-model.js';
export { Testing } from '../testing/testing.js';
export { createApp } from './app.js';
export { configuredParts } from './configured-parts.js';
export { lateExpressApp } from './express-app.js';
export { Listener } from './listener.js';
export { OtherProcesses } from './other-processes.js';
export { RequestMetrics } from './request-metrics.js';
export { summaryOf } from './summary.js';
