/** Delays, capacity and failures, as a client sees them over HTTP. */

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { encode } from 'gpt-tokenizer/encoding/o200k_base';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { type ServeOptions, serve as serveLibrary } from '#dist/index.js';
import { type Overrides, post, serveApp } from '../support/app.js';
import { atEndOfFile } from '../support/end-of-file.js';
import { temporaryFolder } from '../support/temporary.js';
import { WAIT } from '../support/wait.js';

const folder = temporaryFolder();
const path = join(folder, 'dataset.json');
const REPLY =
  'Tide pools are small worlds: naïve crabs 🦀🦀, 海星 and anemones 👩‍👩‍👧‍👦 wait for the next wave.';
const TOKENS = encode(REPLY).length;

beforeAll(() => {
  const conversations = [
    { from: 'human', value: 'hello' },
    { from: 'gpt', value: REPLY },
    { from: 'human', value: 'nothing' },
    { from: 'gpt', value: '' },
  ];
  const reasoned = [
    { role: 'user', content: 'think' },
    { role: 'assistant', content: 'Four of them.', reasoning_content: 'Two and two are four.' },
  ];
  const recorded = [
    { role: 'user', content: 'slowly' },
    {
      role: 'assistant',
      content: 'One, two, three.',
      reasoning_content: 'Count.',
      timings: [
        [20, 6],
        [60, 5],
        [90.5, 0],
        [90.5, 11],
      ],
    },
  ];
  const called = [
    { role: 'user', content: 'weather' },
    {
      role: 'assistant',
      tool_calls: [
        { type: 'function', function: { name: 'get_the_weather_for_city', arguments: '{"city":"Lisbon"}' } },
      ],
    },
  ];
  const silent = [
    { role: 'user', content: 'silence' },
    { role: 'assistant', content: '', timings: [[300, 0]] },
  ];
  const counting = [
    { role: 'user', content: 'count' },
    {
      role: 'assistant',
      tool_calls: [
        {
          type: 'function',
          function: { name: 'bill', arguments: '{"usage":{"total_tokens":5},"total_tokens":6}' },
        },
      ],
    },
  ];
  const records = [
    { id: 'five', messages: counting },
    { id: 'six', messages: silent },
    { id: 'four', messages: called },
    { id: 'one', conversations },
    { id: 'two', messages: reasoned },
    { id: 'three', messages: recorded },
  ];
  writeFileSync(path, JSON.stringify(records));
});

/** Servers by their settings: those whose tests leave nothing in them are shared. */
const shared = new Map<string, Promise<string>>();
atEndOfFile(() => shared.clear());

function serve(delays: ServeOptions, others: Overrides = {}): Promise<string> {
  return serveApp(path, { delays, ...others });
}

function sharedServer(delays: ServeOptions = {}): Promise<string> {
  const key = JSON.stringify(delays);
  const base = shared.get(key) ?? serve(delays);
  shared.set(key, base);
  return base;
}

const ASKED = { messages: [{ role: 'user', content: 'hello' }] };
const STREAMED = { ...ASKED, stream: true, stream_options: { include_usage: true } };

function chat(base: string, body: object = ASKED, headers: Record<string, string> = {}): Promise<Response> {
  return post(`${base}/v1/chat/completions`, body, headers);
}

/** The data of a stream's events. */
async function eventsOf(response: Response): Promise<Record<string, unknown>[]> {
  const text = await response.text();
  return [...text.matchAll(/^data: (\{.*\})$/gm)].map(([, json = '']) => JSON.parse(json));
}

/** The texts of the chunks that have a content, the first of which is the role's. */
function contentsOf(events: readonly unknown[]): string[] {
  return (events as { choices: { delta: { content?: string; role?: string } }[] }[]).flatMap(({ choices }) =>
    choices.flatMap(({ delta }) => (delta.role === undefined ? (delta.content ?? []) : [])),
  );
}

