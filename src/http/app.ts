import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import express, { type Express, type RequestHandler } from 'express';
import type { Logger } from 'pino';
import { isLimited, OPERATIONS, type Operation, type OperationId } from '../api/operations.js';
import type { ByteCount } from '../core/bytes.js';
import { wordsBy } from '../core/tokens.js';
import type { Delivery } from '../delivery/delivery.js';
import { EventWriter } from '../kernel/event-writer.js';
import { JsonMeter } from '../kernel/json-meter.js';
import { kernelModule } from '../kernel/kernel.js';
import type { Cache } from '../lookup/cache.js';
import type { StandIn } from '../lookup/lookup.js';
import type { Catalog } from '../models/catalog.js';
import type { Store } from '../store/store.js';
import type { Testing } from '../testing/testing.js';
import type { TokenPool } from '../workers/token-pool.js';
import { AnswerCache } from './answer-cache.js';
import { type KeyCheck, requireKey } from './auth.js';
import { Bodies, readBody } from './body.js';
import type { Clock } from './clock.js';
import { type ContextLimitOf, ContextLimits } from './context-limits.js';
import { allowOrigins, originHeaders } from './cross-origin.js';
import { Deliverer } from './deliverer.js';
import type { Endpoint } from './endpoint.js';
import { docsScript } from './endpoints/docs.js';
import { endpointsOf } from './endpoints/index.js';
import { registryOnce } from './endpoints/metrics.js';
import { allowOnly, ErrorAnswers, unknownUrl } from './errors.js';
import { frontOf } from './front.js';
import { HeldMemory } from './held-memory.js';
import type { Refused } from './listener.js';
import type { Figures } from './measured.js';
import { type MessageClasses, messageClasses } from './message-classes.js';
import type { MissPolicy } from './miss-policies.js';
import { docsFiles, webFiles } from './page-files.js';
import { limitRate, RateLimit } from './rate-limit.js';
import { Replies, type ReplySettings } from './replies.js';
import { logRefused } from './request-log.js';
import type { RequestMetrics } from './request-metrics.js';
import { expressPath, ROUTES, routeAt, singleSlashes } from './routes.js';
import { type Run, runnerOf } from './runner.js';
import { Sender } from './sender.js';
import type { TokensInFlight } from './tokens-in-flight.js';

/** The parts of the HTTP layer. */
export interface AppParts extends AppSettings {
  readonly catalog: Catalog;
  /** How prompts without a recorded reply are answered. */
  readonly onMiss: MissPolicy;
  /** What ids that were never stored get; undefined for an error. */
  readonly standIn: StandIn | undefined;
  /** The HTTP status of a miss, if the policy answers it with an error. */
  readonly missStatus: number;
  readonly replies: Omit<ReplySettings, 'tokenizer'>;
  /** Encodes and decodes tokens. */
  readonly tokenPool: TokenPool;
  /** Decides how answers are delivered. */
  readonly delivery: Delivery;
  readonly contextLimitOf: ContextLimitOf;
  readonly tokensInFlight: TokensInFlight;
  /** The cache for answers; undefined disables it. */
  readonly cache: Cache | undefined;
  readonly clock: Clock;
  readonly metrics: RequestMetrics;
  /** Metrics other than those of requests. */
  readonly figures: () => Figures;
  readonly keyCheck: KeyCheck;
  /** True once the server is stopping. */
  readonly isStopping: () => boolean;
  /** The program's version. */
  readonly version: string;
  readonly logger: Logger;
  /** What tests give, and the journal. */
  readonly testing: Testing;
  /** Where the state is kept that requests leave. */
  readonly store: Store;
}

/** The access rules and limits for requests. */
interface AppSettings {
  readonly bodyLimit: ByteCount;
  /** The maximum memory that all requests hold together: their bodies, and the recorded replies of their answers. */
  readonly heldBytesMax: ByteCount;
  /** True if requests require a key. */
  readonly hasKeys: boolean;
  /** Origins whose pages may send requests from a browser. */
  readonly corsOrigins: readonly string[];
  /** Requests per minute for each key or address; 0 sets no limit. */
  readonly rateLimit: number;
  /** How long a request may wait for its answer. */
  readonly requestTimeoutMs: number;
}

/** Handles the requests of a server. The server must create its messages with these classes. */
export interface App {
  /** The routes. */
  readonly express: Express;
  readonly handle: RequestListener;
  readonly classes: MessageClasses;
  /** Starts collecting the metrics of the process, if `GET /metrics` hasn't. Rejects with an AppError if no file can be opened. */
  readonly beginMetrics: () => Promise<unknown>;
  /** Called when input is rejected before it becomes a request. */
  readonly onRefused: (refused: Refused) => void;
  /** Additional headers of the response to rejected input, given the request's headers as far as they are known. */
  readonly refusedHeaders: (headers: IncomingHttpHeaders) => readonly string[];
}

