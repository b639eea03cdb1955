import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request } from 'express';
import type { Logger } from 'pino';
import type { Refused } from './listener.js';
import type { RequestFacts } from './request-facts.js';

/** What is told of a request whose client has left before its answer began, as nginx does. */
const CLIENT_LEFT = 499;

/** The status of a response that is closed. An error's stands there without headers if it went past the response: see `Listener`. */
export function statusOf({ headersSent, statusCode }: ServerResponse): number {
  return headersSent || statusCode >= 400 ? statusCode : CLIENT_LEFT;
}

/** Logs what was refused before it was a request. */
export function logRefused(logger: Logger, refused: Refused): void {
  logger.info(refused, 'no request');
}

/** Logs the line of a request that has ended. */
export function logRequest(
  logger: Logger,
  request: IncomingMessage,
  response: ServerResponse,
  facts: RequestFacts,
): void {
  const { requestId, match, source, dataset, elapsedMs: durationMs } = facts;
  const { method } = request;
  // Express cuts off what its routers are mounted on.
  const { originalUrl: url = request.url ?? '' } = request as Partial<Request>;
  const query = url.indexOf('?');
  const fields = {
    requestId,
    method,
    path: query < 0 ? url : url.slice(0, query),
    status: statusOf(response),
    finished: response.writableFinished,
    match,
    source,
    dataset,
    durationMs,
  };
  logger.info(fields, 'request');
}
