import { DEFAULT_SHAPE_OPTIONS } from '#dist/dataset/shapes/shape.js';
import type { Engine } from '#dist/models/build.js';
import { NO_NOTICES } from '#dist/models/notices.js';
import { ServedDataset } from '#dist/models/served-dataset.js';
import { SharedPool } from '#dist/workers/shared-pool.js';
import { WORKERS } from './figures.js';

/** Opens a dataset in this process, passes it to `use` after the walk has finished, and always closes it. */
export async function withServed<T>(
  path: string,
  engine: Engine,
  use: (served: ServedDataset) => Promise<T>,
): Promise<T> {
  const options = {
    engine,
    pool: new SharedPool(WORKERS),
    indexDir: 'none',
    shapes: DEFAULT_SHAPE_OPTIONS,
    splits: [],
    // No request reaches it: nothing measured here has usage.
    tokens: 'o200k_base' as const,
    countsAhead: false,
    notices: NO_NOTICES,
  };
  const served = await ServedDataset.open(path, options);
  try {
    const { walked } = await served.start();
    await walked;
    return await use(served);
  } finally {
    await served.close();
  }
}
