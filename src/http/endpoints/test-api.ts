/** The test API for programs in other processes: replies of their own, and the journal of requests. */

import type { IncomingMessage } from 'node:http';
import { checked } from '../../core/check.js';
import { AppError } from '../../core/errors.js';
import { testOf } from '../../testing/asked.js';
import { type OverrideSpec, specOf } from '../../testing/given.js';
import type { Journal } from '../../testing/journal.js';
import { requestsQuery } from '../../testing/schemas/checks.js';
import type { Testing } from '../../testing/testing.js';
import type { RecordedRequest } from '../../testing/types.js';
import { type Endpoint, type Input, jsonOf } from '../endpoint.js';
import { valuesOf } from '../query-values.js';

/** Requests in a list, unless another number is asked for. */
const LISTED = 100;

/** `POST /api/replies`: gives replies and errors to the requests of one test, if the header `x-test-id` names it, else to all. */
export function giveReplies(testing: Testing): Endpoint<readonly OverrideSpec[]> {
  return {
    parse: ({ body }) =>
      Array.isArray(body) ? body.map((each, i) => specOf(each, `[${i}]`)) : [specOf(body, '')],
    answer: (specs, { request }) => {
      const test = testOf(request.headers);
      return jsonOf({ numbers: specs.map((spec) => testing.give(spec, test).number) });
    },
  };
}

/** `DELETE /api/replies`: takes back those of one test, or all. */
export function takeBackReplies(testing: Testing): Endpoint<Input> {
  return {
    parse: (input) => input,
    answer: (input, { request }) => {
      testing.takeBack(testNamed(input, request));
      return jsonOf({ deleted: true });
    },
  };
}

/** `GET /api/requests`: the latest requests of the journal. */
export function listRequests({ journal }: Testing): Endpoint<Input> {
  return {
    parse: (input) => input,
    answer: (input, { request }) => {
      const {
        status,
        match,
        limit = LISTED,
      } = checked(requestsQuery, valuesOf(input.query, 'status', 'limit'));
      const all = journalOf(journal).requests(testNamed(input, request));
      const wanted = all.filter(
        (each) => (status ?? each.status) === each.status && (match ?? each.match) === each.match,
      );
      return jsonOf({ requests: wanted.slice(-limit).map(shownAsJson) });
    },
  };
}

/** `DELETE /api/requests`: empties the journal, or removes the requests of one test. */
export function clearRequests({ journal }: Testing): Endpoint<Input> {
  return {
    parse: (input) => input,
    answer: (input, { request }) => {
      journalOf(journal).clear(testNamed(input, request));
      return jsonOf({ deleted: true });
    },
  };
}

/** `GET /api/requests/stream`: each request from now on, as a server-sent event. */
export function streamRequests({ journal }: Testing): Endpoint<Input> {
  return {
    parse: (input) => input,
    answer: (input, { request }) => {
      const test = testNamed(input, request);
      const listen = journalOf(journal);
      const open = (write: (event: string) => void, end: () => void) =>
        listen.listen((each) => {
          if (test === undefined || each.test === test)
            write(`event: request\ndata: ${JSON.stringify(shownAsJson(each))}\n\n`);
        }, end);
      return { content: { kind: 'live', open } };
    },
  };
}

function testNamed({ query }: Input, { headers }: IncomingMessage): string | undefined {
  return typeof query.test === 'string' ? query.test : testOf(headers);
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
