/** The test API over HTTP. */

import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type ServeOptions, serve } from '#dist/index.js';

const RECORDED = 'What is a mock server good for?';

/** The fields of any answer that the tests look at. */
interface Body {
  readonly choices?: readonly [{ readonly message: { readonly content: string } }];
  readonly error?: { readonly message: string };
  readonly requests?: readonly { readonly prompt: string }[];
}

async function start(options: ServeOptions = {}) {
  const server = await serve({ usage: 'estimate', ...options });
  const send = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(server.url + path, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Body };
  };
  const ask = async (prompt: string, headers?: Record<string, string>) => {
    const { status, body } = await send(
      'POST',
      '/v1/chat/completions',
      { messages: [{ role: 'user', content: prompt }] },
      headers,
    );
    return body.choices?.[0].message.content ?? status;
  };
  return { server, send, ask };
}

/** The server that most tests share, without replies and requests; or another one, with options. */
async function startHere(options?: ServeOptions) {
  shared.server.reset();
  if (options === undefined) return shared;
  const started = await start(options);
  onTestFinished(() => started.server.close());
  return started;
}

let shared: Awaited<ReturnType<typeof start>>;

beforeAll(async () => {
  shared = await start();
  return () => shared.server.close();
});

describe('POST /api/replies', () => {
  it('gives a reply, several, and errors; DELETE takes them back', async () => {
    const { send, ask } = await startHere();
    expect(await send('POST', '/api/replies', { prompt: 'a', reply: '1' })).toEqual({
      status: 200,
      body: { numbers: [expect.any(Number)] },
    });
    const several = [
      { pattern: '^B', flags: 'i', reply: ['2', { content: '3' }] },
      { messages: [{ role: 'user', content: 'c' }], reply: '4', times: 1 },
      { prompt: 'd', error: { status: 503, retry_after: 2 } },
      { error: { status: 429 }, times: 1 },
    ];
    expect(await send('POST', '/api/replies', several)).toMatchObject({
      body: { numbers: several.map(() => expect.any(Number)) },
    });
    const answers = [];
    for (const prompt of ['a', 'a', 'b', 'b', 'c', 'c', 'd']) answers.push(await ask(prompt));
    expect(answers).toEqual([429, '1', '2', '3', '4', 404, 503]);
    expect(await send('DELETE', '/api/replies')).toEqual({ status: 200, body: { deleted: true } });
    expect(await ask('a')).toBe(404);
  });

  it('needs a content type, so that no page of another origin can give replies', async () => {
    const { server, ask } = await startHere();
    const body = new Blob([JSON.stringify({ prompt: 'a', reply: 'b' })]);
    for (const type of ['', 'text/plain']) {
      const given = await fetch(`${server.url}/api/replies`, {
        method: 'POST',
        body: body.slice(0, body.size, type),
      });
      expect(given.status).toBe(415);
    }
    expect(await ask('a')).toBe(404);
    const page = { origin: 'https://example.org', 'access-control-request-method': 'POST' };
    const asked = await fetch(`${server.url}/api/replies`, { method: 'OPTIONS', headers: page });
    expect(asked.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('keeps tests apart by `x-test-id`', async () => {
    const { send, ask } = await startHere();
    const mine = { 'x-test-id': 'mine' };
    await send('POST', '/api/replies', { prompt: 'a', reply: 'all' });
    await send('POST', '/api/replies', { prompt: 'a', reply: 'mine' }, mine);
    expect([await ask('a'), await ask('a', mine)]).toEqual(['all', 'mine']);
    await send('DELETE', '/api/replies', undefined, mine);
    expect([await ask('a'), await ask('a', mine)]).toEqual(['all', 'all']);
    await send('POST', '/api/replies', { prompt: 'a', reply: 'mine' }, mine);
    await send('DELETE', '/api/replies?test=mine');
    expect(await ask('a', mine)).toBe('all');
  });

  it.each(['', ' ', 'a b', 'é', 'a, b', 'x'.repeat(201)])('checks the id of a test: %j', async (id) => {
    const { server, send, ask } = await startHere();
    const headers = { 'x-test-id': id };
    server.reply('a', 'all');
    const message =
      "Invalid header 'x-test-id': expected 1 to 200 printable ASCII characters without spaces.";
    const refused = { status: 400, body: { error: { message, code: 'test_id_invalid' } } };
    expect(await send('POST', '/api/replies', { prompt: 'a', reply: 'b' }, headers)).toMatchObject(refused);
    expect(await send('DELETE', '/api/replies', undefined, headers)).toMatchObject(refused);
    expect(await send('DELETE', '/api/requests', undefined, headers)).toMatchObject(refused);
    const ofQuery = await send('DELETE', `/api/replies?test=${encodeURIComponent(id)}`);
    expect(ofQuery).toMatchObject({ status: 400, body: { error: { param: 'test' } } });
    expect([await ask(RECORDED), await ask(RECORDED, headers)]).toEqual([expect.any(String), 400]);
    expect(await ask('a')).toBe('all');
    expect((await send('GET', '/health', undefined, headers)).status).toBe(200);
  });

  it('takes as many in a list as it says', async () => {
    const { send, ask } = await startHere();
    const list = Array.from({ length: 10_000 }, (_, i) => ({
      messages: [
        { role: 'system', content: 's' },
        { role: 'user', content: `prompt ${i}` },
      ],
      reply: { content: 'r' },
      times: 1,
    }));
    expect((await send('POST', '/api/replies', list)).status).toBe(200);
    expect(await ask('prompt 9999', {})).toBe(404);
  });

  it.each([
    [{}, "'reply'"],
    [{ reply: 'x' }, "'prompt'"],
    [{ prompt: 'a', pattern: 'b', reply: 'x' }, "'pattern'"],
    [{ pattern: '(', reply: 'x' }, "'pattern'"],
    [{ prompt: 'a', reply: 5 }, "'reply'"],
    [{ prompt: 'a', reply: { content: 5 } }, "'reply.content'"],
    [{ prompt: 'a', reply: {} }, "'reply.content'"],
    [{ prompt: 'a', reply: [] }, "'reply'"],
    [{ prompt: 'a', flags: 'i', reply: 'x' }, "'flags'"],
    [[], 'expected 1 to 10000 replies'],
    [{ prompt: '', reply: 'x' }, "'prompt'"],
    [{ prompt: 'a', reply: ['x', 5] }, "'reply[1]'"],
    [{ prompt: 'a', reply: { tool_calls: [{ name: 'f' }] } }, "'reply.tool_calls[0].arguments'"],
    [{ prompt: 'a', reply: 'x', error: { status: 500 } }, "'reply'"],
    [{ error: { status: 200 } }, "'error.status'"],
    [{ error: {} }, "'error.status'"],
    [{ prompt: 'a', reply: 'x', times: 0 }, "'times'"],
    [{ prompt: 'a', reply: 'x', delay: 1 }, "'delay'"],
    [[{ prompt: 'a', reply: 'x' }, { prompt: 'a' }], "'[1].reply'"],
    [{ messages: [{ role: 'user', content: '' }], reply: 'x' }, "'messages'"],
    [5, 'the request body'],
  ])('names the field that is invalid: %j', async (body, name) => {
    const { send, ask } = await startHere();
    const { status, body: answer } = await send('POST', '/api/replies', body);
    expect(status).toBe(400);
    expect(answer.error?.message).toContain(name);
    expect(await ask('a')).toBe(404);
  });
});

describe('GET /api/requests', () => {
  it('lists the latest requests, by status, match and test', async () => {
    const { send, ask } = await startHere();
    await ask(RECORDED);
    await ask('a', { 'x-test-id': 'mine' });
    await ask('b');
    const prompts = async (query: string) => {
      const { body } = await send('GET', `/api/requests${query}`);
      return body.requests?.map(({ prompt }) => prompt);
    };
    expect(await prompts('')).toEqual([RECORDED, 'a', 'b']);
    expect(await prompts('?status=404')).toEqual(['a', 'b']);
    expect(await prompts('?match=none&limit=1')).toEqual(['b']);
    expect(await prompts('?test=mine')).toEqual(['a']);
    const { body } = await send('GET', '/api/requests?limit=1&match=context');
    expect(body.requests?.[0]).toMatchObject({
      prompt: RECORDED,
      status: 200,
      source: 'prog-01#1',
      finish_reason: 'stop',
    });
    expect(await send('DELETE', '/api/requests?test=mine&test=other')).toMatchObject({ status: 400 });
    await send('DELETE', '/api/requests?test=mine');
    expect(await prompts('')).toEqual([RECORDED, 'b']);
    await send('DELETE', '/api/requests');
    expect(await prompts('')).toEqual([]);
    expect(await send('GET', '/api/requests?limit=x')).toMatchObject({ status: 400 });
  });

  it.each([
    ['GET', '/api/requests?tset=mine'],
    ['DELETE', '/api/requests?tset=mine'],
    ['DELETE', '/api/replies?tset=mine'],
  ])('refuses unknown filters: %s %s', async (method, path) => {
    const { send, server } = await startHere();
    server.reply('a', 'b');
    const refused = { status: 400, body: { error: { message: "Unknown parameter: 'tset'." } } };
    expect(await send(method, path)).toMatchObject(refused);
  });

  it('says that there is no journal', async () => {
    const { send } = await startHere({ journal: 0 });
    for (const [method, path] of [
      ['GET', '/api/requests'],
      ['DELETE', '/api/requests'],
      ['GET', '/api/requests/stream'],
    ] as const)
      expect(await send(method, path)).toMatchObject({
        status: 404,
        body: { error: { code: 'journal_off' } },
      });
  });

  it('streams each request until the client leaves, or the server stops', async () => {
    const { server, ask } = await startHere({});
    const left = new AbortController();
    const leaving = await fetch(`${server.url}/api/requests/stream`, { signal: left.signal });
    const live = await fetch(`${server.url}/api/requests/stream?test=mine`);
    expect(live.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    left.abort();
    await expect(leaving.text()).rejects.toThrow();
    await ask('a');
    await ask('b', { 'x-test-id': 'mine' });
    await server.waitForRequest({ prompt: 'b' });
    await server.close();
    const text = await live.text();
    const events = text.split('\n\n').filter((event) => event !== '');
    expect(events).toHaveLength(1);
    expect(JSON.parse(events[0]?.replace(/^event: request\ndata: /, '') ?? '')).toMatchObject({
      prompt: 'b',
    });
  });

  it('needs a key where the API does', async () => {
    const { send } = await startHere({ apiKeys: ['k'] });
    expect(await send('GET', '/api/requests')).toMatchObject({ status: 401 });
    expect(await send('POST', '/api/replies', { prompt: 'a', reply: 'b' })).toMatchObject({ status: 401 });
  });
});
