import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import type { Logger } from 'pino';
import { OPERATIONS, type Operation, type OperationId } from '../api/operations.js';
import type { ByteCount } from '../core/bytes.js';
import { wordsBy } from '../core/tokens.js';
import type { Delivery } from '../delivery/delivery.js';
import { EventWriter } from '../kernel/event-writer.js';
import { JsonMeter } from '../kernel/json-meter.js';
import { kernelModule } from '../kernel/kernel.js';
import type { Cache } from '../lookup/cache.js';
import type { StandIn } from '../lookup/lookup.js';
import type { RequestTokenizer } from '../lookup/token-counter.js';
import type { Catalog } from '../models/catalog.js';
import type { Store } from '../store/store.js';
import type { Testing } from '../testing/testing.js';
import { AnswerCache } from './answer-cache.js';
import type { KeyCheck } from './auth.js';
import { Bodies } from './body.js';
import type { Clock } from './clock.js';
import { type ContextLimitOf, ContextLimits } from './context-limits.js';
import { originHeaders } from './cross-origin.js';
import { Deliverer } from './deliverer.js';
import type { Endpoint, UpstreamAnswering } from './endpoint.js';
import { docsScript } from './endpoints/docs.js';
import { endpointsOf } from './endpoints/index.js';
import { type RegistryOnce, registryOnce } from './endpoints/metrics.js';
import { ErrorAnswers } from './errors.js';
import { frontOf } from './front.js';
import { HeldMemory } from './held-memory.js';
import type { Refused } from './listener.js';
import type { Figures } from './measured.js';
import { type MessageClasses, messageClasses } from './message-classes.js';
import type { MissPolicy } from './miss-policies.js';
import type { OtherProcesses } from './other-processes.js';
import type { Passer } from './passer.js';
import { RateLimit } from './rate-limit.js';
import type { RecordingKeys } from './recording-keys.js';
import { Replies, type ReplySettings } from './replies.js';
import { logRefused } from './request-log.js';
import type { RequestMetrics } from './request-metrics.js';
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
  readonly tokenizer: RequestTokenizer;
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
  /** Answers in place of the datasets; undefined if no upstream is asked. */
  readonly upstream?: UpstreamAnswering | undefined;
  /** Makes the keys by which recordings are found; undefined without recordings and an upstream. */
  readonly recordingKeys?: RecordingKeys | undefined;
  /** Passes on what this process can't answer; undefined in the main process. */
  readonly passer?: Passer | undefined;
  /** The processes that answer beside this one, if there are some. */
  readonly others?: () => OtherProcesses | undefined;
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
  readonly handle: RequestListener;
  readonly classes: MessageClasses;
  /** Makes the registry of metrics, once. */
  readonly registry: RegistryOnce;
  /** Called when input is rejected before it becomes a request. */
  readonly onRefused: (refused: Refused) => void;
  /** Additional headers of the response to rejected input, given the request's headers as far as they are known. */
  readonly refusedHeaders: (headers: IncomingHttpHeaders) => readonly string[];
}

/** What a handler of the requests that `frontOf` doesn't answer needs. */
interface RestParts extends Pick<AppParts, 'catalog' | 'corsOrigins' | 'keyCheck'> {
  readonly runs: Readonly<Record<OperationId, Run>>;
  readonly runDocsScript: Run;
  readonly deliverer: Deliverer;
  readonly errors: ErrorAnswers;
  readonly bodies: Bodies;
  /** Undefined without a rate limit. */
  readonly rate: RateLimit | undefined;
  readonly classes: MessageClasses;
}

/** Makes the handler of the requests that `frontOf` doesn't answer: all that aren't plain. */
export type MakeRest = (parts: RestParts) => RequestListener;

/**
 * Creates the HTTP layer of verbatim: all paths, their guards, and the error handling.
 *
 * @param makeRest see `MakeRest`
 */
export function createApp(parts: AppParts, makeRest: MakeRest): App {
  const {
    catalog,
    tokenizer: { source: tokenizer },
    clock,
    metrics,
    delivery,
    tokensInFlight,
    logger,
    cache,
  } = parts;
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
  const { upstream, recordingKeys, requestTimeoutMs, testing } = parts;
  const runOf = (endpoint: Endpoint, operation?: Operation) =>
    runnerOf(endpoint, operation, held, requestTimeoutMs, testing, deliverer, contexts, {
      upstream,
      recordingKeys,
    });
  const runs = Object.fromEntries(
    OPERATIONS.map((operation) => [operation.id, runOf(endpoints[operation.id], operation)]),
  ) as Readonly<Record<OperationId, Run>>;
  const bodies = new Bodies(
    parts.bodyLimit,
    held,
    testing.journal !== undefined || upstream !== undefined,
    () => new JsonMeter(kernelModule()),
  );
  const rate = parts.rateLimit === 0 ? undefined : new RateLimit(parts.rateLimit, parts.hasKeys, parts.store);
  const classes = messageClasses();
  const runDocsScript = runOf(docsScript);
  const rest = makeRest({ ...parts, runs, runDocsScript, deliverer, errors, bodies, rate, classes });
  const answers = cache && new AnswerCache(cache);
  const pauseBackgroundWork = () => catalog.pauseBackgroundWork();
  const handle = frontOf(rest, {
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
    passer: parts.passer,
  });
  const onRefused = (refused: Refused) => {
    metrics.recordRefused(refused.status);
    logRefused(logger, refused);
  };
  const refusedHeaders = (headers: IncomingHttpHeaders) => originHeaders(parts.corsOrigins, headers);
  return {
    handle,
    classes,
    registry,
    onRefused,
    refusedHeaders,
  };
}
