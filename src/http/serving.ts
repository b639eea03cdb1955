import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { Logger } from 'pino';
import { NEVER_IDLE_MS } from '../core/limits.js';
import { isLoopback } from '../core/loopback.js';
import type { ModelSpec } from '../core/model-spec.js';
import { identityAt } from '../dataset/file.js';
import type { Notices } from '../models/notices.js';
import { ServedDatasets } from '../models/served-datasets.js';
import type { ServedModel } from '../models/served-model.js';
import { ConfigError } from '../settings/config-error.js';
import { recordingsModel } from '../settings/parsers.js';
import type { SourceOf } from '../settings/read-settings.js';
import { upstreamUse } from '../settings/recording.js';
import { readRules } from '../settings/rules-file.js';
import { storeSettings } from '../settings/store-settings.js';
import type { Config } from '../settings/table.js';
import { readTokenizer } from '../settings/tokenizer-file.js';
import type { Testing } from '../testing/testing.js';
import type { SharedPool } from '../workers/shared-pool.js';
import { ApiKeys, reloadKeys } from './api-keys.js';
import type { AppParts } from './app.js';
import { assertLoadable, type ConfiguredTokenizer, configuredTokenizer } from './configured-tokenizer.js';
import { logConversion, warnOfSkipped } from './conversion.js';
import { deliveryOf } from './delivery-settings.js';
import { tryAddress } from './listening.js';
import type { OtherProcesses } from './other-processes.js';
import { type Progress, ProgressLog } from './progress.js';
import { type OpenState, openState } from './shared-state.js';
import { clientUrlOf, type Stopping, servingLine, tryLine, urlOf } from './start-lines.js';
import { cacheBytesOf, whyAlone } from './thread-settings.js';

/** The environment that a run of the server needs. */
export interface Surroundings {
  /** Returns where a setting was given, for errors; undefined if they needn't say it. */
  readonly sourceOf?: SourceOf | undefined;
  /** Shows the progress on a terminal; without it, or if the log level hides it, the log reports the progress. */
  readonly bar?: Progress | undefined;
  /** Loads the log, which takes a while. */
  readonly loadLogger: () => Promise<Logger>;
  /** Receives the lines for the person who started the server. */
  readonly print: (line: string) => void;
  /** The program's version. */
  readonly version: string;
  /** Shuts the server down gracefully. Its reason is the name of the signal that the process received. */
  readonly signal: AbortSignal;
  /** Registers a function to run each time that the files of the settings may have changed. */
  readonly onHangup: (act: () => void) => void;
  /** The script of the processes that answer beside this one; undefined if this process answers alone. */
  readonly childScript?: string | undefined;
  /** Called once the server listens. */
  readonly onListening?: (listening: Listening) => void;
}

/** What became of requests for replies. */
interface AnswerCounts {
  readonly hits: number;
  readonly recorded: number;
  /** Those without a reply, and those whose answers of an upstream aren't complete and good. */
  readonly failed: number;
}

/** A listening server. */
export interface Listening {
  /** The URL for clients of this machine. */
  readonly url: string;
  /** The names of its models. */
  readonly models: readonly string[];
  /** Returns how many requests are in flight. */
  readonly inFlight: () => number;
  /** Returns what became of the requests so far. */
  readonly counts: () => AnswerCounts;
  /** What tests give, and the journal. */
  readonly testing: Testing;
}

/**
 * Serves with threads that may have been started. See `serve`.
 *
 * @param pool is closed by the caller
 * @param isIndexed true if there is a saved index of each dataset
 * @returns false if the signal aborted before the server was ready
 */
export async function serveWithPool(
  pool: SharedPool,
  isIndexed: boolean,
  config: Config,
  surroundings: Surroundings,
): Promise<boolean> {
  const { engine } = config;
  const tokens = configuredTokenizer(readTokenizer(config.tokenizer, surroundings.sourceOf?.('tokenizer')));
  if (engine === 'sweep' || !isIndexed) {
    // Requests that are answered before the index is ready wait longest for the tokenizer. With the engine `index` it would only delay the
    // start.
    if (engine !== 'index' && config.usage === 'count') tokens.thread?.start();
  }
  let state: OpenState | undefined;
  try {
    const log = (line: (logger: Logger) => void) => void surroundings.loadLogger().then(line);
    state = await openState(storeSettings(config), log);
    return await serveWithState(pool, tokens, state, config, surroundings);
  } finally {
    state?.close();
    await tokens.thread?.close();
  }
}

