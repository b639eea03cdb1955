/** Servers that ask an upstream, which is another verbatim, and record what it answers. */

import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { describe, expect, it, vi } from 'vitest';
import { type ServerProcess, startServer, startShared } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';
import { WAIT } from '../support/wait.js';

const folder = temporaryFolder();
const KEY = 'sk-secret-of-the-client';

const WEATHER = {
  messages: [
    { role: 'user', content: 'What is the weather in Oslo?' },
    {
      role: 'assistant',
      content: null,
      tool_calls: [
        { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
      ],
    },
    { role: 'tool', tool_call_id: 'call_1', content: '{"degrees":7}' },
    { role: 'assistant', content: 'It is 7 degrees.' },
  ],
};
const REASONED = {
  messages: [
    { role: 'user', content: 'How many legs have two spiders?' },
    { role: 'assistant', content: '16', reasoning_content: 'A spider has 8, so two have 16.' },
  ],
};
const UPSTREAM = join(folder, 'upstream.jsonl');
const numbered = Array.from({ length: 60 }, (_, i) => ({
  messages: [
    { role: 'user', content: `Question ${i}?` },
    { role: 'assistant', content: `Answer ${i}, in several words — “quoted”, with ünïcode 🙂.` },
  ],
}));
writeFileSync(
  UPSTREAM,
  [...numbered, WEATHER, REASONED].map((record) => `${JSON.stringify(record)}\n`).join(''),
);

/** What verbatim records to. Each test has its own. */
let files = 0;
function newFile(): string {
  files++;
  return join(folder, `recordings-${files}.jsonl`);
}

function startUpstream(args: readonly string[] = []): ServerProcess {
  return startServer([UPSTREAM, '--index-dir', 'none', '--journal', '1000', ...args]);
}

const shared = startShared([UPSTREAM, '--index-dir', 'none', '--journal', '1000']);

async function startRecorder(
  upstream: string | undefined,
  file: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<{ readonly server: ServerProcess; readonly url: string }> {
  const asked = upstream === undefined ? [] : ['--upstream', `${upstream}/v1`];
  const server = startServer(['--record', file, '--log-level', 'trace', ...asked, ...args], env);
  return { server, url: await server.url() };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly match: string | null;
  readonly source: string | null;
}

async function ask(
  url: string,
  content: string,
  body: object = {},
  path = '/v1/chat/completions',
): Promise<Answer> {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
    body: JSON.stringify({ model: 'any', messages: [{ role: 'user', content }], ...body }),
  });
  const text = await response.text();
  const { headers, status } = response;
  return { status, text, match: headers.get('x-verbatim-match'), source: headers.get('x-verbatim-source') };
}

