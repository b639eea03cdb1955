import { once } from 'node:events';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { byteCount } from '../core/bytes.js';
import { counted } from '../core/counted.js';
import { isIndexSaved } from '../lookup/index-paths.js';
import type { Notices } from '../lookup/served-dataset.js';
import type { ServedModel } from '../models/served-model.js';
import { WorkerPool } from '../workers/pool.js';
import type { Counts } from '../workers/tasks.js';
import { TokenPool } from '../workers/token-pool.js';
import { ApiKeys } from './api-keys.js';
import { type Progress, ProgressBar, ProgressLog } from './progress.js';
import { randomIds } from './random-ids.js';
import { countsLine, servingLine, tryLine, urlOf } from './start-lines.js';

/** What a run of the server needs of the outside world. */
interface Surroundings {
  /** Loads the log, which takes a while. */
  readonly loadLogger: () => Promise<Logger>;
  /** Takes the lines for the person who started it. */
  readonly print: (line: string) => void;
  /** The program's version. */
  readonly version: string;
  /** Ends the server, in order. */
  readonly signal: AbortSignal;
  /** Takes what is to be done each time that the settings' files may have changed. */
  readonly onHangup: (act: () => void) => void;
}

/**
 * Serves until the signal comes: opens the dataset, listens as soon as there is something to answer from, and walks the rest
 * while it answers. Comes back when all requests are answered and the threads have ended.
 *
 * @throws DatasetError if the file can't be served, ListenError if the address can't be had
 */
export async function serve(config: Config, surroundings: Surroundings): Promise<void> {
  if (surroundings.signal.aborted) return;
  // Threads take a while to start: so they do it while the rest is loaded. With a saved index they will hardly be needed.
  const { engine, dataset, indexDir, workers } = config;
  const pool = engine !== 'sweep' && isIndexSaved(dataset, indexDir) ? undefined : new WorkerPool(workers);
  const tokens = new TokenPool(config.tokenizer);
  // Who is answered before there is an index waits for nothing else as long. The engine `index` is only delayed by it.
  if (pool !== undefined && engine !== 'index' && config.usage === 'count') tokens.start();
  try {
    await serveWith(pool, tokens, config, surroundings);
  } finally {
    await pool?.close();
    await tokens.close();
  }
}

