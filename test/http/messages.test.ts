/** Anthropic's API: which reply a request gets, and the format of everything else. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import Anthropic from '@anthropic-ai/sdk';
import { beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '#dist/core/errors.js';
import { serve, type VerbatimServer } from '#dist/index.js';
import { guardedBy, post, serveApp } from '../support/app.js';
import { RawConnection } from '../support/raw-connection.js';
import { temporaryFolder } from '../support/temporary.js';

const user = (content: unknown) => ({ role: 'user', content });
const assistant = (content: unknown) => ({ role: 'assistant', content });
const text = (text: string) => ({ type: 'text', text });
const thinking = { type: 'thinking', thinking: 'Hm.', signature: 'x' };
const redacted = { type: 'redacted_thinking', data: 'x' };
const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } };
const document = { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'A text.' } };
const call = (id: string, name: string, input: object) => ({ type: 'tool_use', id, name, input });
const result = (tool_use_id: string, content: unknown) => ({ type: 'tool_result', tool_use_id, content });

/** A conversation in Anthropic's form. Each reply of its kind is asked for with the messages before it. */
const recorded = [
  user([text('Which is '), text('larger?'), image, document]),
  assistant([thinking, redacted, text('I will measure.'), call('toolu_1', 'measure', { of: ['a', 'b'] })]),
  user([result('toolu_1', [text('3 and '), image, text('4')])]),
  assistant([call('toolu_2', 'check', { sum: 7 }), call('toolu_3', 'check', {})]),
  user([result('toolu_2', 'seven'), result('toolu_3', [text('none')]), text('Go on.')]),
  assistant('The second.'),
  user('Sure?'),
  assistant([thinking, text('Yes, quite.')]),
];
/** The same prompts in another conversation before it, so that only the context finds the replies. */
const other = [
  user('Hello.'),
  assistant('Yes?'),
  user('Which is larger?'),
  assistant('No.'),
  user('Go on.'),
  assistant('Wrong.'),
  user('Sure?'),
];

function written(name: string, records: readonly object[]): string {
  const path = join(mkdtempSync(join(temporaryFolder(), 'messages-')), name);
  writeFileSync(path, JSON.stringify(records));
  return path;
}

const ask = (url: string, messages: readonly object[], more: object = {}) =>
  post(`${url}/v1/messages`, { model: 'm', max_tokens: 1000, messages, ...more });

/** The rung and the content of an answer. */
async function answer(response: Response): Promise<unknown> {
  const { content, error } = (await response.json()) as { content?: unknown; error?: unknown };
  return [response.headers.get('x-verbatim-match'), content ?? error];
}

const replies = [1, 3, 5, 7].map((at) => [at, blocksOf(recorded[at]?.content)] as const);

/** The blocks of a recorded content that are returned, thinking with a signature of the server. */
function blocksOf(content: unknown): readonly object[] {
  if (typeof content === 'string') return [text(content)];
  const blocks = (content as { type: string }[]).filter(({ type }) => type !== 'redacted_thinking');
  return blocks.map((each) => (each === thinking ? { ...each, signature: expect.any(String) } : each));
}

describe.each(['sweep', 'index'] as const)(
  "a conversation in Anthropic's form, by the engine %s,",
  (engine) => {
    let url: string;
    beforeAll(async () => {
      url = await serveApp(written('a.json', [{ messages: other }, { messages: recorded }]), {}, engine);
    });

    it.each(replies)('is found by its context, at turn %i', async (at, blocks) => {
      expect(await answer(await ask(url, recorded.slice(0, at)))).toEqual(['context', blocks]);
    });
  },
);

