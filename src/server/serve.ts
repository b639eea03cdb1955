import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { byteCount } from '../core/bytes.js';
import { counted } from '../core/counted.js';
import { READ_BEFORE_LISTENING_BYTES } from '../core/limits.js';
import { CachedLookup } from '../lookup/cache.js';
import { type Dataset, DatasetError, openDataset, planShards } from '../lookup/dataset.js';
import { Inventory } from '../lookup/inventory.js';
import { SweepLookup } from '../lookup/sweep.js';
import { WorkerPool } from '../workers/pool.js';
import { newStopFlag, stopAll } from '../workers/stop-flag.js';
import { createApp } from './app.js';
import { Listener } from './listener.js';
import type { Services } from './services.js';
import { countsLine, servingLine, tryLine, urlOf } from './start-lines.js';

/** What a run of the server needs of the outside world. */
interface Surroundings {
  readonly logger: Logger;
  /** Takes the lines for the person who started it. */
  readonly print: (line: string) => void;
  /** Ends the server, in order. */
  readonly signal: AbortSignal;
}

const ENGINE = 'sweep';

/**
 * Serves until the signal comes: opens the dataset, cuts it into shards, reads the first of them through, listens, and
 * reads the rest while it answers already. Comes back when all requests are answered and the threads have ended.
 *
 * @throws DatasetError if the file can't be served, ListenError if the address can't be had
 */
export async function serve(config: Config, { logger, print, signal }: Surroundings): Promise<void> {
  logger.debug({ dataset: config.dataset }, 'opening the dataset');
  if (signal.aborted) return;
  const dataset = openDataset(config.dataset);
  const pool = new WorkerPool(config.workers);
  const stop = newStopFlag();
  signal.addEventListener('abort', () => stopAll(stop));
  try {
    const plan = await planShards(dataset, pool, stop);
    const inventory = new Inventory(dataset, plan, pool, stop);
    // Where the nesting doesn't come out even, reading will find the place: there is nothing to serve.
    await inventory.read(plan.sound ? READ_BEFORE_LISTENING_BYTES : undefined);
    if (signal.aborted) return;

    const lookup = new SweepLookup(dataset, plan, pool);
    const listener = new Listener(createApp(servicesOf(config, dataset, lookup, inventory, logger)));
    const address = await listener.listen(config.host, config.port);
    try {
      const isCounted = inventory.progress === 1;
      const counts = isCounted ? inventory.counts : undefined;
      print(servingLine(config.dataset, dataset.file.size, config.workers, ENGINE, counts));
      print(`listening on ${urlOf(address)}`);
      print(tryLine(address, inventory.counts.example, config.apiKeys.length > 0));
      const told = signal.aborted ? Promise.resolve() : once(signal, 'abort');
      // The count may stand behind many lookups: a stop doesn't wait for it.
      await Promise.race([told, countTheRest(inventory, logger)]);
      if (!isCounted && inventory.progress === 1) print(`the dataset holds ${countsLine(inventory.counts)}`);
      await told;
    } finally {
      await listener.stop();
    }
  } catch (error) {
    // A start that was called off has not failed.
    if (!signal.aborted) throw error;
  } finally {
    stopAll(stop);
    await pool.close();
  }
}

function servicesOf(
  config: Config,
  dataset: Dataset,
  uncachedLookup: SweepLookup,
  inventory: Inventory,
  logger: Logger,
): Services {
  const cacheBytes = byteCount(config.cacheMb * 1_000_000);
  return {
    uncachedLookup,
    lookup: cacheBytes > 0 ? new CachedLookup(uncachedLookup, cacheBytes) : uncachedLookup,
    model: { id: dataset.name, created: Math.floor(dataset.file.mtimeMs / 1000) },
    status: () => {
      const { conversations, turns } = inventory.counts;
      return { engine: ENGINE, progress: inventory.progress, conversations, turns };
    },
    example: () => inventory.counts.example,
    bodyLimit: byteCount(config.bodyLimitMb * 1_000_000),
    apiKeys: config.apiKeys,
    logger,
    now: Date.now,
    newId: (length) =>
      randomBytes(Math.ceil(length / 2))
        .toString('hex')
        .slice(0, length),
  };
}

/** Reads what the start left unread. That the file can't be read just now doesn't end the server. */
async function countTheRest(inventory: Inventory, logger: Logger): Promise<void> {
  try {
    await inventory.read();
  } catch (error) {
    if (!(error instanceof DatasetError && error.isTransient)) throw error;
    logger.error({ err: error }, 'the dataset could not be counted');
  }
  const { skipped, skippedAt } = inventory.counts;
  if (skipped === 0) return;
  const what = counted(skipped, 'record that is no conversation', 'records that are no conversations');
  logger.warn({ skipped, skippedAt }, `skipped ${what}; skippedAt has the byte offsets of the first`);
}
