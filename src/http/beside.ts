/** Answers beside the main process: from its saved indexes, on connections that it hands over. What needs more is passed on to it. */

import { once } from 'node:events';
import type { Logger } from 'pino';
import { AppError } from '../core/errors.js';
import { tokenizerId } from '../core/tokens.js';
import { Cache } from '../lookup/cache.js';
import { NamedTokenizer } from '../lookup/named-tokenizer.js';
import { ThreadTokenizer } from '../lookup/thread-tokenizer.js';
import { Catalog } from '../models/catalog.js';
import { NO_NOTICES, type Notices } from '../models/notices.js';
import { SavedDataset } from '../models/saved-dataset.js';
import { ServedModel } from '../models/served-model.js';
import type { ServedStore } from '../models/served-store.js';
import { Channel } from '../processes/channel.js';
import type { ChannelToMain, ChildSettings, Publication } from '../processes/messages.js';
import { passingStore } from '../processes/passing-store.js';
import { RemoteTokens } from '../processes/remote-tokens.js';
import { storeSettings } from '../settings/store-settings.js';
import type { Config } from '../settings/table.js';
import { MemoryStore } from '../store/memory-store.js';
import { Scopes } from '../store/scopes.js';
import { Testing } from '../testing/testing.js';
import { ApiKeys } from './api-keys.js';
import { createApp } from './app.js';
import { configuredParts } from './configured-parts.js';
import { deliveryOf } from './delivery-settings.js';
import type { RegistryOnce } from './endpoints/metrics.js';
import { Listener } from './listener.js';
import { Passer } from './passer.js';
import { RequestMetrics } from './request-metrics.js';
import { type OpenState, openState } from './shared-state.js';
import { summaryOf } from './summary.js';
import { cacheBytesOf } from './thread-settings.js';

/** The environment of a process that answers beside the main one. */
interface Surroundings {
  /** Loads the log. */
  readonly loadLogger: (settings: ChildSettings) => Logger;
  /** Aborts when the main process has ended. */
  readonly orphaned: AbortSignal;
}

/** Answers until the main process says stop, or ends. Resolves when all requests are answered. */
export async function answerBeside({ loadLogger, orphaned }: Surroundings): Promise<void> {
  const ended = new AbortController();
  const isEnded = once(ended.signal, 'abort');
  const isAbandoned = new Promise<void>((resolve) => {
    orphaned.addEventListener('abort', () => {
      // A main process that ends before this one has stopped doesn't wait for requests any more.
      if (ended.signal.aborted) resolve();
      ended.abort();
    });
  });
  let started: Promise<Beside> | undefined;
  const start = async (settings: ChildSettings): Promise<Beside> => {
    const logger = loadLogger(settings);
    const state = await stateOf(settings.config, logger);
    let beside: Beside | undefined;
    const stored = await storedOf(settings.config, state, logger, (id) => beside?.forget(id));
    beside = new Beside(settings, channel, logger, state, stored);
    await Promise.all([...beside.stored.values()].map((each) => each.start()));
    logger.info('thread started');
    channel.notify({ kind: 'started' });
    return beside;
  };
  const channel: ChannelToMain = new Channel(process, {
    note: async (note, socket) => {
      if (note.kind === 'start') started = start(note.settings);
      else if (note.kind === 'stop') ended.abort();
      const beside = await started;
      if (note.kind === 'connection') {
        channel.notify({ kind: 'taken', id: note.id });
        // It may have ended on the way.
        if (socket !== undefined) beside?.listener.adopt(socket);
      }
      if (note.kind === 'keys') beside?.useKeys(note.keys);
    },
    question: async (question) => {
      const beside = await started;
      beside?.hear();
      if (question.kind === 'check') return undefined;
      return question.kind === 'metrics' ? beside?.metrics() : beside?.use(question.publication);
    },
  });
  await isEnded;
  await Promise.race([started?.then((beside) => beside.stop()), isAbandoned]);
}

/** The store that servers share, or else that of the main process. */
async function stateOf(config: Config, logger: Logger): Promise<OpenState> {
  const settings = storeSettings(config);
  if (settings !== undefined) return openState(settings, (line) => line(logger));
  const scopes = new Scopes(new MemoryStore());
  return { store: passingStore, scopes, begun: Promise.resolve(), connection: undefined, close: () => {} };
}

/**
 * The datasets that are in a store, by model id: this process finds in them by itself.
 *
 * @param changed called with the id of one that has a new version
 */
async function storedOf(
  { model, storePrefix }: Config,
  { connection }: OpenState,
  logger: Logger,
  changed: (id: string) => void,
): Promise<ReadonlyMap<string, ServedStore>> {
  if (connection === undefined || model.length === 0) return new Map();
  const { ServedStore: Stored } = await import('../models/served-store.js');
  const open = async (id: string) => {
    const notices = noticesOf(logger, () => changed(id));
    return [id, await Stored.open(id, connection, storePrefix, notices)] as const;
  };
  return new Map(await Promise.all(model.map(open)));
}

