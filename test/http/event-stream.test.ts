import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { get, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Listener } from '#dist/http/listener.js';
import { attachFacts, RequestFacts } from '#dist/http/request-facts.js';
import { Sender } from '#dist/http/sender.js';
import { urlOf } from '#dist/http/start-lines.js';
import { post, serveApp } from '../support/app.js';
import { newMaker } from '../support/events.js';
import { temporaryFolder } from '../support/temporary.js';
import { WAIT } from '../support/wait.js';

const folder = temporaryFolder();
const reply = 'a word and another, '.repeat(20_000);
const conversations = [
  { from: 'human', value: 'long' },
  { from: 'gpt', value: reply },
  { from: 'human', value: 'short' },
  { from: 'gpt', value: 'yes' },
];

let base: string;
beforeAll(async () => {
  const path = join(folder, 'dataset.json');
  writeFileSync(path, JSON.stringify([{ conversations }]));
  base = await serveApp(path);
});

async function openStream(): Promise<IncomingMessage> {
  const asked = request(`${base}/v1/chat/completions`, { method: 'POST' });
  asked.end(JSON.stringify({ messages: [{ role: 'user', content: 'long' }], stream: true }));
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return response;
}

async function expectShortAnswer(): Promise<void> {
  const response = await post(`${base}/v1/chat/completions`, {
    messages: [{ role: 'user', content: 'short' }],
  });
  expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'yes' } }] });
}

/** The concatenated content of a stream's events. */
function contentOf(stream: string): string {
  const events = stream.split('\n\n').slice(0, -2);
  const chunks = events.map((event) => JSON.parse(event.slice('data: '.length)));
  return chunks.map(({ choices }) => choices[0].delta.content ?? '').join('');
}

describe('an event stream', () => {
  it('waits for a client that reads slowly, serves others meanwhile, and loses no bytes', async () => {
    const response = await openStream();
    response.pause();
    await expectShortAnswer();
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const stream = Buffer.concat(chunks).toString('utf8');
    expect(stream.endsWith('\n\ndata: [DONE]\n\n')).toBe(true);
    expect(contentOf(stream)).toBe(reply);
  });

  it('creates only the events that its client reads, and ends when the client disconnects', async () => {
    const EVENTS = 200_000;
    const made = new Set<number>();
    const ended = new Promise<void>((resolve) => {
      const parts = new Proxy([] as string[], {
        get: (_, name) => {
          const index = Number(name);
          if (index >= EVENTS) return undefined;
          made.add(index);
          return `data: ${'x'.repeat(1000)}\n\n`;
        },
      });
      const stream = { head: undefined, parts, end: '' };
      const clock = { now: () => 0, newId: () => '' };
      const sender = new Sender(clock, newMaker());
      const listener = new Listener((request, response) => {
        attachFacts(response, new RequestFacts(request, clock));
        response.on('close', resolve);
        sender.send(response, { content: { kind: 'events', stream } });
      });
      onTestFinished(() => listener.stop());
      listener.listen('127.0.0.1', 0).then(async (address) => {
        const [response] = (await once(get(urlOf(address)), 'response')) as [IncomingMessage];
        await once(response, 'readable');
        response.destroy();
      });
    });
    await ended;
    expect(made.size).toBeGreaterThan(0);
    expect(made.size).toBeLessThan(EVENTS);
  });

  it('writes one event at a time', async () => {
    const socket = connect(Number(new URL(base).port), '127.0.0.1');
    const body = JSON.stringify({ messages: [{ role: 'user', content: 'short' }], stream: true });
    const head = [
      'POST /v1/chat/completions HTTP/1.1',
      'Connection: close',
      `Content-Length: ${body.length}`,
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
    let answer = '';
    for await (const text of socket.setEncoding('utf8')) answer += text;
    // Each chunk of HTTP's chunked encoding is one write: its length, then its bytes.
    const chunked = answer.slice(answer.indexOf('\r\n\r\n') + 2);
    const chunks = chunked.split(/\r\n[0-9a-f]+\r\n/).slice(1);
    expect(chunks).toHaveLength(5);
    for (const chunk of chunks.slice(0, 3)) expect(chunk).toMatch(/^data: \{[^\n]+\}\n\n$/);
    expect(chunks.slice(3)).toEqual(['data: [DONE]\n\n', '\r\n']);
  });

  it('that waits for another on its connection does not start after the client has disconnected', async () => {
    const lines: { finished: boolean }[] = [];
    const logger = pino({}, { write: (line: string) => lines.push(JSON.parse(line)) });
    const url = await serveApp(join(folder, 'dataset.json'), { logger });
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const body = JSON.stringify({ messages: [{ role: 'user', content: 'long' }], stream: true });
    const request = `POST /v1/chat/completions HTTP/1.1\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    socket.write(request.repeat(8));
    await once(socket, 'readable');
    socket.destroy();
    await vi.waitUntil(() => lines.length > 0, WAIT);
    await fetch(`${url}/health`);
    await vi.waitUntil(() => lines.length > 1, WAIT);
    expect(lines.map(({ finished }) => finished)).toEqual([false, true]);
  });
});
