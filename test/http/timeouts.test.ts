/** Slow clients: the server disconnects each, and the others are unaffected. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import express, { type Express } from 'express';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Listener, type Timeouts } from '#dist/http/listener.js';
import { statusOf } from '#dist/http/request-log.js';
import { serveApp } from '../support/app.js';
import { WAIT } from '../support/wait.js';

const SOON_MS = 200;

async function serve(
  app: Express,
  timeouts: Partial<Timeouts>,
): Promise<{ port: number; listener: Listener }> {
  const listener = new Listener(app, undefined, { drainMs: 0, ...timeouts });
  const { port } = await listener.listen('127.0.0.1', 0);
  onTestFinished(() => listener.stop());
  return { port, listener };
}

/** A connection; resolves with the received bytes when the server closes it. */
async function open(port: number): Promise<{ socket: Socket; ended: Promise<string> }> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let text = '';
  socket.setEncoding('latin1').on('data', (part: string) => {
    text += part;
  });
  socket.on('error', () => undefined);
  const ended = once(socket, 'close').then(() => text);
  await once(socket, 'connect');
  return { socket, ended };
}

const echo = () =>
  express()
    .use(express.text())
    .all('/', (request, response) => void response.send(`got ${request.body ?? ''}`));

describe('a client that', () => {
  it('never ends the head of its request gets an error and is disconnected', async () => {
    const { port, listener } = await serve(echo(), { headersMs: SOON_MS });
    const refused: number[] = [];
    listener.onRefused = ({ status }) => void refused.push(status);
    const { socket, ended } = await open(port);
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n');
    const timer = setInterval(() => socket.write('x-more: 1\r\n'), SOON_MS / 10);
    expect(await ended).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    clearInterval(timer);
    expect(refused).toEqual([408]);
  });

  it('never sends anything gets an error and is disconnected', async () => {
    const { port } = await serve(echo(), { headersMs: SOON_MS });
    expect(await (await open(port)).ended).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('never ends its body gets an error and is disconnected', async () => {
    const statuses: number[] = [];
    const app = express()
      .use((_request, response, next) => {
        response.on('close', () => void statuses.push(statusOf(response)));
        next();
      })
      .use(echo());
    const { port } = await serve(app, { headersMs: SOON_MS, requestMs: 2 * SOON_MS });
    const { socket, ended } = await open(port);
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 1000\r\n\r\n');
    const timer = setInterval(() => socket.write('x'), SOON_MS / 10);
    const answer = await ended;
    clearInterval(timer);
    expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({
      error: { type: 'invalid_request_error' },
    });
    // For the log.
    await vi.waitFor(() => expect(statuses).toEqual([408]), WAIT);
  });

  it('sends a malformed body gets an error and is disconnected', async () => {
    const { port } = await serve(echo(), {});
    const { socket, ended } = await open(port);
    socket.write(
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n',
    );
    await new Promise((resolve) => setTimeout(resolve, SOON_MS / 2));
    socket.write('zz\r\n');
    expect(await ended).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  it('never reads its answer is disconnected', async () => {
    const app = express().get('/', (_request, response) => {
      const more = () => {
        while (response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    });
    const { port, listener } = await serve(app, { stalledMs: SOON_MS });
    const { socket, ended } = await open(port);
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(socket, 'data');
    socket.pause();
    while (listener.inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    socket.resume();
    expect(await ended).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('sends no further request is disconnected', async () => {
    const { port } = await serve(echo(), { idleMs: SOON_MS });
    const { socket, ended } = await open(port);
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    expect(await ended).toMatch(/\r\n\r\ngot $/);
  });

  it('waits for its answer is not disconnected', async () => {
    const app = express().get('/', (_request, response) => {
      setTimeout(() => response.send('at last'), 5 * SOON_MS);
    });
    const { port } = await serve(app, { stalledMs: SOON_MS, headersMs: SOON_MS, requestMs: SOON_MS });
    const { socket, ended } = await open(port);
    socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    expect(await ended).toMatch(/at last$/);
  });
});

describe('a client that closes its sending side after its request', () => {
  const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));
  const say = (more: object) => ({ messages: [{ role: 'user', content: 'Say it.' }], ...more });

  /** The bytes received until the server closes the connection. */
  async function answerTo(url: string, ...requests: [path: string, body: object][]): Promise<string> {
    const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true });
    onTestFinished(() => void socket.destroy());
    const sent = requests.map(([path, body]) => {
      const text = JSON.stringify(body);
      return `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
    });
    socket.end(sent.join(''));
    let answer = '';
    for await (const text of socket.setEncoding('utf8')) answer += text;
    return answer;
  }

  it.each(['index', 'sweep'] as const)('gets its answer, by the engine %s', async (engine) => {
    const url = await serveApp(dataset, {}, engine);
    for (const more of [{}, { stream: true }, { max_tokens: 2 }, { max_tokens: 2, stream: true }]) {
      const answer = await answerTo(url, ['/v1/chat/completions', say(more)]);
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(answer).toMatch(/\}$|0\r\n\r\n$/);
    }
    const prompt = 'words that no index has';
    expect(await answerTo(url, ['/tokenize', { prompt }])).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it('gets the answers to all its requests, and then the end of the connection', async () => {
    const url = await serveApp(dataset, {}, 'sweep');
    const one = ['/v1/chat/completions', say({ max_tokens: 2 })] satisfies [string, object];
    const answer = await answerTo(url, one, one, one);
    expect(answer.match(/HTTP\/1\.1 200 OK\r\n/g)).toHaveLength(3);
    expect(answer.match(/^connection: .*$/gim)?.at(-1)).toBe('Connection: close');
  });

  it('and never reads is disconnected', async () => {
    const { port, listener } = await serve(
      express().get('/', (_request, response) => void response.send('x'.repeat(20_000_000))),
      { stalledMs: SOON_MS },
    );
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => undefined).end('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await vi.waitUntil(() => listener.inFlight === 1, { ...WAIT, interval: 1 });
    await vi.waitUntil(() => listener.inFlight === 0, WAIT);
  });
});
