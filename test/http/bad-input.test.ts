import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { MESSAGES_MAX } from '#dist/core/limits.js';
import { guardedBy, post, serveApp } from '../support/app.js';
import { RawConnection } from '../support/raw-connection.js';

const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));
const hello = [{ role: 'user', content: 'Say it.' }];

let base: string;
let guarded: string;
beforeAll(async () => {
  base = await serveApp(dataset);
  guarded = await serveApp(dataset, guardedBy('first-key', 'second-key'));
});

const chat = (body: unknown, headers?: Record<string, string>) =>
  post(`${base}/v1/chat/completions`, body, headers);
const older = (body: unknown, headers?: Record<string, string>) =>
  post(`${base}/api/v1/chat/completion`, body, headers);

describe('a bad chat completion request', () => {
  const invalid = 'invalid_request_error';
  it.each([
    ['broken JSON', '{"messages": [', 400, null, null],
    ['no JSON', 'messages=hello', 400, null, null],
    ['a string', '"hello"', 400, 'invalid_type', null],
    ['a number', '5', 400, 'invalid_type', null],
    ['null', 'null', 400, 'invalid_type', null],
    ['an array', [], 400, 'invalid_type', null],
    ['no body', '', 400, 'missing_required_parameter', 'messages'],
    ['no messages', { model: 'm' }, 400, 'missing_required_parameter', 'messages'],
    ['invalid messages', { messages: 'hi' }, 400, 'invalid_type', 'messages'],
    ['null messages', { messages: null }, 400, 'invalid_type', 'messages'],
    ['empty messages', { messages: [] }, 400, 'empty_array', 'messages'],
    [
      'too many messages',
      { messages: Array(MESSAGES_MAX + 1).fill(hello[0]) },
      400,
      'array_above_max_length',
      'messages',
    ],
    ['no choice', { messages: hello, n: 0 }, 400, 'integer_below_min_value', 'n'],
    ['too many choices', { messages: hello, n: 129 }, 400, 'integer_above_max_value', 'n'],
    ['half a choice', { messages: hello, n: 1.5 }, 400, 'invalid_type', 'n'],
    ['an invalid number of choices', { messages: hello, n: '2' }, 400, 'invalid_type', 'n'],
    ['an invalid stop', { messages: hello, stop: 5 }, 400, 'invalid_type', 'stop'],
    ['invalid stops', { messages: hello, stop: ['a', 5] }, 400, 'invalid_type', 'stop[1]'],
    ['too many stops', { messages: hello, stop: Array(65).fill('a') }, 400, 'array_above_max_length', 'stop'],
    ['a long stop', { messages: hello, stop: 'a'.repeat(251) }, 400, 'string_above_max_length', 'stop'],
    [
      'a long stop of several',
      { messages: hello, stop: ['a', 'a'.repeat(251)] },
      400,
      'string_above_max_length',
      'stop[1]',
    ],
    ['an invalid message', { messages: ['hi'] }, 400, 'invalid_type', 'messages[0]'],
    [
      'a message without a role',
      { messages: [...hello, { content: 'x' }] },
      400,
      'missing_required_parameter',
      'messages[1].role',
    ],
    [
      'an unknown role',
      { messages: [{ role: 'robot', content: 'x' }] },
      400,
      'invalid_value',
      'messages[0].role',
    ],
    [
      'a role that is a number',
      { messages: [{ role: 5, content: 'x' }] },
      400,
      'invalid_type',
      'messages[0].role',
    ],
    [
      'a content that is a number',
      { messages: [{ role: 'user', content: 5 }] },
      400,
      'invalid_type',
      'messages[0].content',
    ],
    [
      'a content that is an object',
      { messages: [{ role: 'user', content: {} }] },
      400,
      'invalid_type',
      'messages[0].content',
    ],
    [
      'a user message without content',
      { messages: [{ role: 'user' }] },
      400,
      'missing_required_parameter',
      'messages[0].content',
    ],
    [
      'a user message with null',
      { messages: [{ role: 'user', content: null }] },
      400,
      'invalid_type',
      'messages[0].content',
    ],
    [
      'many invalid parts',
      `{"messages":[{"role":"user","content":[${'0,'.repeat(499_000 - 30)}0]}]}`,
      400,
      'invalid_type',
      'messages[0].content[0]',
    ],
    [
      'an invalid part',
      { messages: [{ role: 'user', content: ['x'] }] },
      400,
      'invalid_type',
      'messages[0].content[0]',
    ],
    [
      'a part without a type',
      { messages: [{ role: 'user', content: [{ text: 'x' }] }] },
      400,
      'missing_required_parameter',
      'messages[0].content[0].type',
    ],
    [
      'a text part without text',
      { messages: [{ role: 'user', content: [{ type: 'text' }] }] },
      400,
      'missing_required_parameter',
      'messages[0].content[0].text',
    ],
    [
      'an invalid text',
      { messages: [{ role: 'user', content: [{ type: 'text', text: 5 }] }] },
      400,
      'invalid_type',
      'messages[0].content[0].text',
    ],
    ['a model that is a number', { messages: hello, model: 5 }, 400, 'invalid_type', 'model'],
    ['a stream that is a string', { messages: hello, stream: 'yes' }, 400, 'invalid_type', 'stream'],
    [
      'stream options that are a list',
      { messages: hello, stream_options: [] },
      400,
      'invalid_type',
      'stream_options',
    ],
    [
      'include_usage that is a number',
      { messages: hello, stream_options: { include_usage: 1 } },
      400,
      'invalid_type',
      'stream_options.include_usage',
    ],
    [
      'a body over the limit',
      { messages: [{ role: 'user', content: 'x'.repeat(1_000_001) }] },
      413,
      'request_too_large',
      null,
    ],
    [
      'an unknown prompt',
      { messages: [{ role: 'user', content: 'nowhere' }] },
      404,
      'prompt_not_found',
      'messages',
    ],
    ['an empty text', { messages: [{ role: 'user', content: '' }] }, 404, 'prompt_not_found', 'messages'],
  ])('with %s', async (_what, body, status, code, param) => {
    const response = await chat(body);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/json');
    const { error } = (await response.json()) as { error: Record<string, unknown> };
    expect(error).toEqual({ message: expect.any(String), type: invalid, param, code });
    // The message names the field too, for clients that read only the message.
    if (param !== null && status === 400)
      expect(error.message).toContain(code === 'invalid_value' ? 'Supported values' : param);
  });

  it('says what was expected and what came instead', async () => {
    const response = await chat({ messages: [{ role: 'user', content: 5 }] });
    const { error } = (await response.json()) as { error: { message: string } };
    expect(error.message).toBe(
      "Invalid type for 'messages[0].content': expected one of a string or an array of objects, but got an integer instead.",
    );
  });

  it('of another content type is rejected, and without one is read as JSON', async () => {
    const body = JSON.stringify({ messages: hello });
    expect((await chat(body, { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await chat(body, { 'content-type': 'application/json; charset=utf-8' })).status).toBe(200);
    expect((await chat(body, { 'content-type': 'application/vnd.x+json' })).status).toBe(200);
    const bytes = new Uint8Array(Buffer.from(body));
    const bare = await fetch(`${base}/v1/chat/completions`, { method: 'POST', body: bytes });
    expect(bare.status).toBe(200);
  });

  it('in an unknown encoding or charset is rejected', async () => {
    expect((await chat('{}', { 'content-encoding': 'x-own' })).status).toBe(415);
    expect((await chat('{}', { 'content-type': 'application/json; charset=x-own' })).status).toBe(415);
  });

  it('leaves the connection usable', async () => {
    for (const body of ['{', { messages: [] }, { messages: hello }]) await (await chat(body)).arrayBuffer();
    expect((await chat({ messages: hello })).status).toBe(200);
  });
});

describe('null and unknown fields', () => {
  it('are treated as absent', async () => {
    const extra = {
      model: null,
      stream: null,
      stream_options: null,
      ignore_eos: true,
      stop: null,
      x: { y: [] },
    };
    const response = await chat({
      messages: [{ role: 'user', content: 'Say it.', name: 'n', cache_control: {} }],
      ...extra,
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ model: 'dataset' });
  });

  it('of content parts that are not text are not read', async () => {
    const content = [
      { type: 'text', text: 'Say' },
      { type: 'image_url', image_url: { url: 'data:' } },
      { type: 'text', text: ' it.' },
    ];
    expect((await chat({ messages: [{ role: 'user', content }] })).status).toBe(200);
  });

  it('cannot reach a prototype', async () => {
    const body =
      '{"__proto__": {"stream": true}, "messages": [{"role": "user", "content": "Say it.", "__proto__": {"role": "x"}}]}';
    const response = await chat(body);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.status).toBe(200);
  });
});

describe('a bad request to the legacy API', () => {
  it.each([
    ['/api/v1/chat/completion', true],
    ['//api/v1//chat/completion', true],
    ['/API/v1/Chat/Completion', true],
    ['/api/v1/chat/nothing', true],
    ['/api/v1/chatter', false],
  ])("is reported in that API's format, only on its paths: %s", async (path, isLegacy) => {
    const body = (await (await post(base + path, {})).json()) as object;
    expect(Object.keys(body)).toEqual([isLegacy ? 'detail' : 'error']);
  });

  it.each([
    ['broken JSON', '{', 'json_invalid', ['body']],
    ['an array', [1], 'model_attributes_type', ['body']],
    ['a number', '5', 'model_attributes_type', ['body']],
    ['no conversation', {}, 'missing', ['body', 'conversation']],
    ['an invalid conversation', { conversation: 5 }, 'dict_type', ['body', 'conversation']],
    ['no value', { conversation: { from: 'human' } }, 'missing', ['body', 'conversation', 'value']],
    [
      'a value that is a number',
      { conversation: { value: 5 } },
      'string_type',
      ['body', 'conversation', 'value'],
    ],
    [
      'a from that is a number',
      { conversation: { from: 5, value: '' } },
      'string_type',
      ['body', 'conversation', 'from'],
    ],
  ])('with %s gets 422 and the path of the field', async (_what, body, type, loc) => {
    const response = await older(body);
    expect(response.status).toBe(422);
    expect(await response.json()).toEqual({
      detail: [expect.objectContaining({ type, loc, msg: expect.any(String) })],
    });
  });

  it("is reported in that API's format for other errors, too", async () => {
    const large = await older({ conversation: { value: 'x'.repeat(1_000_001) } });
    expect([large.status, await large.json()]).toEqual([
      413,
      { detail: expect.stringContaining('BODY_LIMIT_MB') },
    ]);
    const method = await fetch(`${base}/api/v1/chat/completion`);
    expect([method.status, method.headers.get('allow')]).toEqual([405, 'POST']);
    expect(await method.json()).toEqual({ detail: 'Method Not Allowed' });
    const path = await fetch(`${base}/api/v1/chat/nothing`);
    expect([path.status, await path.json()]).toEqual([404, { detail: 'Not Found' }]);
  });
});

describe('a wrong method or path', () => {
  it.each([
    ['PUT', '/v1/chat/completions', 405, 'POST, GET, HEAD'],
    ['DELETE', '/v1/models', 405, 'GET, HEAD'],
    ['POST', '/health', 405, 'GET, HEAD'],
    ['PUT', '/ping', 405, 'GET, HEAD, POST'],
    ['PUT', '/ready', 405, 'GET, HEAD'],
    ['POST', '/', 405, 'GET, HEAD'],
    ['GET', '/index.html', 404, null],
    ['POST', '/v1/chat', 404, null],
    ['GET', '/%E0%A4%A', 404, null],
  ])('%s %s', async (method, path, status, allow) => {
    const response = await fetch(base + path, { method });
    expect(response.status).toBe(status);
    expect(response.headers.get('allow')).toBe(allow);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({
      error: expect.objectContaining({ type: 'invalid_request_error' }),
    });
  });
});

describe('a URL', () => {
  async function get(url: string, method = 'GET') {
    const connection = await RawConnection.open(base);
    connection.send(`${method} ${url} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n`);
    await connection.waitFor(1);
    connection.destroy();
    const [{ status, body } = { status: 0, body: '' }] = connection.answers;
    return { status, json: JSON.parse(body.toString()) as unknown };
  }

  it.each(['http://other/health?a=1', 'HTTPS://[::1]:443/health', 'http://[::1/health', '/health'])(
    '%s is routed by its path',
    async (url) => {
      expect(await get(url)).toEqual({ status: 200, json: { status: 'ok' } });
    },
  );

  it.each(['http://[::1', 'http://other'])('%s is the root page', async (url) => {
    expect(await get(url, 'OPTIONS')).toMatchObject({ status: 405 });
  });

  it.each(['ws://[::1', '*'])('%s is unknown, with an error object', async (url) => {
    const error = { message: expect.stringMatching(/^Invalid URL \(OPTIONS \//), code: null };
    expect(await get(url, 'OPTIONS')).toMatchObject({ status: 404, json: { error } });
  });
});

describe('a request id', () => {
  it('is echoed, or generated', async () => {
    const ask = (id: string) => fetch(`${base}/health`, { headers: { 'x-request-id': id } });
    expect((await ask('mine-1')).headers.get('x-request-id')).toBe('mine-1');
    for (const id of ['', 'with space', 'x'.repeat(257)]) {
      expect((await ask(id)).headers.get('x-request-id')).toBe(`req_${'0'.repeat(32)}`);
    }
  });
});

describe('with keys', () => {
  const models = (headers: Record<string, string>) => fetch(`${guarded}/v1/models`, { headers });

  it.each([
    [{}, 401, null],
    [{ authorization: 'Basic Zmlyc3Qta2V5' }, 401, null],
    [{ authorization: 'Bearer wrong' }, 401, 'invalid_api_key'],
    [{ authorization: 'Bearer first-key,second-key' }, 401, 'invalid_api_key'],
    [{ authorization: 'Bearer second-key' }, 200, undefined],
    [{ 'api-key': 'first-key' }, 200, undefined],
  ])('%j gets %i', async (headers, status, code) => {
    const response = await models(headers as Record<string, string>);
    expect(response.status).toBe(status);
    const { error } = (await response.json()) as { error?: { code: unknown } };
    expect(error?.code).toBe(code);
  });

  it('the legacy API requires one, and health does not', async () => {
    const response = await post(`${guarded}/api/v1/chat/completion`, { conversation: { value: 'Say it.' } });
    expect([response.status, await response.json()]).toEqual([
      401,
      { detail: expect.stringContaining('API key') },
    ]);
    expect((await fetch(`${guarded}/health`)).status).toBe(200);
    for (const method of ['GET', 'POST']) {
      expect((await fetch(`${guarded}/ping`, { method })).status).toBe(200);
    }
    expect((await fetch(`${guarded}/ready`)).status).toBe(200);
  });

  it.each([{ authorization: 'Bearer first-key' }, { 'api-key': 'first-key' }])(
    'the self-benchmark sends %j with its requests',
    async (headers) => {
      const url = `${guarded}/api/v1/chat/api/benchmarks?path=/completion`;
      expect((await fetch(url, { headers: headers as Record<string, string> })).status).toBe(200);
    },
  );
});

describe('the self-benchmark', () => {
  const run = (query: string) => fetch(`${base}/api/v1/chat/api/benchmarks${query}`);

  it.each(['', '?path=/completion', '?path=/completion/v1'])(
    'reports its figures as strings (%s)',
    async (query) => {
      expect(await (await run(query)).json()).toEqual({
        requests_per_minute: expect.stringMatching(/^\d+\.\d\d$/),
        avg_latency_in_seconds: expect.stringMatching(/^0\.\d{6}$/),
      });
    },
  );

  it.each(['?path=/other', '?path=/completion&path=/completion/v1', '?path=http://example.com/'])(
    'rejects %s',
    async (query) => {
      const response = await run(query);
      expect(response.status).toBe(422);
      expect(await response.json()).toMatchObject({ detail: [{ loc: ['query', 'path'] }] });
    },
  );

  it('accepts GET only', async () => {
    const response = await fetch(`${base}/api/v1/chat/api/benchmarks`, { method: 'HEAD' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET']);
  });

  it('runs once at a time', async () => {
    const statuses = (await Promise.all([run(''), run(''), run('')])).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 409, 409]);
    expect((await run('')).status).toBe(200);
  });
});
