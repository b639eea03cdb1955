import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { RequestFacts } from './request-facts.js';

/** Logs a line when a request ends. */
export function logWhenClosed(
  logger: Logger,
  request: IncomingMessage,
  response: ServerResponse,
  facts: RequestFacts,
): void {
  if (!logger.isLevelEnabled('info')) return;
  const { method, url = '' } = request;
  response.on('close', () => {
    const { requestId, match, source, elapsedMs: durationMs } = facts;
    const query = url.indexOf('?');
    const fields = {
      requestId,
      method,
      path: query < 0 ? url : url.slice(0, query),
      status: response.statusCode,
      finished: response.writableFinished,
      match,
      source,
      durationMs,
    };
    logger.info(fields, 'request');
  });
}