async function serveWith(
  pool: WorkerPool | undefined,
  tokens: TokenPool,
  config: Config,
  { loadLogger, print, version, signal, onHangup }: Surroundings,
): Promise<void> {
  const keys = new ApiKeys(config.apiKeys);
  const { ServedDataset } = await import('../lookup/served-dataset.js');
  if (signal.aborted) return;
  const cacheBytes = byteCount(config.cacheMb * 1_000_000);
  // What happens before the log is there waits for it.
  const early: ((logger: Logger) => void)[] = [];
  let tell = (line: (logger: Logger) => void): void => void early.push(line);
  let progress: Progress | undefined;
  let model: ServedModel | undefined;
  const notices: Notices = {
    info: (fields, message) => tell((logger) => logger.info(fields, message)),
    warn: (fields, message) => tell((logger) => logger.warn(fields, message)),
    progress: (walked) => progress?.show(walked),
    walked: (counts) => {
      progress?.end();
      tell((logger) => warnOfSkipped(counts, logger));
    },
    changed: () => model?.forget(),
  };
  tokens.onDeath = () =>
    notices.warn({}, 'the thread that counts tokens died: it is replaced, and its work done again');
  onHangup(() => tell((logger) => reloadKeys(keys, logger)));
  const { engine, workers, indexDir } = config;
  const countsAhead = config.usage === 'count';
  const options = { engine, workers, pool, indexDir, tokens, countsAhead, notices };
  const served = new ServedDataset(config.dataset, options);
  const onAbort = () => void served.close();
  signal.addEventListener('abort', onAbort);
  try {
    // The threads are at work before what answers is even loaded.
    const started = served.start();
    // Whichever fails, and whenever, is seen to below.
    started.then(({ walked }) => walked).catch(() => undefined);
    const logger = await loadLogger();
    tell = (line) => line(logger);
    early.forEach(tell);
    progress = progressOn(logger);
    logger.debug({ dataset: config.dataset }, 'reading the dataset');
    if (keys.areNone && !isLoopback(config.host)) logger.warn({ host: config.host }, OPEN_TO_ALL);
    // With nothing to answer before the index stands, what would answer may wait: loading it would only slow that down.
    if (engine === 'index') await started;
    const [
      { createApp },
      { Listener },
      { Cache },
      { estimatingCounter, RealCounter },
      { RequestMetrics },
      { Catalog },
      { ServedModel },
    ] = await Promise.all([
      import('./app.js'),
      import('./listener.js'),
      import('../lookup/cache.js'),
      import('../lookup/token-counter.js'),
      import('./request-metrics.js'),
      import('../models/catalog.js'),
      import('../models/served-model.js'),
    ]);
    const { walked } = await started;
    if (signal.aborted) return;
    signal.removeEventListener('abort', onAbort);

    const cache = cacheBytes > 0 ? new Cache(cacheBytes) : undefined;
    model = new ServedModel(served.dataset.name, served, cache);
    let listener: InstanceType<typeof Listener> | undefined;
    const { handle, classes, onRefused } = createApp({
      catalog: new Catalog([model], config.strictModels),
      replies: {
        tokens: countsAhead ? new RealCounter(tokens) : estimatingCounter,
        maxTokens: config.maxTokens,
        fallback: config.onMiss === 'fallback' ? config.fallbackText : undefined,
      },
      tokenPool: tokens,
      cache,
      clock: { now: Date.now, newId: randomIds() },
      metrics: new RequestMetrics(),
      figures: () => ({
        ...served.figures,
        workerRestarts: served.figures.workerRestarts + tokens.deaths,
        inFlight: listener?.inFlight ?? 0,
        cacheHits: cache?.hits ?? 0,
        cacheMisses: cache?.misses ?? 0,
        cacheBytes: cache?.bytes ?? 0,
      }),
      keyCheck: keys.check,
      isStopping: () => signal.aborted,
      version,
      logger,
      bodyLimit: byteCount(config.bodyLimitMb * 1_000_000),
      hasKeys: !keys.areNone,
      corsOrigins: config.corsOrigins,
      rateLimit: config.rateLimit,
      requestTimeoutMs: config.requestTimeoutMs,
    });
    listener = new Listener(handle, classes, { drainMs: config.drainMs });
    listener.onRefused = onRefused;
    const address = await listener.listen(config.host, config.port);
    try {
      const { status, dataset } = served;
      const isWalked = status.progress === 1;
      const counts = isWalked ? status.counts : undefined;
      print(servingLine(config.dataset, dataset.file.size, workers, status.engine, counts));
      print(`listening on ${urlOf(address)}`);
      print(tryLine(address, status.counts.example, keys));
      onHangup(() => served.lookAtFile());
      const told = signal.aborted ? Promise.resolve() : once(signal, 'abort');
      // The rest of the file may be walked for long: a stop doesn't wait for it.
      await Promise.race([told, walked]);
      const { progress, counts: all, engine } = served.status;
      // All may have been walked before, but the index not made.
      if (progress === 1 && (!isWalked || engine !== status.engine)) {
        print(`the dataset holds ${countsLine(all)}; engine ${engine}`);
      }
      await told;
    } finally {
      await listener.stop();
    }
  } catch (error) {
    // A start that was called off has not failed.
    if (!signal.aborted) throw error;
  } finally {
    progress?.end();
    await served.close();
  }
}

const OPEN_TO_ALL =
  'anybody who can reach this machine can ask: set API_KEYS, or listen on 127.0.0.1 only (the setting HOST)';

/** True if nobody but this machine can connect. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d+){3}$/.test(host);
}

function reloadKeys(keys: ApiKeys, logger: Logger): void {
  try {
    keys.reload();
    logger.info('the settings were read again');
  } catch (error) {
    logger.error(`${(error as Error).message}; the keys stay as they were`);
  }
}

/** A bar on a terminal, unless it is to be quiet; else lines in the log. */
function progressOn(logger: Logger): Progress {
  const showsBar = process.stderr.isTTY && logger.isLevelEnabled('info');
  return showsBar ? new ProgressBar(process.stderr) : new ProgressLog(logger);
}

function warnOfSkipped({ skipped, skippedAt }: Counts, logger: Logger): void {
  if (skipped === 0) return;
  const what = counted(skipped, 'record that is no conversation', 'records that are no conversations');
  logger.warn({ skipped, skippedAt }, `skipped ${what}; skippedAt has the byte offsets of the first`);
}
