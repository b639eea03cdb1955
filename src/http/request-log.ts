import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request } from 'express';
import type { Logger } from 'pino';
import type { Refused } from './listener.js';
import type { RequestFacts } from './request-facts.js';

/** The status that nginx logs for a request whose client disconnected before its answer began. */
const CLIENT_LEFT = 499;

/** The status of a closed response. An error that bypassed the response has set its status without sending headers: see `Listener`. */
export function statusOf({ headersSent, statusCode }: ServerResponse): number {
  return headersSent || statusCode >= 400 ? statusCode : CLIENT_LEFT;
}

/** Logs bytes that were rejected before they became a request. */
export function logRefused(logger: Logger, refused: Refused): void {
  logger.info(refused, 'connection rejected');
}

/** The fields of a request's line in the log. */
interface RequestFields {
  readonly requestId: string;
  readonly method: string | undefined;
  readonly path: string;
  readonly status: number;
  /** False if the client disconnected before it received the whole answer. */
  readonly finished: boolean;
  readonly match: string | undefined;
  readonly source: string | undefined;
  readonly dataset: string | undefined;
  readonly durationMs: number;
  /** The beginning of a prompt that wasn't found; only at the level `debug`. */
  readonly prompt: string | undefined;
}

/** The log line for people. */
export function requestText(fields: RequestFields): string {
  const { status, method, path, dataset, match, source, durationMs, finished, prompt } = fields;
  const found = match === 'none' ? 'miss' : match;
  const parts = [status, method, path, dataset, found, source, `${durationMs} ms`];
  if (!finished) parts.push('(client left)');
  if (prompt !== undefined) parts.push(JSON.stringify(prompt));
  return parts.filter((part) => part !== undefined).join(' ');
}

/** Logs a request that has ended. */
export function logRequest(
  logger: Logger,
  request: IncomingMessage,
  response: ServerResponse,
  facts: RequestFacts,
): void {
  const { requestId, match, source, dataset, missedPrompt, elapsedMs: durationMs } = facts;
  const { method } = request;
  // Express strips the path that a router is mounted on.
  const { originalUrl: url = request.url ?? '' } = request as Partial<Request>;
  const query = url.indexOf('?');
  const fields: RequestFields = {
    requestId,
    method,
    path: query < 0 ? url : url.slice(0, query),
    status: statusOf(response),
    finished: response.writableFinished,
    match,
    source,
    dataset,
    durationMs,
    prompt: missedPrompt !== undefined && logger.isLevelEnabled('debug') ? missedPrompt : undefined,
  };
  logger.info(fields, 'request');
}