/** The main process logs what happens to a dataset. */
function noticesOf(logger: Logger, changed: () => void): Notices {
  const debug = (fields: object, message: string) => logger.debug(fields, message);
  return { ...NO_NOTICES, debug, info: debug, warn: debug, changed };
}

/** A process that answers beside the main one. */
class Beside {
  readonly listener: Listener;
  readonly logger: Logger;
  private readonly state: OpenState;
  private readonly keys: ApiKeys;
  private readonly passer: Passer;
  /** By model id, the datasets in the store, and those of files. */
  readonly stored: ReadonlyMap<string, ServedStore>;
  private readonly datasets: ReadonlyMap<string, SavedDataset>;
  private readonly models: ReadonlyMap<string, ServedModel>;
  private readonly registry: RegistryOnce;
  private readonly requests = new RequestMetrics();
  private readonly startMs = performance.now();
  private publication = -1;
  private isStopping = false;

  constructor(
    { config, version, keys, tokenizer, mainPath }: ChildSettings,
    channel: ChannelToMain,
    logger: Logger,
    state: OpenState,
    stored: ReadonlyMap<string, ServedStore>,
  ) {
    this.logger = logger;
    this.state = state;
    this.stored = stored;
    this.keys = new ApiKeys(keys);
    this.passer = new Passer(mainPath);
    const cacheBytes = cacheBytesOf(config, true);
    const cache = cacheBytes > 0 ? new Cache(cacheBytes) : undefined;
    const requestTokenizer =
      typeof tokenizer === 'string'
        ? new NamedTokenizer(tokenizer)
        : new ThreadTokenizer(new RemoteTokens(tokenizer, (question) => channel.ask(question)));
    const trapped = (trap: WebAssembly.RuntimeError) =>
      logger.warn({ err: trap }, 'kernel trapped; replaced');
    const hasRules = 'file' in config.normalize || config.normalize.length > 0;
    this.datasets = new Map(
      config.dataset.map(({ id }) => [id, new SavedDataset(tokenizerId(tokenizer), hasRules, trapped)]),
    );
    this.models = new Map(
      [...this.datasets, ...stored].map(([id, dataset]) => [id, new ServedModel(id, dataset, { cache })]),
    );
    const { handle, classes, registry, onRefused, refusedHeaders } = createApp(
      {
        ...configuredParts(config, { tokenizer: requestTokenizer, keys: this.keys, state, version, logger }),
        catalog: new Catalog([...this.models.values()], config.strictModels),
        delivery: deliveryOf(config, state),
        cache,
        metrics: this.requests,
        figures: () => ({
          datasets: new Map(),
          poolQueue: 0,
          workerRestarts: 0,
          inFlight: this.listener.inFlight,
          cacheHits: cache?.hits ?? 0,
          cacheMisses: cache?.misses ?? 0,
          cacheBytes: cache?.bytes ?? 0,
        }),
        isStopping: () => this.isStopping,
        testing: new Testing(0, config.scoped === 'required', state),
        passer: this.passer,
      },
      ({ errors }) =>
        (request, response) =>
          this.passer.pass(request, response, undefined, (error) => errors.answer(response, error)),
    );
    this.registry = registry;
    this.listener = new Listener(handle, classes, { drainMs: config.drainMs });
    this.listener.onRefused = onRefused;
    this.listener.refusedHeaders = refusedHeaders;
    this.listener.adoptsConnections();
  }

  /**
   * Answers from another state from now on. Meanwhile all requests are passed on.
   *
   * @returns false if another state has replaced it, or a dataset can't be answered from
   */
  async use({ number, models, passesAll }: Publication): Promise<boolean> {
    this.passer.passesAll = true;
    this.publication = number;
    let hasAll = true;
    for (const [id, dataset] of this.datasets) {
      const isUsed = await dataset.use(models.get(id));
      if (this.publication !== number) return false;
      hasAll &&= isUsed;
      this.forget(id);
    }
    this.passer.passesAll = passesAll || !hasAll;
    return hasAll;
  }

  /** Drops earlier answers of a model: they may be wrong now. */
  forget(id: string): void {
    this.models.get(id)?.forget();
  }

  /** The metrics, as prom-client's JSON; undefined while prom-client can't be loaded for lack of file descriptors. */
  async metrics(): Promise<readonly object[] | undefined> {
    try {
      return await this.registry().getMetricsAsJSON();
    } catch (error) {
      if (error instanceof AppError) return undefined;
      throw error;
    }
  }

  hear(): void {
    this.passer.hear();
  }

  useKeys(keys: readonly string[]): void {
    this.keys.use(keys);
  }

  async stop(): Promise<void> {
    if (this.isStopping) return;
    this.isStopping = true;
    await this.listener.stop();
    for (const dataset of this.datasets.values()) dataset.leave();
    for (const stored of this.stored.values()) await stored.close();
    this.state.close();
    this.logger.info(summaryOf(this.requests, (performance.now() - this.startMs) / 1000), 'stopped');
  }
}