describe('a stream with delays', () => {
  it.each([1, 3, 1000])('has %i tokens a chunk, and never half a character', async (streamInterval) => {
    const base = await sharedServer({ streamInterval });
    const events = await eventsOf(await chat(base, STREAMED));
    const contents = contentsOf(events);
    expect(contents).toHaveLength(Math.ceil(TOKENS / streamInterval));
    expect(contents.join('')).toBe(REPLY);
    for (const content of contents) expect(content.isWellFormed()).toBe(true);
    expect(events.at(-1)).toMatchObject({ usage: { completion_tokens: TOKENS } });
  });

  it('counts the tokens so far in each chunk, if the client asks for it', async () => {
    const base = await sharedServer({ streamInterval: 4 });
    const options = { include_usage: true, continuous_usage_stats: true };
    const events = await eventsOf(await chat(base, { ...STREAMED, stream_options: options }));
    const counts = events
      .filter((event) => contentsOf([event]).length > 0)
      .map(({ usage }) => (usage as { completion_tokens: number }).completion_tokens);
    expect(counts).toEqual(counts.map((_, i) => Math.min(4 * (i + 1), TOKENS)));
  });

  it('is cut to as many tokens as the client allows', async () => {
    const base = await sharedServer({ streamInterval: 1 });
    for (let limit = 1; limit < TOKENS - 5; limit++) {
      const events = await eventsOf(await chat(base, { ...STREAMED, max_tokens: limit }));
      const contents = contentsOf(events);
      expect(contents).toHaveLength(limit);
      expect(REPLY.startsWith(contents.join(''))).toBe(true);
      expect(events.at(-1)).toMatchObject({ usage: { completion_tokens: limit } });
    }
  });

  it('has all its chunks in the formats of other APIs', async () => {
    const base = await sharedServer({ interTokenLatency: 1 });
    const message = { ...ASKED, model: 'dataset', max_tokens: 1000, stream: true };
    const ofMessage = await eventsOf(await post(`${base}/v1/messages`, message));
    const deltas = ofMessage.filter(({ type }) => type === 'content_block_delta');
    expect(deltas.map(({ delta }) => (delta as { text: string }).text).join('')).toBe(REPLY);
    expect(deltas).toHaveLength(TOKENS);
    const response = await post(`${base}/v1/responses`, { input: 'hello', stream: true });
    const ofResponse = await eventsOf(response);
    const texts = ofResponse.filter(({ type }) => type === 'response.output_text.delta');
    expect(texts.map(({ delta }) => delta).join('')).toBe(REPLY);
    expect(texts).toHaveLength(TOKENS);
    expect(ofResponse.map(({ sequence_number }) => sequence_number)).toEqual(ofResponse.map((_, i) => i));
    const prompted = await post(`${base}/v1/completions`, { prompt: 'hello', stream: true });
    const choices = (await eventsOf(prompted)) as {
      choices: { text: string; finish_reason: string | null }[];
    }[];
    expect(choices.map((event) => event.choices[0]?.text).join('')).toBe(REPLY);
    expect(choices.map((event) => event.choices[0]?.finish_reason).filter(Boolean)).toEqual(['stop']);
    expect(choices).toHaveLength(TOKENS);
  });

  it('has the reasoning before the content, both by tokens', async () => {
    const base = await sharedServer({ streamInterval: 2 });
    const events = await eventsOf(
      await chat(base, { ...STREAMED, messages: [{ role: 'user', content: 'think' }] }),
    );
    const deltas = (events as { choices: { delta: Record<string, string> }[] }[]).flatMap(({ choices }) =>
      choices.map(({ delta }) => delta),
    );
    const reasoning = deltas.flatMap(({ reasoning_content }) => reasoning_content ?? []);
    expect(reasoning.join('')).toBe('Two and two are four.');
    expect(reasoning).toHaveLength(Math.ceil(encode('Two and two are four.').length / 2));
    expect(contentsOf(events).join('')).toBe('Four of them.');
  });

  it('counts the tokens of function calls as its usage does', async () => {
    const base = await sharedServer({ streamInterval: 1 });
    const options = { include_usage: true, continuous_usage_stats: true };
    const body = {
      messages: [{ role: 'user', content: 'weather' }],
      tools: [{ type: 'function', function: { name: 'get_the_weather_for_city' } }],
      stream: true,
      stream_options: options,
    };
    const events = (await eventsOf(await chat(base, body))) as { usage: { completion_tokens: number } }[];
    const counts = events.map(({ usage }) => usage.completion_tokens);
    const tokens = encode('get_the_weather_for_city{"city":"Lisbon"}').length;
    expect(counts.at(-1)).toBe(tokens);
    expect(counts.at(-2)).toBe(tokens);
  });

  it('ends even if the reply is empty', async () => {
    const base = await sharedServer({ interTokenLatency: 1 });
    const body = {
      ...STREAMED,
      messages: [
        ...ASKED.messages,
        { role: 'assistant', content: REPLY },
        { role: 'user', content: 'nothing' },
      ],
    };
    const response = await chat(base, body);
    expect(await response.text()).toMatch(/data: \[DONE\]\n\n$/);
  });

  it('is the same without delays as with them', async () => {
    const [slow, fast] = await Promise.all([sharedServer({ interTokenLatency: 1 }), sharedServer()]);
    const texts = [];
    for (const base of [slow, fast]) {
      const contents = contentsOf(await eventsOf(await chat(base, STREAMED)));
      texts.push(contents.join(''));
    }
    expect(texts).toEqual([REPLY, REPLY]);
  });

  it('has estimated tokens where they are estimated', async () => {
    const { estimatingCounter: tokens } = await import('#dist/lookup/token-counter.js');
    const base = await serve({ streamInterval: 1 }, { tokens });
    const events = await eventsOf(await chat(base, STREAMED));
    const contents = contentsOf(events);
    expect(contents.join('')).toBe(REPLY);
    expect(events.at(-1)).toMatchObject({ usage: { completion_tokens: contents.length } });
  });
});

