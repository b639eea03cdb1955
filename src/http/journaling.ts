import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Operation, OperationId } from '../api/operations.js';
import { AppError } from '../core/errors.js';
import { INVALID_BODY_LENGTH_MAX } from '../core/limits.js';
import type { Message } from '../core/query.js';
import { testOf } from '../testing/asked.js';
import type { Journal } from '../testing/journal.js';
import { parseJson } from './body.js';
import type { Endpoint } from './endpoint.js';
import { CLIENT_ENDED } from './linger.js';
import type { RequestFacts } from './request-facts.js';
import { statusOf } from './request-log.js';
import { operationAt, routeAt } from './routes.js';

/** The files of the server's own pages. */
const PAGE_FILE = /^\/(?:docs|web)\//;

/** False for what people use to look at the server: it would be in the journal that they look at. */
function isJournalled({ tag }: Operation): boolean {
  return tag !== 'Server' && tag !== 'Testing' && tag !== 'Looking';
}

/**
 * Writes requests into a journal when they end: all but those for the server itself, such as `GET /health`. One whose client ends its side of
 * the connection while it waits ends then: clients that give up do that, and TCP doesn't say whether they still read.
 *
 * @returns called with each request when it arrives
 */
export function journalOf(
  journal: Journal,
  endpoints: Readonly<Record<OperationId, Endpoint>>,
): (request: IncomingMessage, response: ServerResponse, facts: RequestFacts) => void {
  return (request, response, facts) => {
    // Express strips the path that a router is mounted on later.
    const { method = '', url: path = '', headers } = request;
    const operation = operationAt(method, path) ?? routeAt(path)?.operations.get(method);
    if (operation === undefined ? PAGE_FILE.test(path) : !isJournalled(operation)) return;
    const test = testOf(headers);
    const end = journal.begin(test);
    const record = () => {
      response.off('close', record);
      response.off(CLIENT_ENDED, leave);
      const now = performance.now();
      const { match, source, score, dataset, error, outcome, cameAt, beganAt = now } = facts;
      const body = bodyOf(facts);
      end({
        requestId: facts.requestId,
        method,
        path,
        headers,
        bytes:
          path.length + lengthOf(request.rawHeaders) + (body?.length ?? 0) + 2 * (error?.message.length ?? 0),
        test,
        status: statusOf(response),
        match,
        source,
        score,
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
    const leave = () => {
      if (request.complete && !response.headersSent) record();
    };
    response.on('close', record);
    response.on(CLIENT_ENDED, leave);
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