describe("a converted conversation in Anthropic's form, with a system message,", () => {
  let server: VerbatimServer;
  beforeAll(async () => {
    const system = ['Be long.', 'Be brief.'].map((system) => ({ id: system, system, messages: recorded }));
    server = await serve({ dataset: written('b.json', [{ messages: other }, ...system]) });
    return () => server.close();
  });

  it.each(replies)('is found by its context, at turn %i', async (at, blocks) => {
    const response = await ask(server.url, recorded.slice(0, at), { system: [text('Be '), text('brief.')] });
    expect(response.headers.get('x-verbatim-source')).toMatch(/^Be%20brief\.#/);
    expect(await answer(response)).toEqual(['context', blocks]);
  });
});

describe('a reply with reasoning', () => {
  const turns = [user('Think.'), { ...assistant('Done.'), reasoning_content: 'Let me "think".' }];
  let url: string;
  beforeAll(async () => {
    url = await serveApp(written('h.json', [{ messages: turns }]));
  });

  it('begins with a thinking block, streamed or not', async () => {
    const whole = (await (await ask(url, [user('Think.')])).json()) as Anthropic.Message;
    const client = new Anthropic({ baseURL: url, apiKey: 'any' });
    const stream = client.messages.stream({
      model: 'm',
      max_tokens: 100,
      messages: [{ role: 'user', content: 'Think.' }],
    });
    const pieces: string[] = [];
    stream.on('thinking', (piece) => pieces.push(piece));
    const { content, usage } = await stream.finalMessage();
    const [thought, reply] = content;
    expect(thought).toEqual({ type: 'thinking', thinking: 'Let me "think".', signature: expect.any(String) });
    expect(reply).toEqual(text('Done.'));
    expect(pieces.length).toBeGreaterThan(2);
    expect(pieces.join('')).toBe('Let me "think".');
    expect([content, usage.output_tokens]).toEqual([whole.content, whole.usage.output_tokens]);
    expect(usage.output_tokens_details?.thinking_tokens).toBeGreaterThan(0);
    expect(usage.output_tokens_details?.thinking_tokens).toBeLessThan(usage.output_tokens);
  });

  it('has none if the request disables thinking', async () => {
    const response = await ask(url, [user('Think.')], { thinking: { type: 'disabled' } });
    expect(await answer(response)).toEqual(['context', [text('Done.')]]);
  });
});

describe('a reply', () => {
  let url: string;
  beforeAll(async () => {
    const calls = (...given: unknown[]) => ({
      role: 'assistant',
      content: null,
      tool_calls: given.map((arguments_) => ({ function: { name: 'f', arguments: arguments_ } })),
    });
    const records = [
      [user('Nothing?'), assistant('')],
      [user('Odd calls?'), calls('', '[1]', 'no "JSON"', ' {"a": "\u2028"} ', '"text"')],
      [user('One, two?'), assistant('one, two')],
    ];
    url = await serveApp(
      written(
        'c.json',
        records.map((messages) => ({ messages })),
      ),
    );
  });

  it('without text has an empty block', async () => {
    expect(await answer(await ask(url, [user('Nothing?')]))).toEqual(['context', [text('')]]);
  });

  it('with calls has objects as inputs, streamed or not', async () => {
    const inputs = [
      {},
      { arguments: '[1]' },
      { arguments: 'no "JSON"' },
      { a: '\u2028' },
      { arguments: '"text"' },
    ];
    const whole = (await (await ask(url, [user('Odd calls?')])).json()) as {
      content: { id: string; input: object }[];
    };
    expect(whole.content.map(({ input }) => input)).toEqual(inputs);
    const stream = await (await ask(url, [user('Odd calls?')], { stream: true })).text();
    const events = stream
      .split('\n\n')
      .filter((event) => event !== '')
      .map((event) => JSON.parse(event.split('\ndata: ')[1] ?? ''));
    const pieces = inputs.map((_, at) =>
      events.map(({ index, delta }) => (index === at ? (delta?.partial_json ?? '') : '')).join(''),
    );
    expect(pieces.map((json) => JSON.parse(json))).toEqual(inputs);
    const ids = events.map(({ content_block }) => content_block?.id).filter((id) => id !== undefined);
    expect(ids).toEqual(whole.content.map(({ id }) => id));
    expect(new Set(ids).size).toBe(inputs.length);
  });

  it.each([
    ['end_turn', null, 'one, two', {}],
    ['stop_sequence', ', ', 'one', { stop_sequences: ['two', ', '] }],
    ['max_tokens', null, 'one', { max_tokens: 1, stop_sequences: ['two'] }],
  ])('has the reason why it stops: %s', async (stop_reason, stop_sequence, said, more) => {
    const whole = await (await ask(url, [user('One, two?')], more)).json();
    expect(whole).toMatchObject({ stop_reason, stop_sequence, content: [text(said)] });
    const stream = await (await ask(url, [user('One, two?')], { ...more, stream: true })).text();
    expect(stream).toContain(`"delta":${JSON.stringify({ stop_reason, stop_sequence })}`);
  });

  it('has another id each time, also if it is cached', async () => {
    let made = 0;
    const newId = (length: number) => String(made++).padStart(length, '0');
    const counting = await serveApp(written('d.json', [{ messages: other }]), { newId });
    for (const more of [{}, { stream: true }]) {
      const bodies = [];
      for (let i = 0; i < 3; i++) bodies.push(await (await ask(counting, [user('Go on.')], more)).text());
      const ids = bodies.map((body) => /"id":"(msg_\d+)"/.exec(body)?.[1]);
      expect(new Set(ids).size).toBe(3);
      for (const body of bodies) expect(body.match(/msg_/g)).toHaveLength(1);
    }
  });
});

interface Failed {
  readonly status: number;
  readonly type: string;
  readonly body?: unknown;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A part of the message. */
  readonly says?: string;
}

const hello = { model: 'm', max_tokens: 10, messages: [user('Go on.')] };
const invalid = { status: 400, type: 'invalid_request_error' };
const said = (content: unknown, role = 'user') => ({ ...hello, messages: [{ role, content }] });

describe("an error has Anthropic's format", () => {
  const path = written('e.json', [{ messages: other }]);
  let base: string;
  beforeAll(async () => {
    base = await serveApp(path);
  });

  async function expectFailed(url: string, { status, type, body, says, ...at }: Failed): Promise<void> {
    const { path = '/v1/messages', method = 'POST', headers } = at;
    const sent = Buffer.isBuffer(body) || typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(url + path, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(sent !== undefined && { body: sent }),
    });
    const answered = await response.json();
    expect([response.status, answered]).toEqual([
      status,
      {
        type: 'error',
        error: { type, message: expect.stringContaining(says ?? '') },
        request_id: response.headers.get('request-id'),
      },
    ]);
    expect(response.headers.get('request-id')).toMatch(/^req_/);
    expect(response.headers.get('openai-version')).toBeNull();
  }

  it.each<Failed>([
    { ...invalid, body: '{', says: 'JSON' },
    { ...invalid, body: {}, says: "'model'" },
    { ...invalid, body: { ...hello, model: undefined }, says: "'model'" },
    { ...invalid, body: { ...hello, max_tokens: undefined }, says: "'max_tokens'" },
    { ...invalid, body: { ...hello, messages: undefined }, says: "'messages'" },
    { ...invalid, body: { ...hello, max_tokens: 0 }, says: "'max_tokens'" },
    { ...invalid, body: { ...hello, max_tokens: '10' }, says: "'max_tokens'" },
    { ...invalid, body: { ...hello, messages: [] }, says: "'messages'" },
    { ...invalid, body: { ...hello, messages: [user(null)] }, says: "'messages[0].content'" },
    { ...invalid, body: said('x', 'tool'), says: 'messages[0].role' },
    { ...invalid, body: said([{ text: 'x' }]), says: "'messages[0].content[0].type'" },
    { ...invalid, body: said([{ type: 'text' }]), says: "'messages[0].content[0].text'" },
    {
      ...invalid,
      body: said([{ ...call('a', 'b', {}), input: 'x' }]),
      says: "'messages[0].content[0].input'",
    },
    { ...invalid, body: said([{ type: 'tool_use', id: 'a', name: 'b' }]), says: 'content[0].input' },
    { ...invalid, body: said([{ type: 'tool_result' }]), says: "'messages[0].content[0].tool_use_id'" },
    { ...invalid, body: said([result('a', 1)]), says: "'messages[0].content[0].content'" },
    { ...invalid, body: said([result('a', [{ type: 'text' }])]), says: 'content[0].content[0].text' },
    { ...invalid, body: { ...hello, system: [{ type: 'text' }] }, says: "'system[0].text'" },
    { ...invalid, body: { ...hello, temperature: 1.5 }, says: "'temperature'" },
    { ...invalid, body: { ...hello, stop_sequences: 'x' }, says: "'stop_sequences'" },
    { ...invalid, body: { ...hello, tool_choice: { type: 'sometimes' } }, says: 'tool_choice.type' },
    { ...invalid, body: { ...hello, tools: [1] }, says: "'tools[0]'" },
    { ...invalid, body: {}, path: '/v1/messages/count_tokens', says: "'model'" },
    { ...invalid, status: 415, body: hello, headers: { 'content-type': 'text/plain' } },
    { ...invalid, status: 405, method: 'GET' },
    { ...invalid, body: 'x', headers: { 'content-encoding': 'gzip' }, says: 'decompressed' },
    { status: 404, type: 'not_found_error', body: said('nowhere'), says: 'No recorded reply' },
    { status: 404, type: 'not_found_error', body: said([image]), says: 'no text in the last message' },
    { status: 404, type: 'not_found_error', path: '/v1/messages/batches', body: {} },
    {
      status: 404,
      type: 'not_found_error',
      path: '/v1/files',
      method: 'GET',
      headers: { 'anthropic-version': '1' },
    },
    { status: 413, type: 'request_too_large', body: said('x'.repeat(1_000_000)) },
    {
      status: 413,
      type: 'request_too_large',
      body: gzipSync(JSON.stringify(said('x'.repeat(1_000_000)))),
      headers: { 'content-encoding': 'gzip' },
    },
  ])('$status $type: $says', async (failed) => {
    await expectFailed(base, failed);
  });

  it('for a body that violates HTTP', async () => {
    const connection = await RawConnection.open(base);
    await connection.send(
      'POST /v1/messages HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nno length\r\n',
    );
    await connection.closed;
    const [answered] = connection.answers;
    expect([answered?.status, JSON.parse(String(answered?.body))]).toMatchObject([
      400,
      { type: 'error', error: { type: 'invalid_request_error' }, request_id: expect.stringMatching(/^req_/) },
    ]);
  });

  it('without an accepted key', async () => {
    const url = await serveApp(path, guardedBy('right'));
    const refused = { status: 401, type: 'authentication_error', body: hello };
    await expectFailed(url, refused);
    await expectFailed(url, { ...refused, headers: { 'x-api-key': 'wrong' } });
    await expectFailed(url, { ...refused, path: '/v1/messages?beta=true' });
    for (const headers of [{ 'x-api-key': 'right' }, { authorization: 'Bearer right' }] as const)
      expect((await post(`${url}/v1/messages`, hello, headers)).status).toBe(200);
  });

  it('over the rate limit, whose headers it has', async () => {
    const url = await serveApp(path, { rateLimit: 1 });
    const first = await post(`${url}/v1/messages`, hello);
    const rates = [...first.headers].filter(([name]) => name.includes('ratelimit'));
    expect(rates).toEqual([
      ['anthropic-ratelimit-requests-limit', '1'],
      ['anthropic-ratelimit-requests-remaining', '0'],
      ['anthropic-ratelimit-requests-reset', expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/)],
    ]);
    await expectFailed(url, { status: 429, type: 'rate_limit_error', body: hello });
    await expectFailed(url, { status: 429, type: 'rate_limit_error', path: '/v1/messages/x', body: hello });
  });

  it.each([
    ['a model that is unknown', { strictModels: true }, 404, 'not_found_error'],
    ['a miss with another status', { missStatus: 422, said: 'nowhere' }, 422, 'invalid_request_error'],
    ['a busy server', { lookup: failing('overloaded') }, 503, 'overloaded_error'],
    ['a broken dataset', { lookup: failing('dataset_invalid') }, 500, 'api_error'],
  ] as const)('for %s', async (_what, overrides, status, type) => {
    const url = await serveApp(path, overrides);
    await expectFailed(url, { status, type, body: 'said' in overrides ? said(overrides.said) : hello });
  });
});

