/** Large, broken and hostile input: each request is answered, and its connection then answers the next one. */

import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byteCount } from '#dist/core/bytes.js';
import { post, serveApp } from '../support/app.js';
import { FACTOR } from '../support/factor.js';

const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));
const MB = 1 << 20;
/** The body limit; in a long run, the default one. */
const LIMIT_MB = Math.min(32, 8 * FACTOR);
/** Large inputs have at least this number of bytes, and few more. */
const LARGE_MB = LIMIT_MB - 1;
const LARGE = LARGE_MB * MB;
/** A text, repeated to the size of a large body. */
const large = (text: string) => text.repeat(LARGE / text.length);
/** The maximum number of messages in a request. */
const MESSAGES_MAX = 10_000;
const CHAT = '/v1/chat/completions';
const COMPLETIONS = '/v1/completions';

let base: string;
beforeAll(async () => {
  base = await serveApp(dataset, { strictModels: true, bodyLimit: byteCount(LIMIT_MB * MB) });
});

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
afterAll(() => agent.destroy());

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly json: { readonly error?: unknown };
  readonly socket: Socket;
}

interface Question {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

/** Sends on the single connection. A string or bytes are sent unchanged. */
function ask({ method = 'POST', path = CHAT, headers = {}, body = '' }: Question): Promise<Answer> {
  const bytes = Buffer.isBuffer(body)
    ? body
    : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const sent = request(base + path, {
      agent,
      method,
      headers: { 'content-type': 'application/json', 'content-length': bytes.length, ...headers },
    });
    sent.on('error', reject).on('response', async (response) => {
      const { statusCode, headers, socket } = response;
      const text = await response.setEncoding('utf8').toArray();
      resolve({ status: statusCode, headers, json: JSON.parse(text.join('')), socket });
    });
    sent.end(bytes);
  });
}

const said = (content: unknown) => ({ messages: [{ role: 'user', content }] });
const good = said('Say it.');
const invalid = 'invalid_request_error';
const missed = [404, 'prompt_not_found', 'messages'] as const;

/** Nested lists with this number of bytes. */
const nested = (length: number) => '['.repeat(length / 2) + ']'.repeat(length / 2);
/** JSON with its dollar sign replaced by bytes. */
const withBytes = (json: string, bytes: readonly number[]) => {
  const [before = '', after = ''] = json.split('$');
  return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
};

const CASES: readonly [
  what: string,
  question: () => Question,
  status: number,
  code: string | null,
  param: string | null,
][] = [
  [`a prompt of ${LARGE_MB} MB`, () => ({ body: said(large('x')) }), ...missed],
  [
    `a prompt of ${LARGE_MB} MB of escapes`,
    () => ({ body: `{"messages":[{"role":"user","content":"${large('\\u0041')}"}]}` }),
    ...missed,
  ],
  [`${LARGE_MB} MB that nothing closes`, () => ({ body: large('[') }), 400, null, null],
  [`${LARGE_MB} MB of lists in lists`, () => ({ body: nested(LARGE) }), 400, null, null],
  [
    `${LARGE_MB} MB of lists in the place of a message`,
    () => ({ body: `{"messages":[${nested(LARGE)}]}` }),
    400,
    null,
    null,
  ],
  [
    `${LARGE_MB} MB of lists that count for nothing`,
    () => ({ body: `{"messages":[{"role":"user","content":"nowhere"}],"x":${nested(LARGE)}}` }),
    400,
    null,
    null,
  ],
  [
    `${LARGE_MB} MB of parts that are none`,
    () => ({ body: `{"messages":[{"role":"user","content":[${large('0,')}0]}]}` }),
    413,
    'request_too_large',
    null,
  ],
  [
    `${LARGE_MB} MB of parts without a type`,
    () => ({ body: `{"messages":[{"role":"user","content":[${large('{},')}{}]}]}` }),
    413,
    'request_too_large',
    null,
  ],
  [
    `${LARGE_MB} MB of parts that are no text`,
    () => ({
      body: `{"messages":[{"role":"user","content":[${large('{"type":""},')}{"type":""}]}]}`,
    }),
    413,
    'request_too_large',
    null,
  ],
  [
    'a call of a function with lists in lists',
    () => ({
      path: '/v1/responses',
      body: `{"input":[{"role":"user","content":"Say it."},{"type":"function_call","call_id":"c","name":"f","arguments":${nested(MB)}}]}`,
    }),
    400,
    null,
    null,
  ],
  [
    'an item that would be stored, with lists in lists',
    () => ({
      path: '/v1/responses',
      body: `{"input":[{"type":"other","x":${nested(MB)}},{"role":"user","content":"Say it."}]}`,
    }),
    400,
    null,
    null,
  ],
  [
    'one message too many',
    () => ({ body: { messages: Array(MESSAGES_MAX + 1).fill(good.messages[0]) } }),
    400,
    'array_above_max_length',
    'messages',
  ],
  [
    'bytes that are no UTF-8 in a prompt',
    () => ({ body: withBytes('{"messages":[{"role":"user","content":"Say$it."}]}', [0xff, 0xc3]) }),
    ...missed,
  ],
  [
    'bytes that are no UTF-8 in a role',
    () => ({ body: withBytes('{"messages":[{"role":"$","content":"x"}]}', [0xff]) }),
    400,
    'invalid_value',
    'messages[0].role',
  ],
  [
    'bytes that are no UTF-8 between fields',
    () => ({ body: withBytes('{$"messages":[]}', [0xed, 0xa0, 0x80]) }),
    400,
    null,
    null,
  ],
  ['a body in UTF-16', () => ({ body: Buffer.from(JSON.stringify(good), 'utf16le') }), 400, null, null],
  [
    'half a pair in a prompt',
    () => ({ body: String.raw`{"messages":[{"role":"user","content":"\ud800"}]}` }),
    ...missed,
  ],
  [
    'pairs the wrong way round',
    () => ({ body: String.raw`{"messages":[{"role":"user","content":"\udc00\ud800"}]}` }),
    ...missed,
  ],
  [
    'half a pair in a prompt to complete',
    () => ({ path: COMPLETIONS, body: String.raw`{"prompt":["\ud800"]}` }),
    404,
    'prompt_not_found',
    'prompt',
  ],
  [
    'half a pair in a role',
    () => ({ body: String.raw`{"messages":[{"role":"\ud800","content":"x"}]}` }),
    400,
    'invalid_value',
    'messages[0].role',
  ],
  [
    'half a pair in a name of a model',
    () => ({ body: String.raw`{"model":"\ud800","messages":[{"role":"user","content":"x"}]}` }),
    404,
    'model_not_found',
    null,
  ],
  [
    'messages in a prototype alone',
    () => ({ body: `{"__proto__":${JSON.stringify(good)}}` }),
    400,
    'missing_required_parameter',
    'messages',
  ],
  [
    'a role in a prototype alone',
    () => ({ body: '{"messages":[{"__proto__":{"role":"user"},"content":"Say it."}]}' }),
    400,
    'missing_required_parameter',
    'messages[0].role',
  ],
  [
    'a role that every object has',
    () => ({ body: '{"messages":[{"role":"constructor","content":"Say it."}]}' }),
    400,
    'invalid_value',
    'messages[0].role',
  ],
  [
    'a role that is a prototype',
    () => ({ body: '{"messages":[{"role":"__proto__","content":"Say it."}]}' }),
    400,
    'invalid_value',
    'messages[0].role',
  ],
  [
    'another content type',
    () => ({ headers: { 'content-type': 'text/plain' }, body: good }),
    415,
    'unsupported_content_type',
    null,
  ],
  [
    'no content type that there is',
    () => ({ headers: { 'content-type': 'json' }, body: good }),
    415,
    'unsupported_content_type',
    null,
  ],
  ['another model', () => ({ body: { ...good, model: 'another' } }), 404, 'model_not_found', null],
  [
    'another model by its path',
    () => ({ method: 'GET', path: '/v1/models/another' }),
    404,
    'model_not_found',
    null,
  ],
  ['an unknown path', () => ({ path: '/v1/nothing', body: good }), 404, null, null],
  ['a wrong method', () => ({ method: 'PUT', body: good }), 405, 'method_not_supported', null],
];