/** The content of a completion, streamed or whole. */
function saidIn(text: string): string {
  return [...text.matchAll(/"content":("(?:[^"\\]|\\.)*")/g)]
    .map(([, json]) => JSON.parse(json ?? ''))
    .join('');
}

interface Line {
  readonly id: string;
  readonly messages: readonly Record<string, unknown>[];
  readonly finish_reason: string;
  readonly usage: object;
  readonly model: string;
  readonly upstream: string;
  readonly recorded_at: string;
}

function linesOf(file: string): Line[] {
  const text = readFileSync(file, 'utf8');
  expect(text === '' || text.endsWith('\n')).toBe(true);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

/** Waits until that many answers are recorded. */
async function recorded(file: string, count: number): Promise<Line[]> {
  await vi.waitUntil(() => linesOf(file).length >= count, WAIT);
  return linesOf(file);
}

/** How many requests an upstream got so far. */
async function requestsOf(url: string): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const lines = metrics.matchAll(/^verbatim_requests_total\{route="\/v1\/[^}]*\} (\d+)$/gm);
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}

describe('A miss', () => {
  it.each([true, false])(
    'is answered by the upstream once, and then by the recording, streamed: %s',
    async (stream) => {
      const file = newFile();
      const upstream = startUpstream();
      const upstreamUrl = await upstream.url();
      const { server, url } = await startRecorder(upstreamUrl, file);
      const first = await ask(url, 'Question 3?', { stream });
      expect(first).toMatchObject({ status: 200, match: 'upstream' });
      const direct = await ask(upstreamUrl, 'Question 3?', { stream });
      const shape = (text: string) => text.replaceAll(/chatcmpl-\w+/g, 'id').replaceAll(/"created":\d+/g, '');
      expect(shape(first.text)).toBe(shape(direct.text));
      const [line] = await recorded(file, 1);
      expect(line).toMatchObject({
        messages: [
          { role: 'user', content: 'Question 3?' },
          { role: 'assistant', content: numbered[3]?.messages[1]?.content },
        ],
        finish_reason: 'stop',
        upstream: `${upstreamUrl}/v1/chat/completions`,
      });
      expect(line?.messages[1]?.timings !== undefined).toBe(stream);
      const second = await ask(url, 'Question 3?', { stream });
      expect(second).toMatchObject({ status: 200, match: 'context', source: `${line?.id}#1` });
      upstream.kill('SIGKILL');
      await upstream.exited;
      server.kill('SIGTERM');
      expect(await server.exited).toBe(0);
      const again = await startRecorder(undefined, file);
      expect(await ask(again.url, 'Question 3?', { stream: !stream })).toMatchObject({ match: 'context' });
      expect(linesOf(file)).toHaveLength(1);
    },
  );

  it('is recorded through every API, with calls and reasoning, and found again by each', async () => {
    const file = newFile();
    const upstreamUrl = await shared.url();
    const { url } = await startRecorder(upstreamUrl, file);
    const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: KEY, maxRetries: 0 });
    const anthropic = new Anthropic({ baseURL: url, apiKey: KEY, maxRetries: 0 });
    const [said] = WEATHER.messages;
    const content = said?.content as string;
    const before = await requestsOf(upstreamUrl);
    for (const round of [0, 1]) {
      const chat = await openai.chat.completions
        .stream({ model: 'a', messages: [{ role: 'user', content }] })
        .finalChatCompletion();
      expect(chat.choices[0]?.message.tool_calls?.[0]).toMatchObject({
        function: { name: 'weather', arguments: '{"city":"Oslo"}' },
      });
      const response = await openai.responses.create({ model: 'a', input: 'Question 1?' });
      expect(response.output_text).toContain('Answer 1,');
      const next = await openai.responses.create({
        model: 'a',
        input: 'Question 2?',
        previous_response_id: response.id,
      });
      expect(next.output_text).toContain('Answer 2,');
      const completion = await openai.completions.create({ model: 'a', prompt: 'Question 5?' });
      expect(completion.choices[0]?.text).toContain('Answer 5,');
      const message = await anthropic.messages
        .stream({
          model: 'a',
          max_tokens: 1000,
          messages: [{ role: 'user', content: 'How many legs have two spiders?' }],
        })
        .finalMessage();
      expect(message.content).toMatchObject([
        { type: 'thinking', thinking: 'A spider has 8, so two have 16.' },
        { type: 'text', text: '16' },
      ]);
      await recorded(file, 5);
      expect(await requestsOf(upstreamUrl)).toBe(before + 5);
      expect(linesOf(file), `round ${round}`).toHaveLength(5);
    }
  });

  it('is asked once for many equal requests, and for equal prompts of different requests', async () => {
    const file = newFile();
    const upstream = startUpstream(['--time-to-first-token', '300']);
    const upstreamUrl = await upstream.url();
    const { url } = await startRecorder(upstreamUrl, file);
    const equal = Array.from({ length: 40 }, () => ask(url, 'Question 7?', { stream: true }));
    const others = Array.from({ length: 10 }, (_, seed) => ask(url, 'Question 7?', { seed }));
    const answers = await Promise.all([...equal, ...others]);
    for (const { status, text } of answers) {
      expect(status).toBe(200);
      expect(saidIn(text)).toBe(numbered[7]?.messages[1]?.content);
    }
    expect(await requestsOf(upstreamUrl)).toBe(1);
    expect(linesOf(file)).toHaveLength(1);
  });

  it('is not recorded if the answer is an error, is cut, or reaches a limit that nobody asked for', async () => {
    const file = newFile();
    const cuts = Array.from({ length: 12 }, (_, i) => `cut@${i + 1}`);
    const upstream = startUpstream(['--fail-sequence', ['429', '503', 'cut@0', ...cuts, '200'].join(',')]);
    const { url } = await startRecorder(await upstream.url(), file);
    for (const status of [429, 503]) {
      const answer = await ask(url, 'Question 8?', { stream: true });
      expect(answer).toMatchObject({ status, match: 'upstream' });
      expect(JSON.parse(answer.text)).toHaveProperty('error.message');
    }
    expect(await ask(url, 'Question 8?', { stream: true })).toMatchObject({ status: 502 });
    for (const _ of cuts) await expect(ask(url, 'Question 8?', { stream: true })).rejects.toThrow();
    expect(linesOf(file)).toEqual([]);
    expect(await ask(url, 'Question 8?', { stream: true })).toMatchObject({ status: 200, match: 'upstream' });
    expect(await recorded(file, 1)).toHaveLength(1);
    expect(await ask(url, 'Question 8?', { stream: true })).toMatchObject({ status: 200, match: 'context' });
  });

  it('that a limit has ended answers only requests with that limit', async () => {
    const file = newFile();
    const { url } = await startRecorder(await shared.url(), file);
    const limited = await ask(url, 'Question 11?', { max_tokens: 3 });
    expect(JSON.parse(limited.text)).toMatchObject({ choices: [{ finish_reason: 'length' }] });
    await recorded(file, 1);
    const again = await ask(url, 'Question 11?', { max_completion_tokens: 3 });
    expect(again).toMatchObject({ match: 'context' });
    expect(JSON.parse(again.text)).toMatchObject({ choices: [{ finish_reason: 'length' }] });
    for (const limit of [{ max_tokens: 4 }, {}]) {
      expect(await ask(url, 'Question 11?', limit)).toMatchObject({ match: 'upstream' });
      await vi.waitUntil(async () => (await ask(url, 'Question 11?', limit)).match === 'context', WAIT);
    }
  });

  it('is not asked for a page of another site', async () => {
    const upstreamUrl = await shared.url();
    const { url } = await startRecorder(upstreamUrl, newFile(), ['--cors-origins', 'http://friend.example']);
    const before = await requestsOf(upstreamUrl);
    const body = JSON.stringify({ messages: [{ role: 'user', content: 'Question 12?' }] });
    const json = { 'content-type': 'application/json' };
    const statusOf = async (headers: Record<string, string>) => {
      const { port } = new URL(url);
      const asked = request({ port, path: '/v1/chat/completions', method: 'POST', headers });
      asked.end(body);
      const [answer] = (await once(asked, 'response')) as [IncomingMessage];
      answer.resume();
      return answer.statusCode;
    };
    const foreign = [
      {},
      { ...json, origin: 'http://evil.example' },
      { ...json, 'sec-fetch-site': 'cross-site' },
      { ...json, host: 'evil.example:8000' },
    ];
    for (const headers of foreign) expect(await statusOf(headers), JSON.stringify(headers)).toBe(403);
    expect(await requestsOf(upstreamUrl)).toBe(before);
    expect(await statusOf({ ...json, origin: 'http://friend.example' })).toBe(200);
  });

  it('is recorded to the end if its client leaves', async () => {
    const file = newFile();
    const upstream = startUpstream(['--inter-token-latency', '20']);
    const { url } = await startRecorder(await upstream.url(), file);
    const leaving = new AbortController();
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ stream: true, messages: [{ role: 'user', content: 'Question 9?' }] }),
      signal: leaving.signal,
    });
    await response.body?.getReader().read();
    leaving.abort();
    const [line] = await recorded(file, 1);
    expect(line?.messages.at(-1)?.content).toBe(numbered[9]?.messages[1]?.content);
  });

  it('matches only the conversation that was recorded', async () => {
    const file = newFile();
    const upstreamUrl = await shared.url();
    const { url } = await startRecorder(upstreamUrl, file);
    const asking = (system: string, content: string | readonly object[]) =>
      ask(url, '', {
        messages: [
          { role: 'system', content: system },
          { role: 'user', content: 'Hello.' },
          { role: 'assistant', content: 'Hi.' },
          { role: 'user', content },
        ],
      });
    const image = (name: string) => [
      { type: 'text', text: 'Question 4?' },
      { type: 'image_url', image_url: { url: `https://example.com/${name}.png` } },
    ];
    const different = [
      ['Today is 2026-11-27.', 'Question 4?'],
      ['Today is 2026-11-28.', 'Question 4?'],
      ['Today is 2026-11-28.', image('a')],
      ['Today is 2026-11-28.', image('b')],
    ] as const;
    for (const [i, [system, content]] of different.entries()) {
      expect(await asking(system, content)).toMatchObject({ status: 200, match: 'upstream' });
      await recorded(file, i + 1);
    }
    const ids = linesOf(file).map(({ id }) => id);
    expect(new Set(ids).size).toBe(different.length);
    for (const [i, [system, content]] of different.entries())
      expect(await asking(system, content)).toMatchObject({ match: 'context', source: `${ids[i]}#4` });
    expect(await ask(url, 'Question 4?')).toMatchObject({ match: 'upstream' });
  });

  it('leaves no key in the file or the log', async () => {
    const file = newFile();
    const own = 'sk-secret-of-the-server';
    const { server, url } = await startRecorder(
      await shared.url(),
      file,
      ['--redact', 'email,/Answer (\\d+)/'],
      {
        UPSTREAM_KEY: own,
      },
    );
    await ask(url, 'Question 10?', { user: 'x', metadata: { email: 'a@b.example' } });
    await recorded(file, 1);
    await ask(url, 'Nothing like this.');
    server.kill('SIGTERM');
    await server.exited;
    const text = readFileSync(file, 'utf8') + server.stderr + server.stdout;
    for (const secret of [KEY, own, 'Answer 10']) expect(text).not.toContain(secret);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});

