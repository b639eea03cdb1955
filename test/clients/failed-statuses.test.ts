/** The statuses of failed requests, as OpenAI's and Anthropic's own clients report and retry them. */

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import type { NamedScope, VerbatimServer } from '#dist/index.js';
import { errorOf, serveRecordedBy, WAYS, type Way } from '../support/asking.js';
import { REPLY } from '../support/recorded.js';

/** A class of errors of a client. */
type ErrorClass = abstract new (...args: never[]) => Error;

/** A status, as OpenAI's client reports it: class, type and code. The same for Anthropic's. Both retry the same statuses. */
const REPORTED: readonly (readonly [
  status: number,
  openai: readonly [kind: ErrorClass, type: string, code: string | null],
  anthropic: readonly [kind: ErrorClass, type: string],
  isRetried: boolean,
])[] = [
  [
    400,
    [OpenAI.BadRequestError, 'invalid_request_error', null],
    [Anthropic.BadRequestError, 'invalid_request_error'],
    false,
  ],
  [
    401,
    [OpenAI.AuthenticationError, 'invalid_request_error', 'invalid_api_key'],
    [Anthropic.AuthenticationError, 'authentication_error'],
    false,
  ],
  [
    403,
    [OpenAI.PermissionDeniedError, 'invalid_request_error', null],
    [Anthropic.PermissionDeniedError, 'permission_error'],
    false,
  ],
  [
    404,
    [OpenAI.NotFoundError, 'invalid_request_error', 'model_not_found'],
    [Anthropic.NotFoundError, 'not_found_error'],
    false,
  ],
  [
    408,
    [OpenAI.APIError, 'invalid_request_error', null],
    [Anthropic.APIError, 'invalid_request_error'],
    true,
  ],
  [
    409,
    [OpenAI.ConflictError, 'invalid_request_error', null],
    [Anthropic.ConflictError, 'invalid_request_error'],
    true,
  ],
  [413, [OpenAI.APIError, 'invalid_request_error', null], [Anthropic.APIError, 'request_too_large'], false],
  [
    422,
    [OpenAI.UnprocessableEntityError, 'invalid_request_error', null],
    [Anthropic.UnprocessableEntityError, 'invalid_request_error'],
    false,
  ],
  [
    429,
    [OpenAI.RateLimitError, 'requests', 'rate_limit_exceeded'],
    [Anthropic.RateLimitError, 'rate_limit_error'],
    true,
  ],
  [
    500,
    [OpenAI.InternalServerError, 'server_error', null],
    [Anthropic.InternalServerError, 'api_error'],
    true,
  ],
  [
    502,
    [OpenAI.InternalServerError, 'server_error', null],
    [Anthropic.InternalServerError, 'api_error'],
    true,
  ],
  [
    503,
    [OpenAI.InternalServerError, 'server_error', null],
    [Anthropic.InternalServerError, 'overloaded_error'],
    true,
  ],
  [
    504,
    [OpenAI.InternalServerError, 'server_error', null],
    [Anthropic.InternalServerError, 'timeout_error'],
    true,
  ],
];

let server: VerbatimServer;
let twice: VerbatimServer;
let thrice: VerbatimServer;
beforeAll(async () => {
  server = await serveRecordedBy();
  // The sequences begin again for each test.
  twice = await serveRecordedBy({ failSequence: '429*2,200' });
  thrice = await serveRecordedBy({ failSequence: '503*3,200' });
});

// The clients wait before they retry: all of them do so at the same time.
it.concurrent.each(WAYS)('%s report each status, and retry those that may go away', async (name, way) => {
  await Promise.all(
    REPORTED.map(async ([status, openai, anthropic, isRetried]) => {
      const scope = server.scope(testOf(`${name} ${status}`));
      const [kind, type] = way.isAnthropic ? anthropic : openai;
      const headers = { ...scope.headers, 'x-verbatim-fail': String(status) };
      const error = await errorOf(way.ask(server, { headers }));
      expect(error, `${status}`).toBeInstanceOf(kind);
      expect(error, `${status}`).toMatchObject({
        status,
        type,
        requestID: expect.stringMatching(/^req_/),
        message: expect.stringMatching(new RegExp(`^${status} .*This failure is simulated\\.`)),
        ...(!way.isAnthropic && { code: openai[2] }),
      });
      expect(statusesIn(scope)).toEqual(Array.from({ length: isRetried ? 3 : 1 }, () => status));
    }),
  );
});

it.concurrent.each(WAYS)('%s get the reply after two failures, but not after three', async (name, way) => {
  const [after2, after3] = [twice.scope(testOf(name)), thrice.scope(testOf(name))];
  const [read, error] = await Promise.all([
    way.ask(twice, { headers: after2.headers }),
    errorOf(way.ask(thrice, { headers: after3.headers })),
  ]);
  expect(read.text).toBe(REPLY);
  expect(statusesIn(after2)).toEqual([429, 429, 200]);
  expect(error).toMatchObject({ status: 503 });
  expect(statusesIn(after3)).toEqual([503, 503, 503]);
  expect((await way.ask(thrice, { headers: after3.headers })).text).toBe(REPLY);
});

describe.each(WAYS)('%s', (_name, way) => {
  it('fail with a status that is requested by the header of other simulators', async () => {
    const error = await errorOf(way.ask(server, { headers: { 'x-return-error': '401' } }));
    expect(error).toMatchObject({ status: 401 });
  });

  it('get the headers of a rate limit with 429', async () => {
    const error = await errorOf(way.ask(server, { maxRetries: 0, headers: { 'x-verbatim-fail': '429' } }));
    const { headers } = error as { headers: Headers };
    expect(headers.get('retry-after')).toBe('1');
    expect(limitsIn(headers, way)).toEqual(limitsOf(way));
  });
});

/** An id of a test. */
function testOf(name: string): string {
  return name.replace(/\W+/g, '-');
}

function statusesIn({ requests }: NamedScope): number[] {
  return requests.map(({ status }) => status);
}

/** The headers of a limited client, by the names of its API. */
function limitsIn(headers: Headers, { isAnthropic }: Way): Record<string, string> {
  const prefix = isAnthropic ? 'anthropic-ratelimit-' : 'x-ratelimit-';
  const found = [...headers].filter(([name]) => /ratelimit/.test(name));
  for (const [name] of found) expect(name.startsWith(prefix)).toBe(true);
  return Object.fromEntries(found.map(([name, value]) => [name.slice(prefix.length), value]));
}

function limitsOf({ isAnthropic }: Way): Record<string, unknown> {
  if (isAnthropic) {
    return {
      'requests-limit': '60',
      'requests-remaining': '0',
      'requests-reset': expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    };
  }
  return {
    'limit-requests': '60',
    'remaining-requests': '0',
    'reset-requests': '1s',
    'limit-tokens': '60000',
    'remaining-tokens': '0',
    'reset-tokens': '1s',
  };
}
