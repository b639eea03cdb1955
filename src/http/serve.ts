/** How a server starts: its threads first, since they are slow to start, then the modules that they needn't wait for. */

import type { Logger } from 'pino';
import { INDEXED_HERE_BYTES_MAX, WORKER_BYTES_MIN } from '../core/limits.js';
import { identityAt } from '../dataset/file.js';
import { isSeveral } from '../dataset/several.js';
import { spoolPaths } from '../dataset/spool-paths.js';
import { isIndexSaved } from '../index/paths.js';
import type { Config } from '../settings/table.js';
import { SharedPool } from '../workers/shared-pool.js';
import type { Surroundings } from './serving.js';

/**
 * Serves until the signal aborts: opens the dataset, listens as soon as there is something to answer from, and walks the rest while it
 * answers. Resolves when all requests are answered and the threads have ended. Logs it if the signal aborts before the server is ready.
 *
 * @throws DatasetError if the file can't be served, ListenError if the server can't listen on the address
 */
export async function serve(config: Config, surroundings: Surroundings): Promise<void> {
  let logger: Promise<Logger> | undefined;
  const loadLogger = () => {
    logger ??= surroundings.loadLogger();
    return logger;
  };
  const wasReady = !surroundings.signal.aborted && (await run(config, { ...surroundings, loadLogger }));
  if (!wasReady) (await loadLogger()).info('stopped before it was ready');
}

/** @returns false if the signal aborted before the server was ready */
async function run(config: Config, surroundings: Surroundings): Promise<boolean> {
  const { engine, dataset, indexDir, workers } = config;
  const pool = new SharedPool(workers, () => (engine === 'sweep' ? workers : workersFor(config)));
  // With saved indexes they are hardly ever needed.
  const isIndexed = dataset.every(({ path }) => hasSavedIndex(path, indexDir));
  if (engine === 'sweep' || !(isIndexed || dataset.every(({ path }) => isShort(path)))) pool.start();
  try {
    const { serveWithPool } = await import('./serving.js');
    return await serveWithPool(pool, isIndexed, config, surroundings);
  } finally {
    await pool.close();
  }
}

/** A thread takes longer to start than to read a small file: such files don't need all of them. */
function workersFor({ dataset, workers }: Config): number {
  const bytes = dataset.reduce(
    (sum, { path }) => sum + (identityAt(path)?.size ?? Number.POSITIVE_INFINITY),
    0,
  );
  return Math.max(1, Math.min(workers, Math.ceil(bytes / WORKER_BYTES_MIN)));
}

/** True for a file that is read without other threads, unless it has to be converted. */
function isShort(path: string): boolean {
  return !isSeveral(path) && (identityAt(path)?.size ?? Number.POSITIVE_INFINITY) <= INDEXED_HERE_BYTES_MAX;
}

/** True if there is an index of the file, or of its spool. */
function hasSavedIndex(path: string, indexDir: string | undefined): boolean {
  return [path, ...spoolPaths(path, indexDir, '')].some((each) => isIndexSaved(each, indexDir));
}