describe('recorded times', () => {
  const body = { ...STREAMED, messages: [{ role: 'user', content: 'slowly' }] };

  it('are replayed, chunk by chunk', async () => {
    const base = await sharedServer({ replaySpeed: 1, timeToFirstToken: 600_000 });
    const startMs = performance.now();
    const events = await eventsOf(await chat(base, body));
    // A timer may be 0.8 ms early.
    expect(performance.now() - startMs).toBeGreaterThan(89);
    expect(contentsOf(events)).toEqual(['One, ', 'two, three.']);
    expect(JSON.stringify(events)).toContain('"reasoning_content":"Count."');
    expect(events.at(-1)).toMatchObject({
      usage: { completion_tokens: encode('One, two, three.').length + encode('Count.').length },
    });
  });

  it('have a whole answer as late as the end of their stream', async () => {
    const base = await sharedServer({ replaySpeed: 1, timeToFirstToken: 600_000 });
    const startMs = performance.now();
    await (await chat(base, { ...body, stream: false, stream_options: undefined })).json();
    expect(performance.now() - startMs).toBeGreaterThan(89);
  });

  it('come one reply after the other if there are several', async () => {
    const base = await sharedServer({ replaySpeed: 1, timeToFirstToken: 600_000 });
    for (const stream of [false, true]) {
      const startMs = performance.now();
      const response = await chat(base, { messages: body.messages, n: 2, stream });
      await response.text();
      expect(performance.now() - startMs).toBeGreaterThan(180);
    }
  });

  it('of a reply without a text are ignored, streamed and whole', async () => {
    const base = await sharedServer({ replaySpeed: 1, timeToFirstToken: 50 });
    for (const stream of [false, true]) {
      const startMs = performance.now();
      await (await chat(base, { messages: [{ role: 'user', content: 'silence' }], stream })).text();
      expect(performance.now() - startMs).toBeGreaterThan(49);
    }
  });

  it('give way to the delays that a request sets', async () => {
    const base = await sharedServer({ replaySpeed: 1, timeToFirstToken: 600_000 });
    const own = { 'x-verbatim-delay': 'ttft=1' };
    expect(contentsOf(await eventsOf(await chat(base, body, own)))).toHaveLength(
      encode('One, two, three.').length,
    );
    const both = { 'x-verbatim-delay': 'ttft=1,speed=100' };
    expect(contentsOf(await eventsOf(await chat(base, body, both)))).toEqual(['One, ', 'two, three.']);
  });

  it('are ignored by default, and by replies that have none', async () => {
    const ignoring = await sharedServer({ streamInterval: 1 });
    const events = await eventsOf(await chat(ignoring, body));
    expect(contentsOf(events)).toHaveLength(encode('One, two, three.').length);
    const base = await sharedServer({ replaySpeed: 1, timeToFirstToken: 1 });
    expect(contentsOf(await eventsOf(await chat(base, STREAMED)))).toHaveLength(TOKENS);
  });

  it('are cut with their reply', async () => {
    const base = await sharedServer({ replaySpeed: 100 });
    const cut = await eventsOf(await chat(base, { ...body, stop: 'three' }));
    expect(contentsOf(cut)).toEqual(['One, ', 'two, ']);
  });
});

