import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { RequestFacts } from './request-facts.js';

/** What is told of a request whose client has left before its answer began, as nginx does. */
const CLIENT_LEFT = 499;

/** What a client was told whose body came too slowly: its answer went past the response. */
const TOO_SLOW = 408;

/** The status of a response that is closed. */
export function statusOf({ headersSent, statusCode }: ServerResponse): number {
  return headersSent || statusCode === TOO_SLOW ? statusCode : CLIENT_LEFT;
}

/** Logs what was refused before it was a request. */
export function logRefused(logger: Logger, status: number): void {
  logger.info({ status }, 'no request');
}

/** Logs the line of a request that has ended. */
export function logRequest(
  logger: Logger,
  { method, url = '' }: IncomingMessage,
  response: ServerResponse,
  facts: RequestFacts,
): void {
  const { requestId, match, source, elapsedMs: durationMs } = facts;
  const query = url.indexOf('?');
  const fields = {
    requestId,
    method,
    path: query < 0 ? url : url.slice(0, query),
    status: statusOf(response),
    finished: response.writableFinished,
    match,
    source,
    durationMs,
  };
  logger.info(fields, 'request');
}
