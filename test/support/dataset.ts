/** Datasets on disk, opened and sharded as in the server. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileCorpus } from '#dist/corpus/file-corpus.js';
import { hashIds } from '#dist/corpus/id-hashes.js';
import { searchFile } from '#dist/corpus/search.js';
import { type Dataset, openDataset } from '#dist/dataset/dataset.js';
import { DatasetReader } from '#dist/dataset/reader.js';
import { KEY_BITS, Kernel, kernelModule } from '#dist/kernel/kernel.js';
import { IndexLookup } from '#dist/lookup/indexed.js';
import { SweepLookup } from '#dist/lookup/sweep.js';
import { Census } from '#dist/models/census.js';
import { planShards } from '#dist/workers/plan-shards.js';
import { WorkerPool } from '#dist/workers/pool.js';
import { newStopFlag } from '#dist/workers/stop-flag.js';
import { atEndOfFile } from './end-of-file.js';
import { temporaryFolder } from './temporary.js';

/** The initial capacity of the main thread's kernel, in bytes. */
export const KERNEL_BYTES = 1 << 16;

/** A kernel like the main thread's. */
export function newKernel(keyBits: number = KEY_BITS, capacity: number = KERNEL_BYTES): Kernel {
  return new Kernel(kernelModule(), capacity, keyBits);
}

/** A pool that is closed after the test file. */
export function poolOf(workers: number, keyBits: number = KEY_BITS): WorkerPool {
  const pool = new WorkerPool(workers, keyBits);
  atEndOfFile(() => pool.close());
  return pool;
}

/** Writes datasets into their own folder, which is removed after the test file. */
export function datasetWriter(): (content: string | Buffer) => Dataset {
  const folder = temporaryFolder();
  let written = 0;
  return (content) => {
    const path = join(folder, `${written++}.json`);
    writeFileSync(path, content);
    return openDataset(path);
  };
}

/** The sweep engine and the census over a dataset. */
export function sweepOf(dataset: Dataset, pool: WorkerPool, kernel: Kernel = newKernel()) {
  const plan = planShards(dataset, pool.workers, kernel);
  const reader = new DatasetReader(dataset.file);
  return {
    plan,
    reader,
    sweep: new SweepLookup(plan, pool, kernel, reader),
    census: new Census(plan, pool, newStopFlag()),
  };
}

/** Both engines over a dataset. */
export async function enginesOf(dataset: Dataset, pool: WorkerPool, kernel: Kernel = newKernel()) {
  const { census, reader, ...rest } = sweepOf(dataset, pool, kernel);
  const table = await census.take(true, () => undefined);
  if (table === undefined) throw new Error('expected an index');
  return { ...rest, census, reader, table, index: new IndexLookup([table], kernel, reader) };
}

/** A dataset to look at, as both engines have it. */
export async function corporaOf(dataset: Dataset, pool: WorkerPool) {
  const { plan, reader, census, table } = await enginesOf(dataset, pool);
  const corpusWith = (index: typeof table | undefined) =>
    new FileCorpus({
      dataset,
      reader,
      records: () => census.counts.records,
      tables: () => index && [index],
      marks: () => Promise.resolve(census.marks),
      hashIds: () => hashIds(plan, pool, newStopFlag()),
      search: (order, signal) =>
        searchFile({ dataset, marks: census.marks, plan }, order, pool, () => pool.workers, signal),
    });
  return { index: corpusWith(table), sweep: corpusWith(undefined), table, census };
}
