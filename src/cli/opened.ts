import { CommandError } from '../core/errors.js';
import type { ModelSpec } from '../core/model-spec.js';
import { identityAt } from '../dataset/file.js';
import type { Progress } from '../http/progress.js';
import { NO_NOTICES } from '../models/notices.js';
import type { Served } from '../models/served.js';
import { ServedDatasets } from '../models/served-datasets.js';
import { ServedModel } from '../models/served-model.js';
import type { CheckSettings } from '../settings/read-settings.js';
import { SharedPool } from '../workers/shared-pool.js';

/**
 * Opens a dataset as the server does, and looks at it. Nothing is saved: what has to be converted is converted to a temporary folder.
 *
 * @param engine `index` to walk all of it and build an index, `sweep` to look while it is walked; undefined if it need not be walked
 * @param look is given the dataset, and what it is served from; `walked` settles when all of it was walked, if it is
 * @throws DatasetError if the server can't serve it, or what `look` throws
 */
export async function withOpened<T>(
  spec: ModelSpec,
  { workers, prefer, map, split }: CheckSettings,
  engine: 'index' | 'sweep' | undefined,
  progress: Progress,
  look: (model: ServedModel, served: Served, walked: Promise<unknown>) => Promise<T>,
): Promise<T> {
  const pool = new SharedPool(workers);
  const ignore = () => {};
  let datasets: ServedDatasets | undefined;
  const notices = {
    ...NO_NOTICES,
    progress: () => datasets !== undefined && progress.show(datasets.progress, datasets.bytes),
    spooling: (share: number) => progress.show(share, identityAt(spec.path)?.size ?? 0, 'convert'),
  };
  const options = {
    engine: engine ?? 'sweep',
    pool,
    shapes: { prefers: prefer, map },
    splits: split,
    tokens: 'o200k_base' as const,
    leavesGrowth: true,
  };
  try {
    datasets = await ServedDatasets.open(
      [spec],
      { ...options, indexDir: 'none', countsAhead: false },
      () => notices,
    );
    const [opened] = datasets.all;
    if (opened === undefined) throw new CommandError('expected a dataset');
    let walked: Promise<unknown> = Promise.resolve();
    if (engine !== undefined) {
      ({ walked } = await datasets.start());
      // If it fails, so does `look`.
      walked.catch(ignore);
      if (engine === 'index') await walked;
    }
    return await look(new ServedModel(opened.id, opened.served), opened.served, walked);
  } finally {
    progress.end();
    await datasets?.close();
    await pool.close();
  }
}
