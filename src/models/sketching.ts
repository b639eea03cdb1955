import { datasetErrorOf } from '../dataset/dataset.js';
import { DatasetError } from '../dataset/dataset-error.js';
import { kernelModule } from '../kernel/kernel.js';
import { Sketches } from '../kernel/sketches.js';
import type { Workers } from '../workers/own-thread.js';
import type { ShardPlan } from '../workers/shard-run.js';
import type { StopFlag } from '../workers/stop-flag.js';

/**
 * Walks a dataset again, and makes the sketches of all turns of its index that have a reply.
 *
 * @param count how many turns that are
 * @param workers how many threads to keep busy
 * @throws DatasetError when the file can't be read, when it has changed, or when it was stopped
 */
export async function makeSketches(
  plan: ShardPlan,
  pool: Workers,
  count: number,
  stop: StopFlag,
  workers: number,
): Promise<Sketches> {
  const { dataset, seed } = plan;
  const sketches = new Sketches(kernelModule(), count);
  for await (const { result } of plan.run(
    (shard) => pool.sketchShard({ dataset, shard, seed, stop }),
    workers,
  )) {
    if (result.kind === 'failed') throw datasetErrorOf(dataset, result);
    if (!sketches.add(result.value.sketches)) break;
  }
  if (sketches.isComplete) return sketches;
  throw new DatasetError(dataset.file.path, 'it has changed since its index was built', undefined, true);
}