describe('The mode', () => {
  it('decides when the upstream is asked', async () => {
    const file = newFile();
    const answers = join(folder, 'changing.jsonl');
    const write = (reply: string) =>
      writeFileSync(
        answers,
        `${JSON.stringify({
          messages: [
            { role: 'user', content: 'Which?' },
            { role: 'assistant', content: reply },
          ],
        })}\n`,
      );
    write('The first.');
    const old = startServer([answers, '--index-dir', 'none']);
    const first = await startRecorder(await old.url(), file);
    expect((await ask(first.url, 'Which?')).text).toContain('The first.');
    await recorded(file, 1);
    write('The second one.');
    const fresh = await startServer([answers, '--index-dir', 'none']).url();
    const passing = await startRecorder(fresh, file, ['--mode', 'passthrough']);
    expect(await ask(passing.url, 'Which?')).toMatchObject({ match: 'upstream' });
    expect((await ask(first.url, 'Which?')).text).toContain('The first.');
    const refreshing = await startRecorder(fresh, file, ['--mode', 'refresh']);
    expect((await ask(refreshing.url, 'Which?')).text).toContain('The second one.');
    await recorded(file, 2);
    const replaying = await startRecorder(fresh, file, ['--mode', 'replay', '--on-miss', 'record']);
    for (const { url } of [first, replaying])
      await vi.waitUntil(async () => (await ask(url, 'Which?')).text.includes('The second one.'), WAIT);
    expect(await ask(replaying.url, 'Unknown?')).toMatchObject({ status: 404, match: 'none' });
    expect(linesOf(file)).toHaveLength(2);
  });

  it.each([
    [['--on-miss', 'record'], 'needs an upstream; expected UPSTREAM, too'],
    [['--mode', 'record', '--upstream', 'http://127.0.0.1:9'], 'needs a file; expected RECORD_TO, too'],
    [
      ['--upstream', 'ftp://x'],
      '--upstream: expected http://HOST or https://HOST, without user and password',
    ],
    [['--upstream', 'http://x', '--host', '0.0.0.0'], 'others could ask the upstream'],
    [
      ['--upstream', 'http://x', '--mode', 'loop'],
      '--mode: expected one of replay, record, refresh, passthrough',
    ],
  ])('is checked: %j', async (args, problem) => {
    const server = startServer(args);
    expect(await server.exited).toBe(2);
    expect(server.stderr).toContain(problem);
  });

  it('ignores a variable of another program', async () => {
    const server = startServer(['--index-dir', 'none'], { MODE: 'test' });
    expect(await server.url()).toMatch(/^http/);
  });
});

