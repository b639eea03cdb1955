import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request } from 'express';
import type { Operation, OperationId } from '../api/operations.js';
import { AppError } from '../core/errors.js';
import type { Message } from '../core/query.js';
import { testOf } from '../testing/asked.js';
import type { Journal } from '../testing/journal.js';
import type { Endpoint } from './endpoint.js';
import type { RequestFacts } from './request-facts.js';
import { statusOf } from './request-log.js';
import { operationAt, routeAt } from './routes.js';

/** Writes requests that have ended into a journal: all but those for the server itself, such as `GET /health`. */
export function journalOf(
  journal: Journal,
  endpoints: Readonly<Record<OperationId, Endpoint>>,
): (request: IncomingMessage, response: ServerResponse, facts: RequestFacts) => void {
  return (request, response, facts) => {
    const { method = '', headers } = request;
    // Express strips the path that a router is mounted on.
    const { originalUrl: path = request.url ?? '' } = request as Partial<Request>;
    const operation = operationAt(method, path) ?? routeAt(path)?.operations.get(method);
    if (operation?.tag === 'Server' || operation?.tag === 'Testing') return;
    const now = performance.now();
    const { match, source, dataset, error, outcome, cameAt, beganAt = now } = facts;
    const usage = outcome?.usage;
    journal.record({
      requestId: facts.requestId,
      method,
      path,
      headers,
      body: facts.body,
      test: testOf(headers),
      status: statusOf(response),
      match,
      source,
      dataset,
      error,
      usage,
      finishReason: outcome?.finishReason,
      cameAt: performance.timeOrigin + cameAt,
      firstMs: beganAt - cameAt,
      durationMs: now - cameAt,
      finished: response.writableFinished,
      messagesOf: (body) => messagesOf(operation && endpoints[operation.id], operation, path, body),
    });
  };
}

/** The messages that a body asks about; none if it is invalid. */
function messagesOf(
  endpoint: Endpoint | undefined,
  operation: Operation | undefined,
  path: string,
  body: unknown,
): readonly Message[] {
  if (endpoint?.messagesOf === undefined || operation === undefined) return [];
  try {
    return endpoint.messagesOf(endpoint.parse({ path, body, params: {}, query: {} }));
  } catch (error) {
    if (error instanceof AppError) return [];
    throw error;
  }
}