describe('a request with', () => {
  it.each(CASES)('%s', async (_what, question, status, code, param) => {
    const { socket } = await ask({ body: good });
    const answer = await ask(question());
    expect([answer.status, answer.headers['content-type'], answer.json.error]).toEqual([
      status,
      'application/json',
      { message: expect.any(String), type: invalid, param, code },
    ]);
    expect(answer.headers.allow).toBe(status === 405 ? 'POST, GET, HEAD' : undefined);

    const next = await ask({ body: good });
    expect([next.status, next.headers['x-verbatim-match']]).toEqual([200, 'context']);
    expect(answer.socket).toBe(socket);
    expect(next.socket).toBe(socket);
  });

  it(`${MESSAGES_MAX} messages is answered`, async () => {
    const before = Array(MESSAGES_MAX - 1).fill({ role: 'user', content: 'nowhere' });
    const { status, headers } = await ask({ body: { messages: [...before, ...good.messages] } });
    expect([status, headers['x-verbatim-source']]).toEqual([200, 'first#1']);
  });

  it("names of Object.prototype's properties, at every level, gets the same answer as without", async () => {
    const chat = { messages: [{ role: 'user', content: [{ type: 'text', text: 'Say it.' }] }], tools: [{}] };
    const bodies = { [CHAT]: chat, [COMPLETIONS]: { prompt: 'Say it.' } };
    const planted = '{"stream":true,"role":"system","type":"x","text":"x","echo":true,"polluted":true}';
    for (const [path, body] of Object.entries(bodies)) {
      const plain = JSON.stringify({ ...body, stream_options: {}, response_format: { type: 'text' } });
      const expected = await ask({ path, body: plain });
      expect(expected.status).toBe(200);
      for (const name of ['__proto__', 'constructor', 'prototype', 'toString']) {
        const field = `"${name}":${planted}`;
        const answer = await ask({
          path,
          body: plain.replaceAll('{}', `{${field}}`).replaceAll('{"', `{${field},"`),
        });
        expect([answer.status, answer.json]).toEqual([200, expected.json]);
      }
    }
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect({}).not.toHaveProperty('polluted');
  });
});

describe('JSON that can be parsed, but not serialized', () => {
  const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

  it('is rejected, whether the response is stored or not, and the server goes on', async () => {
    for (const store of [true, false]) {
      const tool = `{"type":"function","name":"f","parameters":${nested(50_000)}}`;
      const body = `{"input":"Say it.","store":${store},"tools":[${tool}]}`;
      // The second time, all tokens are counted, and the response is immediate.
      for (let time = 0; time < 2; time++) {
        expect((await post(`${base}/v1/responses`, body)).status).toBe(400);
        expect((await fetch(`${base}/health`)).status).toBe(200);
      }
    }
  });
});