/** Creates the HTTP layer of verbatim: all paths, their guards, and the error handling. */
export function createApp(parts: AppParts): App {
  const { catalog, tokenPool, clock, metrics, delivery, tokensInFlight, logger, cache } = parts;
  const { tokenizer } = tokenPool;
  const registry = registryOnce(parts);
  const contexts = new ContextLimits(catalog, parts.contextLimitOf);
  const endpoints = endpointsOf({
    ...parts,
    contexts,
    replies: new Replies({ ...parts.replies, tokenizer }),
    registry,
  });
  const held = new HeldMemory(parts.heldBytesMax);
  const newWriter = (trap?: Error) => {
    if (trap !== undefined) logger.warn({ err: trap }, 'the kernel that writes events trapped; replaced');
    return new EventWriter(kernelModule());
  };
  const sender = new Sender(clock, { writer: newWriter(), tokenizer: wordsBy(tokenizer), newWriter });
  const errors = new ErrorAnswers(sender, logger);
  const { stopping } = parts.testing;
  const deliverer = new Deliverer(delivery, sender, errors, catalog, metrics, tokensInFlight, stopping);
  const runOf = (endpoint: Endpoint, operation?: Operation) =>
    runnerOf(endpoint, operation, held, parts.requestTimeoutMs, parts.testing, deliverer, contexts);
  const runs = Object.fromEntries(
    OPERATIONS.map((operation) => [operation.id, runOf(endpoints[operation.id], operation)]),
  ) as Readonly<Record<OperationId, Run>>;
  const bodies = new Bodies(
    parts.bodyLimit,
    held,
    parts.testing.journal !== undefined,
    () => new JsonMeter(kernelModule()),
  );
  const rate = parts.rateLimit === 0 ? undefined : new RateLimit(parts.rateLimit, parts.hasKeys, parts.store);
  const app = expressApp(parts, runs, runOf(docsScript), deliverer, errors, bodies, rate);
  const answers = cache && new AnswerCache(cache);
  const pauseBackgroundWork = () => catalog.pauseBackgroundWork();
  const handle = frontOf(app, {
    ...parts,
    endpoints,
    runs,
    deliverer,
    errors,
    bodies,
    held,
    answers,
    pauseBackgroundWork,
    rate,
  });
  const onRefused = (refused: Refused) => {
    metrics.recordRefused(refused.status);
    logRefused(logger, refused);
  };
  const refusedHeaders = (headers: IncomingHttpHeaders) => originHeaders(parts.corsOrigins, headers);
  return {
    express: app,
    handle,
    classes: messageClasses(app),
    beginMetrics: registry,
    onRefused,
    refusedHeaders,
  };
}

/** The routes of all operations, for the requests that `frontOf` doesn't answer itself. */
function expressApp(
  { catalog, corsOrigins, keyCheck }: AppParts,
  runs: Readonly<Record<OperationId, Run>>,
  runDocsScript: Run,
  deliverer: Deliverer,
  errors: ErrorAnswers,
  bodies: Bodies,
  rate: RateLimit | undefined,
): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(useSingleSlashes);
  if (corsOrigins.length > 0) app.use(allowOrigins(corsOrigins));
  const limit = rate === undefined ? [] : [limitRate(rate)];
  const handlerOf =
    (run: Run): RequestHandler =>
    async (request, response) => {
      const { path, body, params, query } = request;
      // A parameter that may contain slashes is an array.
      const texts = Object.entries(params).map(([name, value]) => [name, [value].flat().join('/')]);
      const input = { path, body, params: Object.fromEntries(texts), query };
      try {
        deliverer.send(response, await run(input, request, response));
      } catch (error) {
        errors.answerWithin(response, error);
      }
    };
  const addRoutes = (areOpen: boolean) => {
    for (const each of ROUTES) {
      const { paths, operations } = each;
      const all = [...operations.values()];
      if (all.every(({ isOpen = false }) => isOpen) !== areOpen) continue;
      const methods = all.flatMap(({ method, refusesHead }) =>
        method === 'get' && refusesHead !== true ? ['GET', 'HEAD'] : [method.toUpperCase()],
      );
      const isCounted = all.some(isLimited);
      for (const path of paths) {
        const route = app.route(expressPath(path));
        // Express may match a parameter that the operation's pattern rejects.
        if (path.includes('{')) {
          route.all((request, _response, next) => next(routeAt(request.path) === each ? undefined : 'route'));
        }
        if (isCounted && limit.length > 0) route.all(limit);
        if (!methods.includes('HEAD')) route.head(allowOnly(methods));
        for (const { id, method, body } of all) {
          route[method](...(body === undefined ? [] : [readBody(bodies)]), handlerOf(runs[id]));
        }
        route.all(allowOnly(methods));
      }
    }
  };
  addRoutes(true);
  app.get('/docs/page.js', handlerOf(runDocsScript));
  app.use('/docs', docsFiles);
  app.use('/web', webFiles);
  app.use((_request, _response, next) => {
    catalog.pauseBackgroundWork();
    next();
  });
  app.use(requireKey(keyCheck));
  addRoutes(false);
  if (limit.length > 0) app.use(...limit);
  app.use(unknownUrl);
  app.use(errors.handler);
  return app;
}

/** Removes double slashes from a path, so that Express finds the same route as `routeAt`. */
const useSingleSlashes: RequestHandler = (request, _response, next) => {
  const [path = '', ...query] = request.url.split('?');
  if (path.includes('//')) request.url = [singleSlashes(path), ...query].join('?');
  next();
};
