import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request } from 'express';
import type { Operation, OperationId } from '../api/operations.js';
import { AppError } from '../core/errors.js';
import { INVALID_BODY_LENGTH_MAX } from '../core/limits.js';
import type { Message } from '../core/query.js';
import { testOf } from '../testing/asked.js';
import type { Journal } from '../testing/journal.js';
import { parseJson } from './body.js';
import type { Endpoint } from './endpoint.js';
import type { RequestFacts } from './request-facts.js';
import { statusOf } from './request-log.js';
import { operationAt, routeAt } from './routes.js';

/** The files of the server's own pages. */
const PAGE_FILE = /^\/(?:docs|web)\//;

/** False for what people use to look at the server: it would be in the journal that they look at. */
function isJournalled({ tag }: Operation): boolean {
  return tag !== 'Server' && tag !== 'Testing' && tag !== 'Looking';
}

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
    if (operation === undefined ? PAGE_FILE.test(path) : !isJournalled(operation)) return;
    const now = performance.now();
    const { match, source, dataset, error, outcome, cameAt, beganAt = now } = facts;
    const body = bodyOf(facts);
    journal.record({
      requestId: facts.requestId,
      method,
      path,
      headers,
      bytes:
        path.length + lengthOf(request.rawHeaders) + (body?.length ?? 0) + 2 * (error?.message.length ?? 0),
      test: testOf(headers),
      status: statusOf(response),
      match,
      source,
      dataset,
      error,
      usage: outcome?.usage,
      finishReason: outcome?.finishReason,
      cameAt: performance.timeOrigin + cameAt,
      firstMs: beganAt - cameAt,
      durationMs: now - cameAt,
      finished: response.writableFinished,
      content: () => contentOf(operation && endpoints[operation.id], operation, path, body),
    });
  };
}

/** The body if it is valid JSON within the limits; else the beginning of its text; undefined without one. */
function bodyOf({ body, isBodyValid }: RequestFacts): Buffer | string | undefined {
  if (body === undefined) return undefined;
  if (!isBodyValid) return body.toString('utf8', 0, INVALID_BODY_LENGTH_MAX);
  // A body may be a small part of the memory that it was read into.
  return body.buffer.byteLength > 2 * body.length ? Buffer.from(body) : body;
}

function lengthOf(texts: readonly string[]): number {
  let length = 0;
  for (const text of texts) length += text.length;
  return length;
}

/** A body, and the messages that it asks about: none if the endpoint refuses it. */
function contentOf(
  endpoint: Endpoint | undefined,
  operation: Operation | undefined,
  path: string,
  bytes: Buffer | string | undefined,
): { readonly body: unknown; readonly messages: readonly Message[] } {
  if (bytes === undefined || typeof bytes === 'string') return { body: bytes, messages: [] };
  const body = parseJson(bytes.toString());
  if (endpoint?.messagesOf === undefined || operation === undefined) return { body, messages: [] };
  try {
    return { body, messages: endpoint.messagesOf(endpoint.parse({ path, body, params: {}, query: {} })) };
  } catch (error) {
    if (error instanceof AppError) return { body, messages: [] };
    throw error;
  }
}
