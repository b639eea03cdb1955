/** Datasets on disk, opened and cut as the server does it. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type Dataset, openDataset, planShards } from '#dist/lookup/dataset.js';
import { Inventory } from '#dist/lookup/inventory.js';
import { SweepLookup } from '#dist/lookup/sweep.js';
import { WorkerPool } from '#dist/workers/pool.js';
import { newStopFlag } from '#dist/workers/stop-flag.js';
import { temporaryFolder } from './temporary.js';

/** A pool that is closed when the test file is through. */
export function poolOf(workers: number): WorkerPool {
  const pool = new WorkerPool(workers);
  afterAll(() => pool.close());
  return pool;
}

/** Writes datasets into a folder of their own, which goes when the test file is through. */
export function datasetWriter(): (content: string | Buffer) => Dataset {
  const folder = temporaryFolder();
  let written = 0;
  return (content) => {
    const path = join(folder, `${written++}.json`);
    writeFileSync(path, content);
    return openDataset(path);
  };
}

/** The engine and the inventory over a dataset. */
export async function enginesOf(dataset: Dataset, pool: WorkerPool) {
  const stop = newStopFlag();
  const plan = await planShards(dataset, pool, stop);
  return {
    plan,
    lookup: new SweepLookup(dataset, plan, pool),
    inventory: new Inventory(dataset, plan, pool, stop),
  };
}
