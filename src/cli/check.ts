import { counted } from '../core/counted.js';
import { SHARD_BYTES, SURVEY_BYTES_MIN } from '../core/limits.js';
import type { Counts } from '../dataset/counts.js';
import { type Dataset, openDataset, withDataset } from '../dataset/dataset.js';
import { printable, printablePosition } from '../dataset/dataset-error.js';
import { positionOf } from '../dataset/position.js';
import type { Progress } from '../http/progress.js';
import { Kernel, kernelModule } from '../kernel/kernel.js';
import { Census } from '../models/census.js';
import { planShards } from '../workers/plan-shards.js';
import { WorkerPool } from '../workers/pool.js';
import { newStopFlag, stopAll } from '../workers/stop-flag.js';

/**
 * Reads a whole dataset, as the server does before it builds an index.
 *
 * @param workersMax the most threads to use; a short file gets fewer
 * @returns a summary of the dataset, in one line for people
 * @throws DatasetError if the server can't serve the file
 */
export async function check(path: string, workersMax: number, progress: Progress): Promise<string> {
  const dataset = openDataset(path);
  const workers = Math.min(workersMax, Math.ceil(dataset.file.size / SHARD_BYTES));
  const pool = new WorkerPool(workers);
  const stop = newStopFlag();
  try {
    const plan = planShards(dataset, workers, new Kernel(kernelModule(), SURVEY_BYTES_MIN));
    const census = new Census(plan, pool, stop);
    await census.take(false, () => progress.show(census.progress, dataset.body.end));
    return `${printable(path)}: ${summaryOf(dataset, census.counts)}`;
  } finally {
    progress.end();
    stopAll(stop);
    await pool.close();
  }
}

function summaryOf(dataset: Dataset, { conversations, turns, skipped, skippedAt: [first] }: Counts): string {
  const parts = [counted(conversations, 'conversation'), counted(turns, 'turn')];
  if (first !== undefined) {
    parts.push(counted(skipped, 'record that is not a conversation', 'records that are not conversations'));
    const position = withDataset(dataset, (fd) => positionOf(fd, first));
    parts.push(`${skipped === 1 ? '' : 'the first '}at ${printablePosition(dataset.file.path, position)}`);
  }
  return parts.join(', ');
}
