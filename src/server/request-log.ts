import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { RequestFacts } from './request-facts.js';

/** What is told of a request whose client has left before its answer began, as nginx does. */
const CLIENT_LEFT = 499;

/** The status of a response that is closed. */
export function statusOf({ headersSent, statusCode }: ServerResponse): number {
  return headersSent ? statusCode : CLIENT_LEFT;
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
