/**
 * What lies under Express: every request comes here first, and most that find something are answered here.
 *
 * Express takes about as long to find the route of a request as Node takes for all the rest, reading and writing included. So a
 * POST to one of the few paths that load comes by is read here, and answered if that takes no waiting: from the cache of answers, by
 * the body's bytes alone, or else by the index. Whatever is out of the ordinary goes on to Express: an
 * unusual header, a bad field, a prompt that isn't found, a sweep. There it is answered as if nothing had been tried, so nothing is
 * told here, and nothing can go wrong here. What was measured is in docs/decisions/0007-under-express.md.
 */

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Express } from 'express';
import { AppError } from '../core/errors.js';
import {
  ANSWERED_NOW_BYTES_MAX,
  BODIES_BYTES_MAX,
  CHUNKED_BODY_BYTES,
  REMEMBERED_BODY_BYTES_MAX,
} from '../core/limits.js';
import { errorBody } from '../openai/error-body.js';
import { ID_DIGITS } from './completion-head.js';
import { sendJson } from './json.js';
import type { AppRequest } from './message-classes.js';
import { type ReadyAnswer, sendReady } from './ready-answer.js';
import { RequestFacts } from './request-facts.js';
import { logRequest, statusOf } from './request-log.js';
import { isCompletionPath, routeOf } from './route-names.js';
import { sendTogether } from './send-together.js';
import type { Services } from './services.js';

/** Answers a body at once; where that can't be done, it is undefined, or throws. */
type AnswerNow = (body: unknown) => ReadyAnswer | undefined;

/** A path that is answered here, and the name that it has in the description of the API. */
export interface Route {
  readonly name: string;
  readonly answerNow: AnswerNow;
}

/** An answer that was found, and what it answers. */
interface Found {
  readonly response: ServerResponse;
  readonly answer: ReadyAnswer;
  readonly facts: RequestFacts;
}

/**
 * Handles all requests of a server, which are to be of the app's classes.
 *
 * @param app what answers the others
 * @param routes by their paths
 */
export function underExpress(
  app: Express,
  routes: ReadonlyMap<string, Route>,
  services: Services,
): RequestListener {
  const { answers, bodyLimit, corsOrigins, giveWay, keyCheck, logger, metrics, newId, now } = services;
  const isCrossOrigin = ({ headers }: IncomingMessage) =>
    corsOrigins.length > 0 && headers.origin !== undefined;
  const together = sendTogether(({ response, answer, facts }: Found) =>
    sendReady(response, answer, facts, newId(ID_DIGITS), Math.floor(now() / 1000)),
  );
  const connections = new WeakSet<Socket>();
  const bytesMax = Math.min(bodyLimit, ANSWERED_NOW_BYTES_MAX);
  /** Of the requests that have no answer yet. */
  let bodiesBytes = 0;

  return (plain, response) => {
    const request = plain as AppRequest;
    request.url = pathOf(request.url ?? '');
    const facts = new RequestFacts(request, services);
    (response as ServerResponse & { locals: RequestFacts }).locals = facts;
    const bodyBytes = bodyBytesOf(request, bodyLimit);
    bodiesBytes += bodyBytes;
    const path = request.url;
    const isCompletion = request.method === 'POST' && isCompletionPath(path);
    if (isCompletion) metrics.running++;
    response.once('close', () => {
      bodiesBytes -= bodyBytes;
      if (isCompletion) metrics.running--;
      const name = routes.get(path)?.name ?? routeOf(request);
      metrics.record(name, statusOf(response), facts, response.writableFinished);
      if (logger.isLevelEnabled('info')) logRequest(logger, request, response, facts);
    });
    // What has no body is answered all the same: whoever looks after the server asks like that.
    if (bodyBytes > 0 && bodyBytes < bodiesBytes && bodiesBytes > BODIES_BYTES_MAX) {
      refuse(response, facts);
      return;
    }
    const route = routes.get(request.url);
    if (
      route === undefined ||
      !isPlain(request, bytesMax) ||
      isCrossOrigin(request) ||
      keyCheck(request.headers) !== undefined
    ) {
      handOver(request, response, facts);
      return;
    }
    flushAtEnd(request.socket);
    request.takeBody((body) => {
      const answer = answerTo(request.url ?? '', body, route.answerNow);
      if (answer === undefined) {
        request.giveBack(body);
        handOver(request, response, facts);
      } else {
        giveWay();
        together.add({ response, answer, facts });
      }
    });
  };

  /** Where a client closes its side, Node ends the connection: what waits for the end of this turn must go before that. */
  function flushAtEnd(socket: Socket): void {
    if (connections.has(socket)) return;
    connections.add(socket);
    socket.prependListener('end', together.flush);
  }

  function handOver(request: IncomingMessage, response: ServerResponse, facts: RequestFacts): void {
    response.setHeader('x-request-id', facts.requestId);
    app(request, response);
  }

  function answerTo(path: string, body: Buffer, answerNow: AnswerNow): ReadyAnswer | undefined {
    const isRemembered = answers !== undefined && body.length <= REMEMBERED_BODY_BYTES_MAX;
    const key = isRemembered ? path + body.toString('latin1') : '';
    const known = isRemembered ? answers.get(key) : undefined;
    if (known !== undefined) return known;
    try {
      const answer = answerNow(JSON.parse(body.toString()));
      if (answer !== undefined && isRemembered) answers.set(key, answer, answer.length);
      return answer;
    } catch {
      // Express tells what is wrong.
      return undefined;
    }
  }
}

/** How much of a request's body there may be to hold: of one that is over the limit nothing more is read. */
function bodyBytesOf({ headers }: IncomingMessage, bodyLimit: number): number {
  const length = Math.min(bodyLimit, Number(headers['content-length'] ?? 0));
  return headers['transfer-encoding'] === undefined ? length : CHUNKED_BODY_BYTES;
}

/** Answers a request whose body there is no room for. */
function refuse(response: ServerResponse, { requestId }: RequestFacts): void {
  response.setHeader('x-request-id', requestId);
  response.setHeader('retry-after', '1');
  response.setHeader('connection', 'close');
  sendJson(response, 503, errorBody(new AppError('overloaded')));
}

/**
 * The path that a request asks for, and its query. A client that takes the server for a proxy puts the server's address before
 * them. Of what is no path one is made, which nobody knows: Express fails on it before any of its handlers has it.
 */
function pathOf(url: string): string {
  if (url.startsWith('/')) return url;
  const path = url.replace(/^https?:\/\/[^/?#]*/i, '');
  return path.startsWith('/') ? path : `/${path}`;
}

/** True if a request is a POST with a plain body of JSON that may be read. */
function isPlain({ method, headers, httpVersionMinor }: IncomingMessage, bytesMax: number): boolean {
  const type = headers['content-type'];
  const length = Number(headers['content-length']);
  return (
    method === 'POST' &&
    length > 0 &&
    length <= bytesMax &&
    (type === undefined || type === 'application/json' || type === 'application/json; charset=utf-8') &&
    headers['content-encoding'] === undefined &&
    headers.expect === undefined &&
    // Streams are sent in chunks, which older clients don't know.
    httpVersionMinor === 1
  );
}
