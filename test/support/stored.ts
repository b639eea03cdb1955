/** Datasets in a store. */

import type { Dataset } from '#dist/dataset/dataset.js';
import { DEFAULT_SHAPE_OPTIONS } from '#dist/dataset/shapes/shape.js';
import { StoredLookup } from '#dist/lookup/stored.js';
import type { StoredVersion } from '#dist/lookup/stored-version.js';
import { type LoadOptions, load } from '#dist/models/loading.js';
import { storeAddress } from '#dist/settings/parsers.js';
import { StoreConnection } from '#dist/store/connection.js';
import { DatasetKeys } from '#dist/store/dataset-keys.js';
import type { WorkerPool } from '#dist/workers/pool.js';
import { newKernel } from './dataset.js';
import { atEndOfFile } from './end-of-file.js';

const PREFIX = 'test:';

/** A connection that is up. It is closed after the test file. */
export async function connectedTo(url: string): Promise<StoreConnection> {
  const address = storeAddress(url);
  if (address === undefined) throw new Error('expected an address');
  let onUp = () => {};
  const isUp = new Promise<void>((resolve) => {
    onUp = resolve;
  });
  const connection = await StoreConnection.open({ ...address, prefix: PREFIX }, { onUp, onAway: () => {} });
  atEndOfFile(() => connection.close());
  await isUp;
  return connection;
}

/** Loads files into a store, and returns a lookup in what was loaded. */
export async function storedLookup(
  connection: StoreConnection,
  datasets: readonly Dataset[],
  pool: WorkerPool,
  options: Partial<LoadOptions> = {},
) {
  const all: LoadOptions = {
    connection,
    prefix: PREFIX,
    name: 'dataset',
    shapes: DEFAULT_SHAPE_OPTIONS,
    pool,
    kernel: newKernel(),
    fingerprint: 'fp_test',
    onProgress: () => {},
    note: () => {},
    signal: new AbortController().signal,
    graceMs: 0,
    ...options,
  };
  const loaded = await load(datasets, all);
  const keys = new DatasetKeys(PREFIX);
  const key = keys.versionOf(all.name);
  const now = JSON.parse(String(await connection.call(key, ['GET', key]))) as StoredVersion;
  const versions = { now, refresh: () => Promise.resolve() };
  return { loaded, version: now, keys, lookup: new StoredLookup(connection, keys, versions, newKernel()) };
}
