/**
 * The layer below Express: every request arrives here, and most are answered here. Express takes about as long to find the route of a
 * request as Node takes for everything else, reading and writing included. So the common requests (a POST with a plain body, or a GET, to a
 * path without parameters) are parsed here and passed to their endpoint. All others go through Express to the same endpoint: another
 * encoding, a chunked body, a page of another origin. Measurements are in docs/decisions/0007-under-express.md.
 */

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { isLimited, type Operation, type OperationId } from '../api/operations.js';
import { after } from '../core/maybe-promise.js';
import { PassedOn } from '../core/passed-on.js';
import type { Testing } from '../testing/testing.js';
import type { AnswerCache } from './answer-cache.js';
import type { KeyCheck } from './auth.js';
import type { Bodies } from './body.js';
import type { Clock } from './clock.js';
import type { Deliverer } from './deliverer.js';
import type { Answered, Endpoint, Input } from './endpoint.js';
import type { ErrorAnswers } from './errors.js';
import type { HeldMemory } from './held-memory.js';
import { journalOf } from './journaling.js';
import type { AppRequest } from './message-classes.js';
import type { Passer } from './passer.js';
import type { RateLimit } from './rate-limit.js';
import { attachFacts, factsOf, RequestFacts } from './request-facts.js';
import { logRequest, statusOf } from './request-log.js';
import type { RequestMetrics } from './request-metrics.js';
import { isAnthropic, isCompletion, OTHER, operationAt, routeAt } from './routes.js';
import type { Run } from './runner.js';
import { sendTogether } from './send-together.js';

/** The parts that the front is built from. */
export interface FrontParts {
  readonly endpoints: Readonly<Record<OperationId, Endpoint>>;
  readonly runs: Readonly<Record<OperationId, Run>>;
  readonly deliverer: Deliverer;
  readonly errors: ErrorAnswers;
  readonly bodies: Bodies;
  readonly held: HeldMemory;
  /** Undefined if answers aren't cached. */
  readonly answers: AnswerCache | undefined;
  readonly clock: Clock;
  readonly keyCheck: KeyCheck;
  readonly corsOrigins: readonly string[];
  /** Undefined without a rate limit. */
  readonly rate: RateLimit | undefined;
  /** Pauses background work when a request arrives. */
  readonly pauseBackgroundWork: () => void;
  readonly metrics: RequestMetrics;
  readonly logger: Logger;
  readonly testing: Testing;
  /** Passes on what this process can't answer; undefined in the main process. */
  readonly passer: Passer | undefined;
}

const NOTHING = {};

/**
 * Handles all requests of a server, which must be instances of the app's classes.
 *
 * @param app answers the requests that the front doesn't, unless they are passed on
 */