describe('delays', () => {
  it('come before the first token, and between tokens', async () => {
    const base = await sharedServer({ timeToFirstToken: 60, interTokenLatency: 2 });
    const startMs = performance.now();
    const response = await chat(base, STREAMED);
    const firstMs = performance.now() - startMs;
    await response.text();
    const allMs = performance.now() - startMs;
    // Chunks may be 0.8 ms early.
    expect(firstMs).toBeGreaterThan(59);
    expect(allMs).toBeGreaterThan(59 + 2 * (TOKENS - 1));
  });

  it('of a whole answer are those of its stream', async () => {
    const base = await sharedServer({ timeToFirstToken: 60, interTokenLatency: 2 });
    const startMs = performance.now();
    await (await chat(base)).json();
    expect(performance.now() - startMs).toBeGreaterThan(59 + 2 * (TOKENS - 1));
  });

  it('of a request are those of its header', async () => {
    const base = await sharedServer({ timeToFirstToken: 600_000 });
    const response = await chat(base, ASKED, { 'x-verbatim-delay': 'ttft=1, itl=0' });
    expect(response.status).toBe(200);
  });

  it('of a request are those of the settings if it may not set its own', async () => {
    const base = await sharedServer({ allowOverrides: false });
    const response = await chat(base, ASKED, { 'x-verbatim-delay': 'ttft=600000', 'x-verbatim-fail': '500' });
    expect(response.status).toBe(200);
  });

  it.each([
    ['interval=1.5', 'interval= with a whole number from 0 to 1000000'],
    ['speed=1001', 'speed= with a number from 0 to 1000'],
    ['ttft=86400001', 'ttft= with a number from 0 to 86400000'],
  ])('are refused if the header is %j, with the numbers that are expected', async (header, expected) => {
    const response = await chat(await sharedServer(), ASKED, { 'x-verbatim-delay': header });
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { message: string } };
    expect(error.message).toBe(`Invalid header 'x-verbatim-delay': expected ${expected}.`);
  });

  it.each(['ttft', 'ttft=', 'ttft=-1', 'ttft=1;itl=2', 'tpot=4', 'ttft=1e9', 'constructor=1', '__proto__=3'])(
    'are refused if the header is %j',
    async (header) => {
      const base = await sharedServer();
      const response = await chat(base, ASKED, { 'x-verbatim-delay': header });
      expect(response.status).toBe(400);
      const { error } = (await response.json()) as { error: { message: string; param: string } };
      expect(error.param).toBe('x-verbatim-delay');
      expect(error.message).toContain("Invalid header 'x-verbatim-delay': expected ttft=, ");
    },
  );

  it('do not apply to errors', async () => {
    const base = await sharedServer({ timeToFirstToken: 600_000 });
    const response = await chat(base, { messages: [{ role: 'user', content: 'unknown' }] });
    expect(response.status).toBe(404);
  });
});

describe('capacity', () => {
  it('lets some requests run, others wait, and refuses the rest with 429', async () => {
    const base = await serve({ maxNumSeqs: 1, maxWaiting: 1, timeToFirstToken: 100 });
    const statuses = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const response = await chat(base);
        await response.text();
        return response.status;
      }),
    );
    expect(statuses.sort()).toEqual([200, 200, 429, 429]);
    expect((await chat(base)).status).toBe(200);
  });

  it('is free again when a client leaves, whether its request runs or waits', async () => {
    const settings = { maxNumSeqs: 1, maxWaiting: 1, timeToFirstToken: 600_000 };
    // It also stops without waiting for those that left.
    await using server = await serveLibrary({ dataset: path, ...settings });
    const base = server.url;
    const leave = new AbortController();
    const request = (signal: AbortSignal) =>
      fetch(`${base}/v1/chat/completions`, {
        method: 'POST',
        body: JSON.stringify(ASKED),
        headers: { 'content-type': 'application/json' },
        signal,
      }).catch(() => undefined);
    const left = [request(leave.signal), request(leave.signal)];
    await vi.waitUntil(async () => (await requestsIn(base)) === 2, WAIT);
    const quick = { 'x-verbatim-delay': 'ttft=0' };
    expect((await chat(base, ASKED, quick)).status).toBe(429);
    leave.abort();
    await Promise.all(left);
    await vi.waitUntil(async () => (await chat(base, ASKED, quick)).status === 200, WAIT);
  });
});