function failing(code: 'overloaded' | 'dataset_invalid') {
  const find = () => {
    throw new AppError(code);
  };
  return { find, isImmediate: true };
}

describe('the models', () => {
  const path = written('f.json', [{ messages: other }]);

  it("have Anthropic's format if the client sends the version of its API", async () => {
    const url = await serveApp(path, { strictModels: true });
    const get = async (at: string, headers: Record<string, string> = { 'anthropic-version': '2023-06-01' }) =>
      fetch(url + at, { headers });
    const model = {
      type: 'model',
      id: 'dataset',
      display_name: 'dataset',
      created_at: '2023-11-14T22:13:20.000Z',
      max_input_tokens: 131_072,
    };
    for (const at of ['/v1/models', '/v1/models?limit=20', '/models']) {
      const response = await get(at);
      expect(response.headers.get('request-id')).toMatch(/^req_/);
      const list = { data: [model], has_more: false, first_id: 'dataset', last_id: 'dataset' };
      expect(await response.json()).toEqual(list);
    }
    expect(await (await get('/v1/models/dataset')).json()).toEqual(model);
    const unknown = await get('/v1/models/another');
    expect([unknown.status, await unknown.json()]).toMatchObject([
      404,
      { error: { type: 'not_found_error' } },
    ]);
    expect(await (await get('/v1/models/dataset', {})).json()).toMatchObject({ object: 'model' });
    expect((await get('/v1/models/another', {})).headers.get('request-id')).toBeNull();
  });
});

describe('the paths', () => {
  let url: string;
  beforeAll(async () => {
    url = await serveApp(written('g.json', [{ messages: other }]));
  });

  it.each(['/v1/messages', '/messages', '/v1/v1/messages', '/v1//messages/', '/v1/messages?beta=true'])(
    'have %s',
    async (at) => {
      const response = await post(url + at, hello);
      expect([response.status, response.headers.has('request-id')]).toEqual([200, true]);
      const metrics = await (await fetch(`${url}/metrics`)).text();
      expect(metrics).toContain('route="/v1/messages"');
    },
  );
});
