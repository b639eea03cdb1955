/** Several datasets in one app. */

import { byteCount } from '#dist/core/bytes.js';
import { DEFAULT_SHAPE_OPTIONS } from '#dist/dataset/shapes/shape.js';
import { Cache } from '#dist/lookup/cache.js';
import { Catalog } from '#dist/models/catalog.js';
import { ServedDatasets } from '#dist/models/served-datasets.js';
import { ServedModel } from '#dist/models/served-model.js';
import { serveApp } from './app.js';
import { atEndOfFile } from './end-of-file.js';
import { Recorder } from './served.js';
import { openPool } from './shared-threads.js';

/**
 * Serves datasets until the test file has finished; returns the base URL, the cache and the datasets.
 *
 * @param paths by the ids of their models
 */
export async function serveModels(
  paths: Readonly<Record<string, string>>,
  { strictModels = false }: { readonly strictModels?: boolean } = {},
): Promise<{ readonly url: string; readonly cache: Cache; readonly datasets: ServedDatasets }> {
  const specs = Object.entries(paths).map(([id, path]) => ({ id, path }));
  const cache = new Cache(byteCount(1_000_000));
  const options = {
    engine: 'index' as const,
    pool: openPool(1),
    indexDir: 'none',
    shapes: DEFAULT_SHAPE_OPTIONS,
    splits: [],
    tokens: 'o200k_base' as const,
    countsAhead: false,
  };
  const datasets = await ServedDatasets.open(specs, options, () => new Recorder());
  atEndOfFile(() => datasets.close());
  await datasets.start();
  const models = datasets.all.map(({ id, served }) => new ServedModel(id, served, { cache }));
  const catalog = new Catalog(models, strictModels);
  const url = await serveApp(Object.values(paths)[0] as string, { catalog, cache });
  return { url, cache, datasets };
}