describe('An upstream', () => {
  it('that cannot be reached is an error with the name of the setting', async () => {
    const { url } = await startRecorder('http://127.0.0.1:9', newFile());
    const answer = await ask(url, 'Question 1?');
    expect(answer.status).toBe(502);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'upstream_unreachable' } });
  });

  it('that sends nothing is given up', async () => {
    const upstream = startUpstream(['--time-to-first-token', '3600000']);
    const { url } = await startRecorder(await upstream.url(), newFile(), ['--upstream-timeout-ms', '200']);
    const answer = await ask(url, 'Question 1?');
    expect(answer.status).toBe(504);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'upstream_timeout' } });
  });

  it('is asked for another model if the settings say so, and for what a dataset does not have', async () => {
    const file = newFile();
    const upstreamUrl = await shared.url();
    const dataset = join(folder, 'own.jsonl');
    writeFileSync(dataset, `${JSON.stringify({ messages: numbered[0]?.messages })}\n`);
    const { url } = await startRecorder(upstreamUrl, file, [dataset, '--upstream-model', 'upstream']);
    expect(await ask(url, 'Question 0?')).toMatchObject({ match: 'context', source: '0#1' });
    expect(await ask(url, 'Question 1?', { model: 'own' })).toMatchObject({ match: 'upstream' });
    const [line] = await recorded(file, 1);
    expect(line?.model).toBe('upstream');
    expect(await ask(url, 'Question 1?', { model: 'own' })).toMatchObject({ match: 'context' });
  });
});