export function frontOf(app: RequestListener, parts: FrontParts): RequestListener {
  const {
    endpoints,
    runs,
    deliverer,
    errors,
    bodies,
    held,
    answers,
    keyCheck,
    logger,
    metrics,
    clock,
    rate,
  } = parts;
  const { testing, passer } = parts;
  const journalize = testing.journal && journalOf(testing.journal, endpoints);
  const together = sendTogether(([response, answered]: [ServerResponse, Answered]) => {
    try {
      deliverer.send(response, answered);
    } catch (error) {
      errors.answer(response, error);
    }
  });

  return (plain, response) => {
    const request = plain as AppRequest;
    request.url = pathOf(request.url ?? '');
    const { url: path, method = '' } = request;
    const operation = operationAt(method, path);
    const isOwn = operation !== undefined && isPlain(request, operation);
    if (passer !== undefined && !(isOwn && passer.answers(operation))) {
      attachFacts(response, new RequestFacts(request, clock, isAnthropic(path, operation, request.headers)));
      passer.pass(request, response, undefined, (error) => errors.answer(response, error));
      return;
    }
    const facts = new RequestFacts(request, clock, isAnthropic(path, operation, request.headers));
    attachFacts(response, facts);
    const isRunning = isCompletion(operation ?? routeAt(path)?.operations.get(method));
    if (isRunning) metrics.running++;
    response.once('close', () => {
      held.release(facts);
      if (isRunning) metrics.running--;
      // The main process counts it.
      if (facts.isPassedOn) return;
      const name = operation?.path ?? routeAt(path)?.name ?? OTHER;
      metrics.record(name, statusOf(response), facts, response.writableFinished);
      if (logger.isLevelEnabled('info')) logRequest(logger, request, response, facts);
    });
    journalize?.(request, response, facts);
    if (!isOwn) {
      app(request, response);
    } else {
      const overLimit = isLimited(operation) ? rate?.count(request, response) : undefined;
      after(overLimit, (overLimit) => {
        if (overLimit === undefined) admit(operation, request, response);
        else errors.answer(response, overLimit);
      });
    }
  };

  /** Answers a request that is not over its client's limit. */
  function admit(operation: Operation, request: AppRequest, response: ServerResponse): void {
    if (operation.isOpen !== true) parts.pauseBackgroundWork();
    if (operation.body === undefined) answer(operation, undefined, request, response);
    else {
      bodies.read(
        request,
        response,
        (body) => answerBody(operation, body, request, response),
        (error) => errors.answer(response, error),
      );
    }
  }

  /** True if a request can be answered here: it has none of the features that need Express. */
  function isPlain(request: IncomingMessage, operation: Operation): boolean {
    const { headers } = request;
    const isAllowed = operation.isOpen === true || keyCheck(headers) === undefined;
    // A cacheable response, to a GET, must name the origins it is for, even if the request has no `Origin`.
    const isCrossOrigin =
      parts.corsOrigins.length > 0 && (headers.origin !== undefined || operation.body === undefined);
    const hasBody = operation.body === undefined ? hasNoBody : hasPlainBody;
    return isAllowed && !isCrossOrigin && hasBody(request, bodies.limit);
  }

  function answerBody(
    operation: Operation,
    body: Buffer,
    request: AppRequest,
    response: ServerResponse,
  ): void {
    const path = request.url as string;
    const isRemembered =
      endpoints[operation.id].isRemembered === true &&
      testing.isCacheable(request.headers) &&
      !deliverer.concerns(request.headers);
    const key = isRemembered ? answers?.keyOf(testing.generation, path, body) : undefined;
    const known = key === undefined ? undefined : answers?.get(key);
    if (known !== undefined) {
      factsOf(response).isBodyValid = true;
      together.add([response, known]);
    } else {
      const keep = key === undefined ? undefined : (answered: Answered) => answers?.set(key, answered);
      answer(operation, body, request, response, keep);
    }
  }

  function answer(
    operation: Operation,
    body: Buffer | undefined,
    request: AppRequest,
    response: ServerResponse,
    keep?: (answered: Answered) => void,
  ): void {
    const fail = (error: unknown) => {
      if (!(error instanceof PassedOn)) errors.answer(response, error);
      else passOn(request, response, body);
    };
    const send = (answered: Answered) => {
      keep?.(answered);
      together.add([response, answered]);
    };
    const run = (parsed: unknown) => {
      const input: Input = { path: operation.path, body: parsed, params: NOTHING, query: NOTHING };
      return runs[operation.id](input, request, response);
    };
    try {
      const answered = body === undefined ? run(undefined) : after(bodies.parse(body, response), run);
      if (answered instanceof Promise) answered.then(send).catch(fail);
      else send(answered);
    } catch (error) {
      if (error instanceof PassedOn) passOn(request, response, body);
      else together.add([response, errors.answerTo(response, error)]);
    }
  }

  function passOn(request: AppRequest, response: ServerResponse, body: Buffer | undefined): void {
    if (response.destroyed) return;
    factsOf(response).isPassedOn = true;
    passer?.pass(request, response, body, (error) => errors.answer(response, error));
  }
}

/**
 * The path of a request, and its query. A client that uses the server as a proxy sends the server's address before them. A target that
 * isn't a path is turned into one that no route matches: Express would fail on it before any of its handlers sees it.
 */
function pathOf(url: string): string {
  if (url.startsWith('/')) return url;
  const path = url.replace(/^https?:\/\/[^/?#]*/i, '');
  return path.startsWith('/') ? path : `/${path}`;
}

function hasNoBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] === undefined && headers['transfer-encoding'] === undefined;
}

/** True if a request has a body of plain JSON that may be read. */
function hasPlainBody({ headers }: IncomingMessage, bytesMax: number): boolean {
  const type = headers['content-type'];
  const length = Number(headers['content-length']);
  return (
    length > 0 &&
    length <= bytesMax &&
    (type === undefined || type === 'application/json' || type === 'application/json; charset=utf-8') &&
    headers['content-encoding'] === undefined &&
    headers.expect === undefined
  );
}
