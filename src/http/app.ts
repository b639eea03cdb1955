import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import express, { type Express, type RequestHandler } from 'express';
import type { Logger } from 'pino';
import type { ByteCount } from '../core/bytes.js';
import { EventWriter } from '../kernel/event-writer.js';
import { JsonMeter } from '../kernel/json-meter.js';
import { kernelModule } from '../kernel/kernel.js';
import type { Cache } from '../lookup/cache.js';
import type { Catalog } from '../models/catalog.js';
import { isLimited, type OperationId } from '../openai/operations.js';
import type { TokenPool } from '../workers/token-pool.js';
import { AnswerCache } from './answer-cache.js';
import { type KeyCheck, requireKey } from './auth.js';
import { Bodies, readBody } from './body.js';
import type { Clock } from './clock.js';
import { allowOrigins, originHeaders } from './cross-origin.js';
import type { Endpoint } from './endpoint.js';
import { docsFiles, docsScript } from './endpoints/docs.js';
import { endpointsOf } from './endpoints/index.js';
import { allowOnly, Failures, unknownUrl } from './errors.js';
import { frontOf } from './front.js';
import { HeldMemory } from './held-memory.js';
import type { Refused } from './listener.js';
import { type MessageClasses, messageClasses } from './message-classes.js';
import type { Figures } from './metrics-registry.js';
import type { MissPolicy } from './miss-policies.js';
import { limitRate, rateHeaders } from './rate-limit.js';
import { Replies, type ReplySettings } from './replies.js';
import { logRefused } from './request-log.js';
import type { RequestMetrics } from './request-metrics.js';
import { expressPath, ROUTES, routeAt, singleSlashes } from './routes.js';
import { type Run, runnerOf } from './runner.js';
import { Sender } from './sender.js';

/** What the HTTP side is made of. */
export interface AppParts extends AppSettings {
  readonly catalog: Catalog;
  /** What a prompt gets that has no reply. */
  readonly onMiss: MissPolicy;
  readonly replies: Omit<ReplySettings, 'tokenizer'>;
  /** Encodes and decodes. */
  readonly tokenPool: TokenPool;
  /** What answers are kept in; undefined if none are. */
  readonly cache: Cache | undefined;
  readonly clock: Clock;
  readonly metrics: RequestMetrics;
  /** What is counted besides requests. */
  readonly figures: () => Figures;
  readonly keyCheck: KeyCheck;
  /** True once the server was told to stop. */
  readonly isStopping: () => boolean;
  /** The program's version. */
  readonly version: string;
  readonly logger: Logger;
}

/** How requests are let in. */
interface AppSettings {
  readonly bodyLimit: ByteCount;
  /** Memory for what all requests hold: their bodies, and the recorded replies that they are answered with. */
  readonly heldBytesMax: ByteCount;
  /** True if a key is needed. */
  readonly hasKeys: boolean;
  /** Origins whose pages may ask from a browser. */
  readonly corsOrigins: readonly string[];
  /** Requests a minute that a key, or an address, may make; 0 sets no limit. */
  readonly rateLimit: number;
  /** How long a request may wait for its answer. */
  readonly requestTimeoutMs: number;
}

/** What answers the requests of a server, which is to make them of these classes. */
export interface App {
  /** The routes. */
  readonly express: Express;
  readonly handle: RequestListener;
  readonly classes: MessageClasses;
  /** Takes what was refused before it was a request. */
  readonly onRefused: (refused: Refused) => void;
  /** What its answer has besides, given the headers of the request as far as they are known. */
  readonly refusedHeaders: (headers: IncomingHttpHeaders) => readonly string[];
}

/** The HTTP side of verbatim: every path, what guards it, and how it fails. */
export function createApp(parts: AppParts): App {
  const { catalog, tokenPool, clock, metrics, figures, logger, cache } = parts;
  const { tokenizer } = tokenPool;
  const endpoints = endpointsOf({
    ...parts,
    replies: new Replies({ ...parts.replies, tokenizer }),
    measured: { metrics, figures, catalog },
  });
  const held = new HeldMemory(parts.heldBytesMax);
  const runOf = (endpoint: Endpoint) => runnerOf(endpoint, held, parts.requestTimeoutMs);
  const runs = Object.fromEntries(
    Object.entries(endpoints).map(([id, endpoint]) => [id, runOf(endpoint)]),
  ) as Readonly<Record<OperationId, Run>>;
  const newWriter = (trap?: Error) => {
    if (trap !== undefined) logger.warn({ err: trap }, 'the kernel that writes events trapped; replaced');
    return new EventWriter(kernelModule());
  };
  const sender = new Sender(clock, { writer: newWriter(), tokenizer, newWriter });
  const failures = new Failures(sender, logger);
  const bodies = new Bodies(parts.bodyLimit, held, () => new JsonMeter(kernelModule()));
  const app = expressApp(parts, runs, runOf(docsScript), sender, failures, bodies);
  const answers = cache && new AnswerCache(cache);
  const pauseBackgroundWork = () => catalog.pauseBackgroundWork();
  const handle = frontOf(app, {
    ...parts,
    endpoints,
    runs,
    sender,
    failures,
    bodies,
    held,
    answers,
    pauseBackgroundWork,
  });
  const onRefused = (refused: Refused) => {
    metrics.recordRefused(refused.status);
    logRefused(logger, refused);
  };
  const refusedHeaders = (headers: IncomingHttpHeaders) => originHeaders(parts.corsOrigins, headers);
  return { express: app, handle, classes: messageClasses(app), onRefused, refusedHeaders };
}

/** The routes of all operations, for requests that are out of the ordinary. */
function expressApp(
  { catalog, corsOrigins, rateLimit, hasKeys, keyCheck }: AppParts,
  runs: Readonly<Record<OperationId, Run>>,
  runDocsScript: Run,
  sender: Sender,
  failures: Failures,
  bodies: Bodies,
): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(useSingleSlashes);
  if (corsOrigins.length > 0) app.use(allowOrigins(corsOrigins));
  const limit = rateLimit === 0 ? [] : [limitRate(rateLimit, hasKeys), rateHeaders];
  const handlerOf =
    (run: Run): RequestHandler =>
    async (request, response) => {
      const { path, body, params, query } = request;
      // A parameter that may have slashes in it is a list.
      const texts = Object.entries(params).map(([name, value]) => [name, [value].flat().join('/')]);
      const input = { path, body, params: Object.fromEntries(texts), query };
      try {
        sender.send(response, await run(input, request, response));
      } catch (error) {
        failures.answerWithin(response, error);
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
        // What Express takes for a parameter may be none.
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
  app.use((_request, _response, next) => {
    catalog.pauseBackgroundWork();
    next();
  });
  app.use(requireKey(keyCheck));
  addRoutes(false);
  app.get('/docs/page.js', handlerOf(runDocsScript));
  app.use('/docs', docsFiles);
  if (limit.length > 0) app.use(...limit);
  app.use(unknownUrl);
  app.use(failures.handler);
  return app;
}

/** Has Express find paths as `routeAt` does. */
const useSingleSlashes: RequestHandler = (request, _response, next) => {
  const [path = '', ...query] = request.url.split('?');
  if (path.includes('//')) request.url = [singleSlashes(path), ...query].join('?');
  next();
};
