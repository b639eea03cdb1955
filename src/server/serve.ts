import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { byteCount } from '../core/bytes.js';
import { counted } from '../core/counted.js';
import { READ_BEFORE_LISTENING_BYTES } from '../core/limits.js';
import { CachedLookup } from '../lookup/cache.js';
import { openDataset, planShards } from '../lookup/dataset.js';
import { Inventory } from '../lookup/inventory.js';
import { SweepLookup } from '../lookup/sweep.js';
import { WorkerPool } from '../workers/pool.js';
import { createApp } from './app.js';
import { Listener } from './listener.js';
import { countsLine, servingLine, tryLine, urlOf } from './start-lines.js';

/** A server that listens. */
export interface RunningServer {
  /** Settles when the dataset was read through; rejects with a DatasetError if it turned out to be broken. */
  readonly inventoried: Promise<void>;
  /** Answers what has come, then ends the threads. */
  stop(): Promise<void>;
}

/**
 * Starts the server: opens the dataset, cuts it into shards, reads the first of them through, listens, and reads the
 * rest while it answers already.
 *
 * @param print takes the lines for the person who started it
 * @throws DatasetError if the file can't be served, ListenError if the address can't be had
 */
export async function serve(
  config: Config,
  logger: Logger,
  print: (line: string) => void,
): Promise<RunningServer> {
  const dataset = openDataset(config.dataset);
  const pool = new WorkerPool(config.workers);
  try {
    const plan = await planShards(dataset, pool);
    const inventory = new Inventory(dataset, plan, pool);
    // Where the nesting doesn't come out even, reading will find the place: there is nothing to serve.
    await inventory.read(plan.sound ? READ_BEFORE_LISTENING_BYTES : undefined);
    const engine = 'sweep';
    const uncachedLookup = new SweepLookup(dataset, plan, pool);
    const cacheBytes = byteCount(config.cacheMb * 1_000_000);
    const app = createApp({
      uncachedLookup,
      lookup: cacheBytes > 0 ? new CachedLookup(uncachedLookup, cacheBytes) : uncachedLookup,
      model: { id: dataset.name, created: Math.floor(dataset.file.mtimeMs / 1000) },
      status: () => {
        const { conversations, turns } = inventory.counts;
        return { engine, progress: inventory.progress, conversations, turns };
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
    });
    const listener = new Listener(app);
    const address = await listener.listen(config.host, config.port);

    const isKnown = inventory.progress === 1;
    const counts = isKnown ? inventory.counts : undefined;
    print(servingLine(config.dataset, dataset.file.size, config.workers, engine, counts));
    print(`listening on ${urlOf(address)}`);
    print(tryLine(address, inventory.counts.example));
    const inventoried = inventory.read().then(() => {
      if (inventory.progress < 1) return;
      if (!isKnown) print(`the dataset holds ${countsLine(inventory.counts)}`);
      const { skipped, skippedAt } = inventory.counts;
      if (skipped === 0) return;
      const what = counted(skipped, 'record that is no conversation', 'records that are no conversations');
      logger.warn({ skipped, skippedAt }, `skipped ${what}; skippedAt has the byte offsets of the first`);
    });
    return {
      inventoried,
      async stop() {
        inventory.cancel();
        await listener.stop();
        await pool.close();
      },
    };
  } catch (error) {
    await pool.close();
    throw error;
  }
}