/** How many completions are being answered, or wait. */
async function requestsIn(base: string): Promise<number> {
  const metrics = await (await fetch(`${base}/metrics`)).text();
  const counts = metrics.matchAll(/^vllm:num_requests_(?:running|waiting)\{.*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

describe('a client that ends its side of the connection', () => {
  /** Sends a request, and ends the sending side. Returns what comes back until the connection closes. */
  async function halfClosed(base: string, headers: string): Promise<string> {
    const body = JSON.stringify(ASKED);
    const socket = connect(Number(new URL(base).port), '127.0.0.1');
    let received = '';
    socket.on('data', (bytes) => {
      received += bytes;
    });
    socket.end(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n${headers}content-length: ${body.length}\r\n\r\n${body}`,
    );
    await once(socket, 'close');
    return received;
  }

  it('gets no delayed answer, and takes no place', async () => {
    const base = await sharedServer({ maxNumSeqs: 1, maxWaiting: 100 });
    const delayed = 'x-verbatim-delay: ttft=600000\r\n';
    const all = await Promise.all([
      halfClosed(base, delayed),
      halfClosed(base, delayed),
      halfClosed(base, ''),
    ]);
    expect(all.slice(0, 2)).toEqual(['', '']);
    expect((await chat(base)).status).toBe(200);
  });

  it('gets an answer that is sent at once', async () => {
    expect(await halfClosed(await sharedServer(), '')).toContain('200 OK');
  });
});

describe('failures', () => {
  it('come one after the other', async () => {
    const base = await serve({ failSequence: '429*2,200,503' });
    const statuses = [];
    for (let i = 0; i < 6; i++) statuses.push((await chat(base)).status);
    expect(statuses).toEqual([429, 429, 200, 503, 200, 200]);
  });

  it('leave the replies of tests unused', async () => {
    const base = await serve({ failSequence: '500' });
    await post(`${base}/api/replies`, { prompt: 'hello', reply: 'mine', times: 1 });
    expect((await chat(base)).status).toBe(500);
    expect(await (await chat(base)).json()).toMatchObject({ choices: [{ message: { content: 'mine' } }] });
  });

  it.each(['error@0', 'error@3', 'cut@0', 'reset'])(
    'before the first byte leave what a request would use: %s',
    async (failure) => {
      const base = await sharedServer();
      const test = { 'x-test-id': failure };
      await post(`${base}/api/replies`, { prompt: 'hello', reply: 'mine', times: 1 }, test);
      await chat(base, ASKED, { ...test, 'x-verbatim-fail': failure }).catch(() => undefined);
      expect(await (await chat(base, ASKED, test)).json()).toMatchObject({
        choices: [{ message: { content: 'mine' } }],
      });
    },
  );

  it('within a stream that has no chunks have a status, too', async () => {
    const base = await sharedServer();
    const messages = [
      ...ASKED.messages,
      { role: 'assistant', content: REPLY },
      { role: 'user', content: 'nothing' },
    ];
    const response = await chat(base, { ...STREAMED, messages }, { 'x-verbatim-fail': 'error@1' });
    expect(response.status).toBe(500);
  });

  it('within a stream of the Responses API keep its numbers, and are one event', async () => {
    const base = await sharedServer();
    const body = { input: 'hello', stream: true };
    const failed = await post(`${base}/v1/responses`, body, { 'x-verbatim-fail': 'error@1000' });
    const numbers = (await eventsOf(failed)).map(({ sequence_number }) => sequence_number);
    expect(numbers).toEqual(numbers.map((_, i) => i));
    const broken = await (
      await post(`${base}/v1/responses`, body, { 'x-verbatim-fail': 'malformed@2' })
    ).text();
    const events = broken.split('\n\n').slice(0, -1);
    expect(events.every((event) => /^event: .*\ndata: \{/.test(event))).toBe(true);
    const wrong = events.filter((event) => {
      try {
        JSON.parse(event.replace(/^event: .*\ndata: /, ''));
        return false;
      } catch {
        return true;
      }
    });
    expect(wrong).toHaveLength(1);
  });

  it('are the same with the same seed', async () => {
    const statusesOf = async (seed: number) => {
      const base = await serve({ failRate: 0.5, failTypes: '408,500,504', seed });
      const statuses = [];
      for (let i = 0; i < 40; i++) statuses.push((await chat(base)).status);
      return statuses;
    };
    const [one, again, other] = await Promise.all([statusesOf(1), statusesOf(1), statusesOf(2)]);
    expect(one).toEqual(again);
    expect(one).not.toEqual(other);
    expect(new Set(one)).toEqual(new Set([200, 408, 500, 504]));
  });

  it('are set, for one test or all, and cleared while the server runs', async () => {
    const base = await serve({});
    const test = { 'x-test-id': 'a' };
    await post(`${base}/api/failures`, { sequence: '418' }).then(({ status }) => expect(status).toBe(400));
    expect(await (await post(`${base}/api/failures`, { sequence: '503,loop' }, test)).json()).toEqual({
      set: true,
    });
    expect([(await chat(base)).status, (await chat(base, ASKED, test)).status]).toEqual([200, 503]);
    await post(`${base}/api/failures`, { rate: 1, types: '409' });
    expect([(await chat(base)).status, (await chat(base, ASKED, test)).status]).toEqual([409, 503]);
    await fetch(`${base}/api/failures`, { method: 'DELETE', headers: test });
    expect((await chat(base, ASKED, test)).status).toBe(409);
    await fetch(`${base}/api/failures`, { method: 'DELETE' });
    expect((await chat(base)).status).toBe(200);
  });

  it('are set and cleared for one model, and come from it only if it is named', async () => {
    const models = { b: { failSequence: '503,loop' } };
    const server = await serveLibrary({ dataset: [`a=${path}`, `b=${path}`], models, journal: 0 });
    atEndOfFile(() => server.close());
    const { url } = server;
    const statuses = async () => {
      const answers = ['a', 'b', 'gpt-4o', undefined].map((model) => chat(url, { ...ASKED, model }));
      return (await Promise.all(answers)).map(({ status }) => status);
    };
    expect(await statuses()).toEqual([200, 503, 200, 200]);
    await post(`${url}/api/failures`, { rate: 1, types: '409', model: 'a' });
    await post(`${url}/api/failures`, { rate: 1, types: '422', model: 'b' });
    expect(await statuses()).toEqual([409, 422, 200, 200]);
    const clear = (query: string) => fetch(`${url}/api/failures?${query}`, { method: 'DELETE' });
    expect((await clear('model=c')).status).toBe(404);
    expect((await clear('model=a&model=b')).status).toBe(400);
    expect((await clear('model=b')).status).toBe(200);
    expect(await statuses()).toEqual([409, 503, 200, 200]);
  });

  it.each([
    ['error@3', 'error', 3],
    ['cut@3', 'error', 3],
    ['no-done', 'stop', TOKENS],
  ])('count for what was sent before them: %s', async (failure, reason, tokens) => {
    const base = await serve({}, { journal: 10 });
    const headers = { 'x-verbatim-fail': failure, 'x-verbatim-delay': 'interval=1' };
    await (await chat(base, STREAMED, headers)).text().catch(() => undefined);
    const label = 'model_name="dataset"';
    await vi.waitFor(async () => {
      const metrics = await (await fetch(`${base}/metrics`)).text();
      expect(metrics).toContain(`vllm:request_success_total{${label},finished_reason="${reason}"} 1\n`);
      expect(metrics).toContain(`vllm:generation_tokens_total{${label}} ${tokens}\n`);
    }, WAIT);
  });

  it.each(['error@3', 'cut@0', 'cut@3', 'reset', 'hang', '503'])(
    'are in the journal with their code: %s',
    async (failure) => {
      const base = await serve({}, { journal: 10 });
      const left = new AbortController();
      const headers = { 'content-type': 'application/json', 'x-verbatim-fail': failure };
      const body = JSON.stringify(STREAMED);
      const answered = fetch(`${base}/v1/chat/completions`, {
        method: 'POST',
        headers,
        body,
        signal: left.signal,
      });
      const read = answered.then((response) => response.text()).catch(() => undefined);
      if (failure === 'hang') {
        const running = 'vllm:num_requests_running{model_name="dataset"} 1';
        await vi.waitFor(async () => {
          expect(await (await fetch(`${base}/metrics`)).text()).toContain(running);
        }, WAIT);
        left.abort();
      }
      await read;
      await vi.waitFor(async () => {
        const { requests } = (await (await fetch(`${base}/api/requests`)).json()) as { requests: object[] };
        expect(requests[0]).toMatchObject({ error: { code: 'simulated_failure' } });
      }, WAIT);
    },
  );

  it('of the usage leave what a function is called with as it is', async () => {
    const base = await sharedServer();
    const asked = { model: 'm', max_tokens: 100, messages: [{ role: 'user', content: 'count' }] };
    const inputOf = async (headers: Record<string, string>) => {
      const answer = await post(`${base}/v1/messages`, asked, headers);
      return (await answer.json()) as { content: object[]; usage: { output_tokens: number } };
    };
    const right = await inputOf({});
    const wrong = await inputOf({ 'x-verbatim-fail': 'wrong-usage' });
    expect(wrong.content).toEqual(right.content);
    expect(wrong.usage.output_tokens).toBe(right.usage.output_tokens + 1);
  });

  it.each([
    [{ sequence: 'nothing' }, 'sequence'],
    [{ types: '429,loop' }, 'types'],
    [{ rate: 2 }, 'rate'],
    [{ rat: 1 }, 'rat'],
    [{ sequence: 429 }, 'sequence'],
  ])('are refused as %j', async (body, param) => {
    const base = await sharedServer();
    const response = await post(`${base}/api/failures`, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param } });
  });

  it('within a stream end it after so many chunks', async () => {
    const base = await sharedServer();
    const one = await chat(base, STREAMED, { 'x-verbatim-fail': 'error@2', 'x-verbatim-delay': 'itl=1' });
    const events = await eventsOf(one);
    expect(contentsOf(events.slice(0, -1))).toHaveLength(2);
    expect(events.at(-1)).toMatchObject({ error: { type: 'server_error' } });
    const cut = await chat(base, STREAMED, { 'x-verbatim-fail': 'cut@2' });
    await expect(cut.text()).rejects.toThrow('terminated');
  });

  it('before the first chunk of a stream have a status', async () => {
    const base = await sharedServer({ timeToFirstToken: 1 });
    const response = await chat(base, STREAMED, { 'x-verbatim-fail': 'error@0' });
    expect(response.status).toBe(500);
    await expect(chat(base, STREAMED, { 'x-verbatim-fail': 'cut@0' })).rejects.toThrow('fetch failed');
  });

  it('come even after the last chunk if the stream is shorter', async () => {
    const base = await sharedServer();
    const response = await chat(base, STREAMED, {
      'x-verbatim-fail': 'error@1000',
      'x-verbatim-delay': 'interval=1',
    });
    const events = await eventsOf(response);
    expect(contentsOf(events.slice(0, -1)).join('')).toBe(REPLY);
    expect(events.at(-1)).toHaveProperty('error');
  });

  it('of the usage and of the last event leave the text as it is', async () => {
    const base = await sharedServer();
    const wrong = await eventsOf(await chat(base, STREAMED, { 'x-verbatim-fail': 'wrong-usage' }));
    expect(contentsOf(wrong).join('')).toBe(REPLY);
    expect(wrong.at(-1)).toMatchObject({ usage: { completion_tokens: TOKENS + 1 } });
    const open = await (await chat(base, STREAMED, { 'x-verbatim-fail': 'no-done' })).text();
    expect(open).toContain('"finish_reason":"stop"');
    expect(open).not.toContain('[DONE]');
  });
});