async function serveWithState(
  pool: SharedPool,
  tokens: ConfiguredTokenizer,
  state: OpenState,
  config: Config,
  { loadLogger, print, version, signal, onHangup, onListening, childScript, sourceOf, bar }: Surroundings,
): Promise<boolean> {
  const startMs = performance.now();
  const { recordTo } = config;
  const specs = recordTo === undefined ? config.dataset : [...config.dataset, recordingsModel(recordTo)];
  const keys = new ApiKeys(config.apiKeys, sourceOf?.('apiKeys'));
  const alone = config.httpThreads > 1 ? whyAlone(config) : undefined;
  const hasOthers = config.httpThreads > 1 && alone === undefined && childScript !== undefined;
  const cacheBytes = cacheBytesOf(config, hasOthers);
  // Lines that are logged before the logger is loaded are queued.
  const early: ((logger: Logger) => void)[] = [];
  let log = (line: (logger: Logger) => void): void => void early.push(line);
  let progress: Progress | undefined;
  let others: OtherProcesses | undefined;
  const publish = () => void others?.publish();
  const models = new Map<string, ServedModel>();
  const warn = (message: string) => log((logger) => logger.warn(message));
  const noticesOf = ({ id, path, isRecordings }: ModelSpec): Notices => {
    const named = (fields: object) =>
      specs.length + config.model.length > 1 ? { model: id, ...fields } : fields;
    return {
      debug: (fields, message) => log((logger) => logger.debug(named(fields), message)),
      info: (fields, message) => log((logger) => logger.info(named(fields), message)),
      warn: (fields, message) => log((logger) => logger.warn(named(fields), message)),
      progress: () => datasets !== undefined && progress?.show(datasets.progress, datasets.bytes),
      spooling: (share) => progress?.show(share, identityAt(path)?.size ?? 0, 'convert'),
      spooled: (spool) => {
        progress?.end();
        log((logger) => logConversion(logger, path, spool, named));
      },
      walked: (counts) => {
        if (datasets?.progress === 1) progress?.end();
        log((logger) => warnOfSkipped(counts, logger));
      },
      changed: () => {
        // Recordings answer before all datasets.
        for (const model of isRecordings ? models.values() : [models.get(id)]) model?.forget();
        publish();
      },
      saved: () => publish(),
    };
  };
  pool.onDeath = () => warn('worker thread died; replaced, tasks retried');
  if (tokens.thread !== undefined)
    tokens.thread.onDeath = () => warn('tokenizer thread died; replaced, tasks retried');
  onHangup(() => log((logger) => reloadKeys(keys, logger)));
  onHangup(() => others?.useKeys(keys.current));
  const { engine, workers, indexDir } = config;
  const countsAhead = config.usage === 'count';
  const shapes = { prefers: config.prefer, map: config.map };
  const delivery = deliveryOf(config, state, sourceOf);
  const rules = readRules(config.normalize, sourceOf?.('normalize'));
  if (rules.length > 0 && engine === 'sweep') {
    const [rule, other] = [sourceOf?.('normalize') ?? 'normalize', sourceOf?.('engine') ?? 'engine'];
    throw new ConfigError(`${rule} needs an index; expected another ${other} than sweep`);
  }
  const sketchesAtOnce = config.onMiss === 'nearest';
  if (config.model.length > 0) assertStorable(config, sourceOf);
  const options = {
    engine,
    pool,
    shapes,
    splits: config.split,
    indexDir,
    tokens: tokens.ofTurns,
    countsAhead,
    sketchesAtOnce,
    rules,
    isPublished: hasOthers,
  };
  let datasets: ServedDatasets | undefined;
  const loadable = assertLoadable(tokens.thread, sourceOf?.('tokenizer'));
  loadable.catch(() => undefined);
  const given = new AbortController();
  const { connection } = state;
  const stored = connection && { connection, prefix: config.storePrefix, names: config.model };
  const hasRecordings = recordTo !== undefined || upstreamUse(config) !== undefined;
  const recordings = hasRecordings
    ? await (await import('./recording.js')).openRecordings(config, (line) => log(line))
    : undefined;
  const opening = ServedDatasets.open(
    specs,
    options,
    noticesOf,
    AbortSignal.any([signal, given.signal]),
    stored,
  );
  const onAbort = () => void datasets?.close();
  signal.addEventListener('abort', onAbort);
  // Whatever reports progress after that is not shown any more.
  const endProgress = () => {
    progress?.end();
    progress = undefined;
  };
  let isReady = false;
  let hasFailed = false;
  try {
    // A missing file is reported before a port in use; and that before the files are read, which may take long.
    const tried = tryAddress(config, sourceOf);
    tried.catch(() => undefined);
    await Promise.race([opening, tried]);
    await tried;
    await loadable;
    // The threads work while the modules that answer requests are still loading.
    const started = opening.then((opened) => {
      datasets = opened;
      return opened.start();
    });
    // Both promises are awaited below, where their errors are handled.
    started.then(({ walked }) => walked).catch(() => undefined);
    const logger = hasOthers ? (await loadLogger()).child({ thread: 1 }) : await loadLogger();
    log = (line) => line(logger);
    early.forEach(log);
    if (signal.aborted) return false;
    progress = bar !== undefined && logger.isLevelEnabled('info') ? bar : new ProgressLog(logger);
    logger.debug({ dataset: config.dataset }, 'reading datasets');
    if (keys.areNone && !isLoopback(config.host)) logger.warn({ host: config.host }, OPEN_TO_ALL);
    // With the engine `index` there is nothing to answer from before the index is ready: loading the modules now would only slow that down.
    if (engine === 'index') await started;
    // What is imported together is opened together, and a process may have few files: the graph is loaded in two steps.
    await import('./deliverer.js');
    const {
      configuredParts,
      createApp,
      lateExpressApp,
      Listener,
      Cache,
      RequestMetrics,
      Catalog,
      ServedModel,
      Testing,
      OtherProcesses,
      summaryOf,
    } = await import('./answering.js');
    const served = await opening;
    if (signal.aborted) return false;

    const cache = cacheBytes > 0 ? new Cache(cacheBytes) : undefined;
    const sharingOf = ({ map = config.map }: ModelSpec) =>
      state.store.isShared
        ? { store: state.store, settings: JSON.stringify([version, config.prefer, config.split, map]) }
        : undefined;
    const recorded = served.all.find(({ isRecordings }) => isRecordings);
    const lookup = recorded && recordings?.lookup(recorded.served.lookup);
    const first = recorded && new ServedModel(recorded.id, recorded.served, { lookup });
    for (const model of served.all) {
      const options = { cache, sharing: sharingOf(model), first };
      const own = model === recorded ? first : new ServedModel(model.id, model.served, options);
      if (own !== undefined) models.set(model.id, own);
    }
    const upstream = await recordings?.answers(logger, () => recorded?.served.lookAtFile());
    const metrics = new RequestMetrics();
    let listener: InstanceType<typeof Listener> | undefined;
    const inFlight = () => listener?.inFlight ?? 0;
    const testing = new Testing(config.journal, config.scoped === 'required', state);
    const appParts: AppParts = {
      ...configuredParts(config, { tokenizer: tokens.ofRequests, keys, state, version, logger }),
      catalog: new Catalog([...models.values()], config.strictModels),
      delivery,
      cache,
      metrics,
      figures: () => ({
        datasets: served.figures,
        poolQueue: pool.queue,
        workerRestarts: pool.deaths + (tokens.thread?.deaths ?? 0) + (others?.deaths ?? 0),
        inFlight: inFlight(),
        cacheHits: cache?.hits ?? 0,
        cacheMisses: cache?.misses ?? 0,
        cacheBytes: cache?.bytes ?? 0,
        upstream: upstream?.counts,
      }),
      isStopping: () => signal.aborted,
      testing,
      upstream,
      recordingKeys: recordings?.keys,
      others: () => others,
    };
    const { handle, classes, onRefused, refusedHeaders } = createApp(appParts, lateExpressApp);
    listener = new Listener(handle, classes, { drainMs: config.drainMs });
    listener.onRefused = onRefused;
    listener.refusedHeaders = refusedHeaders;
    // The threads read the start of the dataset meanwhile.
    const { walked } = await started;
    await state.begun;
    if (signal.aborted) return false;
    signal.removeEventListener('abort', onAbort);
    if (alone !== undefined) logger.warn(alone);
    if (hasOthers) {
      others = await OtherProcesses.start(
        {
          script: childScript,
          config,
          version,
          tokenizer: tokens.ofRequests.source,
          tokenThread: tokens.thread,
          keys,
          logger,
          takeBack: (socket) => listener?.adopt(socket),
        },
        () => ({
          models: new Map(served.all.map(({ id, served }) => [id, served.state])),
          isGiven: !state.store.isShared && !(testing.isEmpty && state.scopes.isEmpty),
        }),
        new Listener(handle, classes, {
          drainMs: config.drainMs,
          idleMs: NEVER_IDLE_MS,
          stalledMs: NEVER_IDLE_MS,
        }),
      );
    }
    const address = await listener.listen(config.host, config.port, sourceOf, others?.handOver);
    // Loading blocks the event loop: after two turns, it has polled for signals that came meanwhile.
    await turn();
    await turn();
    isReady = !signal.aborted;
    if (!isReady) {
      await Promise.all([listener.stop(), others?.stop()]);
      return false;
    }
    const counts = (): AnswerCounts => {
      const { hits, misses } = summaryOf(metrics, 0);
      const { upstream: _, ...own } = hits;
      const { recorded = 0, failed = 0 } = upstream?.counts ?? {};
      const all = Object.values(own).reduce((sum, count) => sum + count, 0);
      return { hits: all, recorded, failed: misses + failed };
    };
    if (countsAhead) tokens.thread?.start();
    onListening?.({ url: clientUrlOf(address), models: [...models.keys()], inFlight, counts, testing });
    try {
      const statuses = served.all.map(({ served }) => served.status);
      for (const { id, path, served: dataset } of served.all) {
        const { progress, engine, counts } = dataset.status;
        const known = progress === 1 ? counts : undefined;
        const model = served.all.length > 1 ? id : undefined;
        print(servingLine(model, path, dataset.bytes, workers, engine, known));
      }
      print(`listening on ${urlOf(address)}`);
      print(`page: ${clientUrlOf(address)}/`);
      print(tryLine(address, statuses.find(({ counts }) => counts.example)?.counts.example, keys));
      onHangup(() => served.lookAtFiles());
      const aborted = signal.aborted ? Promise.resolve() : once(signal, 'abort');
      // The walk may fail, and may take long: a stop doesn't wait for it.
      await Promise.race([aborted, walked]).catch((error) => {
        // A stop that comes while the server ends doesn't hide why it ends.
        hasFailed = !signal.aborted;
        throw error;
      });
      await aborted;
      endProgress();
      const stopping: Stopping = {
        signal: signal.reason,
        inFlight: inFlight(),
        drainMs: config.drainMs,
      };
      logger.info(stopping, 'stopping');
    } finally {
      testing.close();
      const stopMs = performance.now();
      await Promise.all([listener.stop(), others?.stop()]);
      // Clients may have left while their answers were still coming.
      await recordings?.close(Math.max(0, config.drainMs - (performance.now() - stopMs)));
    }
    logger.info(summaryOf(metrics, (performance.now() - startMs) / 1000), 'stopped');
  } catch (error) {
    // A start that was cancelled hasn't failed.
    if (hasFailed || !signal.aborted) throw error;
  } finally {
    endProgress();
    given.abort();
    await recordings?.close(0);
    await opening.catch(() => undefined);
    await datasets?.close();
  }
  return isReady;
}

/** @throws ConfigError if a setting needs what a store can't do */
function assertStorable({ normalize, onMiss }: Config, sourceOf: SourceOf | undefined): void {
  const refuse = (setting: 'normalize' | 'onMiss', value: string) => {
    const models = `the datasets of ${sourceOf?.('model') ?? 'model'} are in a store`;
    throw new ConfigError(`${sourceOf?.(setting) ?? setting}: ${value} needs files, and ${models}`);
  };
  if ('file' in normalize || normalize.length > 0) refuse('normalize', 'a rule');
  if (onMiss === 'nearest') refuse('onMiss', "'nearest'");
}

const OPEN_TO_ALL = 'listening beyond this machine without API keys: set API_KEYS, or HOST=127.0.0.1';
