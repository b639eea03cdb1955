/** Replies that a test gives, in the process. */

import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type ServeOptions, serve, type VerbatimServer } from '#dist/index.js';
import { atEndOfFile } from '../support/end-of-file.js';

const RECORDED = 'What is a mock server good for?';

let shared: VerbatimServer;

beforeAll(async () => {
  shared = await serve({ usage: 'estimate' });
  return () => shared.close();
});

/** The server that most tests share, without replies and requests; or another one, with options. */
async function start(options?: ServeOptions): Promise<VerbatimServer> {
  shared.reset();
  if (options === undefined) return shared;
  const server = await serve({ usage: 'estimate', ...options });
  onTestFinished(() => {
    // It waits half a second for its last clients: the next test doesn't.
    const closed = server.close();
    atEndOfFile(() => closed);
  });
  return server;
}

interface Asked {
  readonly messages?: readonly { readonly role: string; readonly content: string | null }[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly stream?: boolean;
}

async function ask({ baseURL }: VerbatimServer, prompt: string, { messages, headers, stream }: Asked = {}) {
  const response = await fetch(`${baseURL}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'm', stream, messages: messages ?? [{ role: 'user', content: prompt }] }),
  });
  const text = await response.text();
  const body = stream ? undefined : JSON.parse(text);
  return {
    status: response.status,
    match: response.headers.get('x-verbatim-match'),
    source: response.headers.get('x-verbatim-source'),
    dataset: response.headers.get('x-verbatim-dataset'),
    retryAfter: response.headers.get('retry-after'),
    message: body?.choices?.[0].message,
    text: body?.choices?.[0].message.content,
    error: body?.error,
    events: text,
  };
}

describe('reply()', () => {
  it('goes before the dataset, until reset()', async () => {
    const server = await start();
    const recorded = await ask(server, RECORDED);
    expect(recorded).toMatchObject({ status: 200, source: 'prog-01#1' });
    server.reply(RECORDED, 'mine');
    const own = {
      status: 200,
      match: 'override',
      source: expect.stringMatching(/^override#\d+$/),
      dataset: null,
      text: 'mine',
    };
    expect(await ask(server, RECORDED)).toMatchObject(own);
    // The answer may be cached by now.
    expect(await ask(server, RECORDED)).toMatchObject(own);
    server.reset();
    expect(await ask(server, RECORDED)).toMatchObject({ source: 'prog-01#1', text: recorded.text });
  });

  it('is streamed', async () => {
    const server = await start();
    server.reply('Hi', 'Hello there');
    const { events } = await ask(server, 'Hi', { stream: true });
    expect(events).toContain('Hello');
    expect(events).toContain('[DONE]');
  });

  it('answers the other endpoints', async () => {
    const server = await start();
    server.reply('Hi', 'Hello');
    const post = async (path: string, body: object) => {
      const response = await fetch(`${server.baseURL}/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return response.json();
    };
    expect(await post('completions', { prompt: 'Hi' })).toMatchObject({ choices: [{ text: 'Hello' }] });
    const output = [{ content: [{ text: 'Hello' }] }];
    expect(await post('responses', { input: 'Hi' })).toMatchObject({ output });
    const claude = { model: 'm', max_tokens: 100, messages: [{ role: 'user', content: 'Hi' }] };
    expect(await post('messages', claude)).toMatchObject({ content: [{ type: 'text', text: 'Hello' }] });
    expect(await post('embeddings', { input: 'Hi', dimensions: 1 })).toMatchObject({ data: [{ index: 0 }] });
    expect(server.requests.map(({ prompt }) => prompt)).toEqual(['Hi', 'Hi', 'Hi', 'Hi']);
    for (const path of ['completion', 'completion/v1', 'completion/v1']) {
      const legacy = { conversation: { from: 'human', value: 'Hi' } };
      const answer = await post(`../api/v1/chat/${path}`, legacy);
      expect(answer).toEqual({ data: { success: true, response: { from: 'assistant', value: 'Hello' } } });
    }
    expect(server.requests.at(-1)).toMatchObject({ prompt: 'Hi', match: 'override' });
    server.fail({ status: 529, type: 'overloaded_error' });
    expect(await post('messages', claude)).toMatchObject({ error: { type: 'overloaded_error' } });
    expect(await post('embeddings', { input: 'Hi' })).toMatchObject({ error: { type: 'overloaded_error' } });
  });

  it('is for the last message, an expression, all messages or a function', async () => {
    const server = await start();
    server.reply(/weather in (\w+)/i, ({ prompt }) => `Rain in ${/in (\w+)/.exec(prompt)?.[1]}.`);
    server.reply(
      ({ model, headers }) => model === 'm' && headers['x-who'] === 'me',
      async () => 'It is you.',
    );
    server.reply(
      [
        { role: 'user', content: 'One' },
        { role: 'assistant', content: '1' },
        { role: 'user', content: 'Two' },
      ],
      'in context',
    );
    const context = [
      { role: 'user', content: 'One' },
      { role: 'assistant', content: '1' },
      { role: 'user', content: 'Two' },
    ];
    expect(await ask(server, 'The Weather in Rome?')).toMatchObject({ text: 'Rain in Rome.' });
    expect(await ask(server, 'Who?', { headers: { 'x-who': 'me' } })).toMatchObject({ text: 'It is you.' });
    expect(await ask(server, '', { messages: context })).toMatchObject({ text: 'in context' });
    expect(await ask(server, 'Two')).toMatchObject({ status: 404 });
    expect(await ask(server, 'Who?')).toMatchObject({ status: 404 });
  });

  it('prefers later ones, and texts to expressions', async () => {
    const server = await start();
    server.reply('a', 'first');
    server.reply('a', 'second');
    server.reply(/b/, 'b1');
    server.reply(/b/, 'b2');
    server.reply(/./, 'any');
    expect((await ask(server, 'a')).text).toBe('second');
    expect((await ask(server, 'b')).text).toBe('any');
    server.reply('b', 'exact');
    expect((await ask(server, 'b')).text).toBe('exact');
  });

  it('answers once, a number of times, or several in turn', async () => {
    const server = await start();
    server.reply('a', 'always');
    server.reply('a', 'twice').times(2);
    server.reply('a', 'once').once();
    server.reply('b', ['1', '2']);
    const texts = async (prompt: string, n: number) => {
      const all = [];
      for (let i = 0; i < n; i++) all.push((await ask(server, prompt)).text);
      return all;
    };
    expect(await texts('a', 5)).toEqual(['once', 'twice', 'twice', 'always', 'always']);
    expect(await texts('b', 3)).toEqual(['1', '2', '2']);
  });

  it('can not be limited any more when it was used up or taken back', async () => {
    const server = await start();
    const once = server.reply('a', 'b').once();
    await ask(server, 'a');
    expect(() => once.times(2)).toThrow('used up, or taken back');
    const scope = server.scope('one');
    const others = [
      server.reply('a', 'b'),
      server.reply(/a/, 'b'),
      server.fail({ status: 500 }),
      scope.reply('a', 'b'),
    ];
    server.reset();
    for (const other of others) expect(() => other.once()).toThrow('used up, or taken back');
  });

  it('calls functions', async () => {
    const server = await start();
    server.reply('a', { content: 'Let me see.', tool_calls: [{ name: 'f', arguments: { x: 1 } }] });
    const { message } = await ask(server, 'a');
    expect(message).toMatchObject({
      content: 'Let me see.',
      tool_calls: [{ type: 'function', function: { name: 'f', arguments: '{"x":1}' } }],
    });
  });

  it('waits as long as it is told to', async () => {
    const server = await start();
    server.reply('a', 'late', { delayMs: 60 });
    server.reply('b', 'soon');
    const order: string[] = [];
    await Promise.all(
      ['a', 'b'].map(async (prompt) => {
        await ask(server, prompt);
        order.push(prompt);
      }),
    );
    expect(order).toEqual(['b', 'a']);
  });

  it('answers 500 with the message of a function that throws, and goes on', async () => {
    const server = await start();
    server.reply('a', () => {
      throw new Error('mine');
    });
    server.reply('b', () => Promise.reject(new Error('later')));
    server.reply('c', () => ({ content: 5 }) as never);
    for (const [prompt, problem] of [
      ['a', "The test's own reply failed: mine"],
      ['b', "The test's own reply failed: later"],
      ['c', "The test's own reply failed: Invalid type for 'reply.content'"],
    ] as const) {
      const { status, error } = await ask(server, prompt);
      expect({ status, error }).toMatchObject({ status: 500, error: { code: 'override_failed' } });
      expect(error.message).toContain(problem);
      expect(server.requests.at(-1)).toMatchObject({ status: 500, error: { message: error.message } });
    }
    expect(await ask(server, RECORDED)).toMatchObject({ status: 200 });
  });

  it('answers 500 whatever a test throws, and goes on', async () => {
    const server = await start();
    const odd = [
      Object.create(null),
      { toString: () => expect.fail('called') },
      Object.defineProperty(new Error(), 'message', { get: () => expect.fail('read') }),
    ];
    server.reply('gone', () => {
      throw new DOMException('aborted', 'AbortError');
    });
    expect((await ask(server, 'gone')).error.message).toBe("The test's own reply failed: aborted");
    server.reply('nothing', () => {
      throw undefined;
    });
    expect((await ask(server, 'nothing')).error.message).toBe("The test's own reply failed: undefined");
    for (const [i, thrown] of odd.entries()) {
      server.reply(`throw ${i}`, () => {
        throw thrown;
      });
      expect(await ask(server, `throw ${i}`)).toMatchObject({ status: 500 });
    }
    server.reply('then', () => Object.defineProperty({}, 'then', { get: () => expect.fail('read') }));
    expect(await ask(server, 'then')).toMatchObject({ status: 500 });
    server.reply((async () => Promise.reject(new Error('late'))) as never, 'any');
    expect(await ask(server, RECORDED)).toMatchObject({
      status: 500,
      error: { message: expect.stringContaining('expected true or false, but got a promise') },
    });
    server.reset();
    expect(await ask(server, RECORDED)).toMatchObject({ status: 200 });
  });

  it('is not kept for other requests, among several prompts', async () => {
    const server = await start();
    server.reply('mine', 'once').once();
    const prompts = async () => {
      const response = await fetch(`${server.baseURL}/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ prompt: [RECORDED, 'mine'] }),
      });
      return response.status;
    };
    expect([await prompts(), await prompts()]).toEqual([200, 404]);
  });

  it('is for the last message, even if that is an empty result of a tool', async () => {
    const server = await start();
    server.reply('weather', { tool_calls: [{ name: 'f', arguments: {} }] });
    server.reply(({ messages }) => messages.at(-1)?.role === 'tool', 'final');
    const messages = [
      { role: 'user', content: 'weather' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'c', content: '' },
    ];
    expect(await ask(server, '', { messages })).toMatchObject({ text: 'final' });
  });

  it('ends with the server, however long it takes', async () => {
    const server = await serve({ drainMs: 3_600_000 });
    server.reply('slow', 'never', { delayMs: 3_600_000 });
    server.reply('hangs', () => new Promise(() => {}));
    const asked = ['slow', 'hangs'].map((prompt) => ask(server, prompt));
    await ask(server, RECORDED);
    await server.close();
    for (const { status } of await Promise.all(asked)) expect(status).toBe(503);
  });

  it('is an error once the server is closed', async () => {
    const server = await serve();
    const one = server.scope('one');
    await server.close();
    for (const act of [
      () => server.reply('a', 'b'),
      () => one.fail({ status: 500 }),
      () => server.scope('two'),
    ])
      expect(act).toThrow('the server was closed');
  });

  it('names reset() if there are too many', async () => {
    const server = await start({});
    for (let i = 0; i < 10_000; i++) server.scope(`test-${i}`).reply('a', 'b');
    expect(() => server.scope('last').reply('a', 'b')).toThrow(
      'Expected at most 10000: reset() takes them back.',
    );
  });

  it('ends an expression that backtracks, and a function that never ends', async () => {
    const server = await start();
    server.reply(/^(a+)+$/, 'x');
    expect(await ask(server, `${'a'.repeat(50)}b`)).toMatchObject({
      status: 500,
      error: { message: expect.stringContaining('took longer than') },
    });
    server.reset();
    server.reply(() => {
      for (;;);
    }, 'x');
    const statuses = (await Promise.all(['b', 'c', 'd', 'e', 'f'].map((prompt) => ask(server, prompt)))).map(
      ({ error }) => error?.message,
    );
    const slow = "The test's own condition failed: took longer than 1000 ms";
    const over =
      "The test's own condition failed: it took longer than 1000 ms 3 times, and isn't run any more";
    expect(statuses.sort()).toEqual([over, over, slow, slow, slow]);
    server.reset();
    expect(await ask(server, RECORDED)).toMatchObject({ status: 200 });
  });

  it.each([
    [(server: VerbatimServer) => server.reply('a', { content: 5 } as never), "'reply.content'"],
    [(server: VerbatimServer) => server.reply('a', []), "'reply'"],
    [(server: VerbatimServer) => server.reply('a', ['b', {} as never]), "'reply[1].content'"],
    [(server: VerbatimServer) => server.reply(5 as never, 'b'), "'when'"],
    [(server: VerbatimServer) => server.reply([{ role: 'user' }] as never, 'b'), "'messages[0].content'"],
    [(server: VerbatimServer) => server.reply('a', 'b', { times: 0 }), "'options.times'"],
    [(server: VerbatimServer) => server.reply('a', 'b', { delay: 5 } as never), "'options.delay'"],
    [(server: VerbatimServer) => server.reply('a', 'b').times(0.5), 'times'],
    [(server: VerbatimServer) => server.reply('a', 'b', { delayMs: -1 }), "'options.delayMs'"],
    [(server: VerbatimServer) => server.reply('a', undefined as never), "'reply'"],
    [(server: VerbatimServer) => server.reply('', 'b'), "'when'"],
    [
      (server: VerbatimServer) => server.reply('a', { tool_calls: [{ name: 'f', arguments: { n: 1n } }] }),
      "'reply.tool_calls[0]'",
    ],
    [(server: VerbatimServer) => server.reply('a', { tool_calls: [{ name: '', arguments: {} }] }), '.name'],
    [
      (server: VerbatimServer) => server.reply('a', 'b', { delayMs: Infinity }),
      "Invalid 'options.delayMs': Expected a number of ms, but got Infinity.",
    ],
    [(server: VerbatimServer) => server.fail({ status: 200 }), "'failure.status'"],
    [(server: VerbatimServer) => server.scope('a b'), 'scope'],
  ])('names the argument that is invalid: %s', (act, name) => {
    expect(() => act(shared)).toThrow(
      expect.objectContaining({ name: 'ConfigError', message: expect.stringContaining(name) }),
    );
  });
});

describe('fail()', () => {
  it('answers the next requests with an error, before any reply', async () => {
    const server = await start();
    server.reply('a', 'fine');
    server.fail({ status: 429, retryAfter: 1 }, { times: 2 });
    const limited = { status: 429, retryAfter: '1', error: { code: 'rate_limit_exceeded' } };
    expect(await ask(server, 'a')).toMatchObject(limited);
    expect(await ask(server, RECORDED)).toMatchObject(limited);
    expect(await ask(server, 'a')).toMatchObject({ status: 200, text: 'fine' });
  });

  it('fails some requests only, with a type, a code and a message', async () => {
    const server = await start();
    server.fail(
      { status: 400, code: 'context_length_exceeded', message: 'Too long.' },
      { when: ({ messages }) => messages.length > 1 },
    );
    expect(await ask(server, RECORDED)).toMatchObject({ status: 200 });
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: RECORDED },
    ];
    expect(await ask(server, '', { messages })).toMatchObject({
      status: 400,
      error: { type: 'invalid_request_error', code: 'context_length_exceeded', message: 'Too long.' },
    });
  });
});

describe('scope()', () => {
  it('keeps tests apart that run side by side', async () => {
    const server = await start();
    const [one, other] = [server.scope('one'), server.scope('other')];
    server.reply('a', 'shared');
    one.reply('a', ['1', '2']);
    other.fail({ status: 503 }, { times: 1 });
    const texts = await Promise.all([
      ask(server, 'a', { headers: one.headers }),
      ask(server, 'a', { headers: other.headers }),
      ask(server, 'a'),
    ]);
    expect(texts.map(({ status, text }) => text ?? status)).toEqual(['1', 503, 'shared']);
    expect((await ask(server, 'a', { headers: one.headers })).text).toBe('2');
    expect((await ask(server, 'a', { headers: other.headers })).text).toBe('shared');
    expect(one.requests.map(({ status }) => status)).toEqual([200, 200]);
    expect(other.requests.map(({ status }) => status)).toEqual([503, 200]);
    one.reset();
    expect((await ask(server, 'a', { headers: one.headers })).text).toBe('shared');
    expect(one.requests).toHaveLength(1);
    expect(server.requests).toHaveLength(4);
  });

  it('is required, if the option says so', async () => {
    const server = await start({ scoped: 'required' });
    const { headers } = server.scope('one');
    expect(await ask(server, RECORDED)).toMatchObject({ status: 400, error: { code: 'test_id_required' } });
    expect(await ask(server, RECORDED, { headers })).toMatchObject({ status: 200 });
    // The answer may be cached by now.
    expect(await ask(server, RECORDED)).toMatchObject({ status: 400 });
  });

  it('is required for all requests with a body, except those that give replies', async () => {
    const server = await start({ scoped: 'required' });
    const { headers } = server.scope('one');
    const statusOf = async (path: string, body: object, headers = {}) => {
      const sent = { 'content-type': 'application/json', ...headers };
      const answer = await fetch(server.url + path, {
        method: 'POST',
        headers: sent,
        body: JSON.stringify(body),
      });
      return answer.status;
    };
    const messages = [{ role: 'user', content: RECORDED }];
    const legacy = { conversation: { from: 'human', value: RECORDED } };
    for (const [path, body] of Object.entries({
      '/v1/messages': { max_tokens: 9, messages },
      '/v1/messages/count_tokens': { messages },
      '/v1/responses': { input: RECORDED },
      '/v1/responses/input_tokens': { input: RECORDED },
      '/v1/responses/compact': { input: RECORDED },
      '/v1/embeddings': { input: RECORDED },
      '/api/explain': { messages },
      '/api/v1/chat/completion': legacy,
      '/api/v1/chat/completion/v1': legacy,
      '/tokenize': { prompt: RECORDED },
    })) {
      expect([path, await statusOf(path, { model: 'sample', ...body })]).toEqual([path, 400]);
      expect([path, await statusOf(path, { model: 'sample', ...body }, headers)]).toEqual([path, 200]);
      expect([path, await statusOf(path, { model: 'sample', ...body })]).toEqual([path, 400]);
    }
    expect(await statusOf('/api/replies', { prompt: 'a', reply: 'b' })).toBe(200);
    expect((await fetch(`${server.baseURL}/models`)).status).toBe(200);
  });
});

describe('requests', () => {
  it('tell what was asked, and what was answered', async () => {
    const server = await start();
    const headers = { authorization: 'Bearer secret', 'x-api-key': 'secret', cookie: 'secret' };
    await ask(server, RECORDED, { headers });
    // The second answer is cached.
    await ask(server, RECORDED, { headers });
    await ask(server, 'Unknown');
    await fetch(`${server.url}/v1/nowhere`);
    await fetch(`${server.url}/health`);
    const [first, second, missed, nowhere, ...others] = server.requests;
    expect(others).toEqual([]);
    expect(first).toMatchObject({
      number: expect.any(Number),
      method: 'POST',
      path: '/v1/chat/completions',
      body: { model: 'm', messages: [{ role: 'user', content: RECORDED }] },
      messages: [{ role: 'user', content: RECORDED }],
      prompt: RECORDED,
      model: 'm',
      status: 200,
      match: 'context',
      source: 'prog-01#1',
      dataset: 'sample',
      finishReason: 'stop',
      finished: true,
    });
    expect(first?.usage?.completion_tokens).toBeGreaterThan(0);
    expect(JSON.stringify(first)).not.toContain('secret');
    expect(second).toMatchObject({ source: 'prog-01#1', prompt: RECORDED });
    expect(missed).toMatchObject({ status: 404, match: 'none', error: { code: 'prompt_not_found' } });
    expect(nowhere).toMatchObject({ status: 404, path: '/v1/nowhere', messages: [] });
    expect(server.unmatched.map(({ prompt }) => prompt)).toEqual(['Unknown']);
  });

  it('are as many as the option says; none with 0', async () => {
    const few = await start({ journal: 2 });
    for (const prompt of ['a', 'b', 'c']) await ask(few, prompt);
    expect(few.requests.map(({ prompt }) => prompt)).toEqual(['b', 'c']);
    const none = await start({ journal: 0 });
    await ask(none, 'a');
    expect(none.requests).toEqual([]);
    await expect(none.waitForRequest()).rejects.toThrow('journal');
  });

  it('leave out what was being answered when they were removed', async () => {
    const server = await start();
    server.reply('slow', 'late', { delayMs: 100 });
    const slow = ask(server, 'slow');
    await ask(server, 'before');
    await server.waitForRequest({ prompt: 'before' });
    server.reset();
    await slow;
    await ask(server, 'after');
    expect(server.requests.map(({ prompt }) => prompt)).toEqual(['after']);
  });

  it('show the beginning of a body that is refused, and no secrets', async () => {
    const server = await start();
    const nested = '['.repeat(200_000);
    const headers = { 'content-type': 'application/json', 'x-goog-api-key': 'secret', 'x-jwt': 'secret' };
    await fetch(`${server.baseURL}/chat/completions?api_key=secret&%74oken=secret&sig=secret`, {
      method: 'POST',
      headers,
      body: nested,
    });
    const [refused] = server.requests;
    expect(refused).toMatchObject({ status: 400, body: '['.repeat(1000), messages: [] });
    expect(JSON.stringify(refused)).not.toContain('secret');
    expect((await fetch(`${server.url}/api/requests`)).status).toBe(200);
  });

  it('take at most 32 MiB, with their errors', async () => {
    const server = await start();
    server.fail({ status: 500, message: 'x'.repeat(5_000_000) });
    for (let i = 0; i < 5; i++) await ask(server, RECORDED);
    expect(server.requests).toHaveLength(3);
  });

  it('take at most 32 MiB', async () => {
    const server = await start();
    const long = 'x'.repeat(10_000_000);
    for (let i = 0; i < 4; i++) await ask(server, `${i} ${long}`);
    expect(server.requests.map(({ prompt }) => prompt[0])).toEqual(['1', '2', '3']);
  });

  it.each<[string, Parameters<VerbatimServer['reply']>[1], number]>([
    ['a delay', 'late', 3_600_000],
    ['a function', () => new Promise<string>(() => {}), 0],
  ])('have a client that gives up during %s', async (_what, reply, delayMs) => {
    const server = await start({});
    server.reply('slow', reply, { delayMs });
    const client = new AbortController();
    const sent = fetch(`${server.baseURL}/chat/completions`, {
      method: 'POST',
      signal: client.signal,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [{ role: 'user', content: 'slow' }] }),
    });
    sent.catch(() => undefined);
    await expect(server.waitForRequest({ prompt: 'slow' }, { timeoutMs: 300 })).rejects.toThrow(
      'no such request within 300 ms: no request was answered; 1 request still being answered',
    );
    client.abort();
    const left = { status: 499, finished: false, match: undefined };
    expect(await server.waitForRequest({ prompt: 'slow' })).toMatchObject(left);
    await server.close();
    expect(server.requests).toMatchObject([left]);
  });

  it('can be waited for', async () => {
    const server = await start({});
    const waiting = server.waitForRequest({ prompt: /later/, status: 404 });
    await ask(server, 'sooner');
    await ask(server, 'later');
    expect(await waiting).toMatchObject({ prompt: 'later' });
    expect(await server.waitForRequest(({ prompt }) => prompt === 'sooner')).toMatchObject({
      prompt: 'sooner',
    });
    await expect(server.waitForRequest({ promt: 'x' } as never)).rejects.toThrow('promt: expected one of');
    await expect(server.waitForRequest({ status: '404' } as never)).rejects.toThrow(
      'status: expected a number',
    );
    await expect(server.waitForRequest([] as never)).rejects.toThrow('expected a function, or an object');
    await expect(server.waitForRequest({ prompt: 'never' }, { timeoutMs: 20 })).rejects.toThrow(
      /no such request within 20 ms: the last of 2 was POST \/v1\/chat\/completions, 404, "later"/,
    );
    const last = server.waitForRequest({ prompt: 'never' });
    const failed = expect(last).rejects.toThrow('the server was closed');
    await server.close();
    await failed;
  });
});
