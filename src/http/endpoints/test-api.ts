/** The test API for programs in other processes: replies of their own, and the journal of requests. */

import type { IncomingMessage } from 'node:http';
import { checked } from '../../core/check.js';
import { AppError } from '../../core/errors.js';
import { LISTED_BYTES_MAX, LISTED_REQUESTS, OVERRIDES_AT_ONCE_MAX } from '../../core/limits.js';
import { after } from '../../core/maybe-promise.js';
import { isTestId, TEST_ID_EXPECTED, testOf } from '../../testing/asked.js';
import { specOf } from '../../testing/given.js';
import type { Journal } from '../../testing/journal.js';
import { requestsQuery } from '../../testing/schemas/checks.js';
import type { ReceivedReply } from '../../testing/shared-replies.js';
import type { Testing } from '../../testing/testing.js';
import type { RecordedRequest } from '../../testing/types.js';
import { type Endpoint, type Input, jsonOf } from '../endpoint.js';
import { valuesOf } from '../query-values.js';

/** `POST /api/replies`: gives replies and errors to the requests of one test, if the header `x-test-id` names it, else to all. */
export function giveReplies(testing: Testing): Endpoint<readonly ReceivedReply[]> {
  return {
    parse: ({ body }) => (Array.isArray(body) ? repliesOf(body) : [{ spec: specOf(body, ''), body }]),
    answer: (received, { request }) => {
      assertJson(request);
      const numbers = testing.giveReceived(received, testOf(request.headers));
      return after(numbers, (numbers) => jsonOf({ numbers }));
    },
  };
}

/** `DELETE /api/replies`: takes back those of one test, or all. */
export function takeBackReplies(testing: Testing): Endpoint<Input> {
  return {
    parse: (input) => parseTest(input),
    answer: (input, { request }) =>
      after(testing.takeBackAll(testNamed(input, request)), () => jsonOf({ deleted: true })),
  };
}

/** `GET /api/requests`: the latest requests of the journal. */
export function listRequests({ journal }: Testing): Endpoint<Input> {
  return {
    parse: (input) => input,
    answer: (input, { request }) => {
      const fields = checked(requestsQuery, valuesOf(input.query, 'status', 'limit'));
      const { status, match, limit = LISTED_REQUESTS } = fields;
      const wanted = { test: testNamed(input, request), status, match };
      const requests = journalOf(journal).requests(wanted, limit, LISTED_BYTES_MAX);
      return jsonOf({ requests: requests.map(shownAsJson) });
    },
  };
}

/** `DELETE /api/requests`: empties the journal, or removes the requests of one test. */
export function clearRequests({ journal }: Testing): Endpoint<Input> {
  return {
    parse: (input) => parseTest(input),
    answer: (input, { request }) => {
      journalOf(journal).clear(testNamed(input, request));
      return jsonOf({ deleted: true });
    },
  };
}

/** `GET /api/requests/stream`: each request from now on, as a server-sent event. */
export function streamRequests({ journal }: Testing): Endpoint<Input> {
  return {
    parse: (input) => parseTest(input),
    answer: (input, { request }) => {
      const test = testNamed(input, request);
      const listen = journalOf(journal);
      const open = (write: (event: string) => void, end: () => void) =>
        listen.listen((each) => {
          if (test === undefined || each.test === test)
            write(`event: request\ndata: ${JSON.stringify(shownAsJson(each))}\n\n`);
        }, end);
      return { content: { kind: 'live', format: 'events', open } };
    },
  };
}

/**
 * Requires the type of the body, which other endpoints don't: without it, any page that the user of this machine opens could give replies,
 * since a browser asks the server before it sends JSON to another origin.
 *
 * @throws AppError without a content type
 */
export function assertJson({ headers }: IncomingMessage): void {
  if (headers['content-type'] === undefined) throw new AppError('unsupported_content_type');
}

/** @throws AppError that names the first field that is missing or invalid, or for an empty or too long list */
function repliesOf(body: readonly unknown[]): readonly ReceivedReply[] {
  const max = OVERRIDES_AT_ONCE_MAX;
  const isEmpty = body.length === 0;
  if (isEmpty || body.length > max) {
    const message = `Invalid request body: expected 1 to ${max} replies, but got ${body.length} instead.`;
    throw new AppError(isEmpty ? 'empty_array' : 'array_above_max_length', { message });
  }
  return body.map((each, i) => ({ spec: specOf(each, `[${i}]`), body: each }));
}

/**
 * @param others names that the query may have besides `test`
 * @throws AppError if it has others: nothing would be limited by them
 */
export function parseTest(input: Input, ...others: readonly string[]): Input {
  const other = Object.keys(input.query).find((name) => name !== 'test' && !others.includes(name));
  if (other === undefined) return input;
  throw new AppError('unknown_parameter', { param: other, message: `Unknown parameter: '${other}'.` });
}

/**
 * The id of the test in the query, or in the header.
 *
 * @throws AppError if the query has several, or one that isn't valid
 */
export function testNamed({ query }: Input, { headers }: IncomingMessage): string | undefined {
  const { test } = query.test === undefined ? {} : checked(requestsQuery, { test: query.test });
  if (test === undefined) return testOf(headers);
  if (isTestId(test)) return test;
  const message = `Invalid 'test': expected ${TEST_ID_EXPECTED}.`;
  throw new AppError('invalid_value', { param: 'test', message });
}

/** @throws AppError if no requests are kept */
function journalOf(journal: Journal | undefined): Journal {
  if (journal === undefined) throw new AppError('journal_off');
  return journal;
}

function shownAsJson(request: RecordedRequest): object {
  const { requestId, finishReason, cameAt, firstMs, durationMs, ...same } = request;
  return {
    ...same,
    request_id: requestId,
    finish_reason: finishReason,
    came_at: cameAt,
    first_ms: firstMs,
    duration_ms: durationMs,
  };
}