describe('Two servers', () => {
  it('record to one file, and each answers what the other has recorded', async () => {
    const file = newFile();
    const upstreamUrl = await shared.url();
    const [one, other] = await Promise.all([
      startRecorder(upstreamUrl, file),
      startRecorder(upstreamUrl, file),
    ]);
    await Promise.all(
      numbered
        .slice(0, 40)
        .map(({ messages: [said] }, i) => ask([one, other][i % 2]?.url ?? '', said?.content ?? '')),
    );
    expect(await recorded(file, 40)).toHaveLength(40);
    for (const { url } of [one, other])
      for (const { messages } of numbered.slice(0, 40))
        expect(await ask(url, messages[0]?.content ?? '')).toMatchObject({ match: 'context' });
  });
});

describe('A server that is killed', () => {
  it('leaves a file that the next one serves, whenever that happens', async () => {
    const file = newFile();
    const upstreamUrl = await shared.url();
    let known: Line[] = [];
    for (let moment = 0; moment < 8; moment++) {
      const { server, url } = await startRecorder(upstreamUrl, file);
      for (const { id, messages } of known.slice(-3))
        expect(await ask(url, String(messages[0]?.content))).toMatchObject({ source: `${id}#1` });
      const asked = Array.from({ length: 8 }, (_, i) =>
        ask(url, `Question ${(known.length + i) % numbered.length}?`, { stream: i % 2 === 0 }).catch(
          () => undefined,
        ),
      );
      await Promise.race(
        moment % 4 === 0 ? asked.slice(moment % 8, (moment % 8) + 1) : asked.slice(0, moment % 4),
      );
      // An answer is recorded after it was sent, so the kills alone may leave nothing for the next server.
      if (moment === 4) await recorded(file, known.length + 1);
      server.kill('SIGKILL');
      await server.exited;
      await Promise.all(asked);
      const whole = readFileSync(file, 'utf8').split('\n').slice(0, -1);
      known = whole.map((line) => JSON.parse(line) as Line);
    }
    expect(known.length).toBeGreaterThan(0);
  });
});
