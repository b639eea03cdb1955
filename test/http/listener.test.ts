import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setImmediate as loopTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { STOP_GRACE_MS } from '#dist/core/limits.js';
import { Listener } from '#dist/http/listener.js';
import { ListenError } from '#dist/http/listening.js';
import { urlOf } from '#dist/http/start-lines.js';
import { serveApp } from '../support/app.js';
import { RawConnection } from '../support/raw-connection.js';
import { temporaryFolder } from '../support/temporary.js';
import { WAIT } from '../support/wait.js';

const golden = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));

async function listen(): Promise<{ listener: Listener; url: string }> {
  const listener = new Listener(express().get('/', (_request, response) => response.send('here')));
  return { listener, url: urlOf(await listener.listen('127.0.0.1', 0)) };
}

/** The `connection` header of a response, and whether the request reused an open connection. */
function ask(url: string, agent: Agent): Promise<{ connection: string | undefined; reused: boolean }> {
  return new Promise((resolve, reject) => {
    const asked = get(url, { agent }, (response) => {
      response.resume().on('end', () => {
        resolve({ connection: response.headers.connection, reused: asked.reusedSocket });
      });
    });
    asked.on('error', reject);
  });
}

/** True for the error of a connection after the listener has closed. */
const isRefused = (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED';

describe('a listener that stops', () => {
  it('answers a request that was on its way on an idle connection, as the last one', async () => {
    const { listener, url } = await listen();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    expect(await ask(url, agent)).toEqual({ connection: 'keep-alive', reused: false });
    const stopped = listener.stop();
    expect(await ask(url, agent)).toEqual({ connection: 'close', reused: true });
    await stopped;
    await expect(ask(url, agent)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

/** Blocks this thread, and the server with it, until a file exists, and for some time after that. */
function stallUntil(file: string, thenMs: number): void {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  while (!existsSync(file)) Atomics.wait(cell, 0, 0, 10);
  Atomics.wait(cell, 0, 0, thenMs);
}

describe('a listener that stops on an overloaded machine', () => {
  const folder = temporaryFolder();
  const client = fileURLToPath(new URL('../support/late-client.mjs', import.meta.url));

  it.each([
    ['at rest', ['rest'], 2],
    ['not accepted yet', ['1'], 1],
    ['not accepted yet, one of many', ['50'], 50],
  ])('answers requests that arrived meanwhile on a connection %s', async (_which, args, answers) => {
    const { listener, url } = await listen();
    const sent = join(mkdtempSync(join(folder, 'sent-')), 'sent');
    const asking = spawn(process.execPath, [client, url, sent, ...args]);
    const said = asking.stdout.setEncoding('utf8').toArray();
    await once(asking.stderr, 'data');
    const stopped = listener.stop();
    asking.stdin.write('ask\n');
    stallUntil(sent, 2 * STOP_GRACE_MS);
    await stopped;
    expect((await said).join('').match(/HTTP\/1\.1 200 OK|E[A-Z]{4,}/g)).toEqual(
      Array(answers).fill('HTTP/1.1 200 OK'),
    );
  });
});

describe('a listener that stops', () => {
  it('sends a large answer whole, even if its client reads it later', async () => {
    const answer = Buffer.alloc(20_000_000, 'x');
    const listener = new Listener((_request, response) => void response.end(answer));
    const url = urlOf(await listener.listen('127.0.0.1', 0));
    const connection = await RawConnection.open(url);
    connection.send('GET / HTTP/1.1\r\n\r\n');
    await connection.begun();
    connection.pause();
    const stopped = listener.stop();
    await vi.waitUntil(() => ask(url, new Agent()).then(() => false, isRefused), WAIT);
    connection.resume();
    await connection.closed;
    expect(connection.answers[0]?.body).toHaveLength(answer.length);
    await stopped;
  });
});

describe('a listener that stops', () => {
  it('answers a request after an answer that had already begun, as the last one', async () => {
    const going: (() => void)[] = [];
    const listener = new Listener(async (_request, response) => {
      response.write('he');
      if (going.length === 0) await new Promise<void>((resolve) => going.push(resolve));
      response.end('re');
    });
    const connection = await RawConnection.open(urlOf(await listener.listen('127.0.0.1', 0)));
    connection.send('GET / HTTP/1.1\r\n\r\n');
    await connection.begun();
    const stopped = listener.stop();
    going[0]?.();
    await connection.waitFor(1);
    connection.send('GET / HTTP/1.1\r\n\r\n');
    await connection.waitFor(2);
    expect(connection.answers.map(({ headers }) => headers.connection)).toEqual(['keep-alive', 'close']);
    await stopped;
  });
});

describe('a listener that stops', () => {
  // Well before the deadline for open connections, so the server must have closed them itself.
  it.each(['', 'POST / HTTP/1.1\r\nHo'])(
    'does not wait for a connection that sent %j',
    { timeout: 20_000 },
    async (sent) => {
      const { listener, url } = await listen();
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      await once(socket, 'connect');
      await new Promise((resolve) => socket.write(sent, resolve));
      const closed = once(socket.resume(), 'close');
      await listener.stop();
      await closed;
    },
  );
});

describe('a listener that stops while pipelined requests wait', () => {
  it('answers all of them', async () => {
    const going: (() => void)[] = [];
    const app = express().get('/', async (_request, response) => {
      await new Promise<void>((resolve) => going.push(resolve));
      response.send('here');
    });
    const listener = new Listener(app);
    const socket = connect(Number(new URL(urlOf(await listener.listen('127.0.0.1', 0))).port), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\n\r\n'.repeat(3));
    await vi.waitUntil(() => going.length === 1, WAIT);
    const stopped = listener.stop();
    const goOn = async () => {
      for (let i = 0; i < 3; i++) {
        await vi.waitUntil(() => going.length > i, WAIT);
        going[i]?.();
      }
    };
    void goOn();
    let answers = '';
    for await (const text of socket.setEncoding('utf8')) answers += text;
    expect(answers.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(3);
    await stopped;
  });
});

describe('a pipelined request with Expect: 100-continue', () => {
  const body = JSON.stringify({ messages: [{ role: 'user', content: 'Say it.' }] });
  const head = `POST /v1/chat/completions HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: ${body.length}\r\n\r\n`;

  it('gets 100 Continue when its turn comes', async () => {
    const connection = await RawConnection.open(await serveApp(golden));
    connection.send(`${head}${body}${head}`);
    await connection.waitFor(1);
    connection.send(body);
    await connection.waitFor(2);
    expect(connection.problem).toBeUndefined();
    expect(connection.answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(connection.continues).toBe(2);
    connection.destroy();
  });

  it('gets no 100 Continue with HTTP 1.0', async () => {
    const connection = await RawConnection.open(await serveApp(golden));
    connection.send(`${head.replace('HTTP/1.1', 'HTTP/1.0')}${body}`);
    await connection.waitFor(1);
    expect(connection.answers.map(({ status }) => status)).toEqual([200]);
    expect(connection.continues).toBe(0);
    connection.destroy();
  });

  it('gets no 100 Continue within its answer if it is answered before its turn', async () => {
    const connection = await RawConnection.open(await serveApp(golden));
    connection.send(`${head}${body}${head.replace('/v1/chat/completions', '/health')}`);
    await connection.waitFor(2);
    expect(connection.problem).toBeUndefined();
    expect(connection.answers.map(({ status }) => status)).toEqual([200, 405]);
    expect(connection.continues).toBe(1);
    connection.destroy();
  });

  it('is handled, and reading resumes, when the answers before it are sent', async () => {
    const listener = new Listener(async (request, response) => {
      let body = '';
      for await (const part of request) body += part;
      handled++;
      response.end(`${body}${'x'.repeat(100_000)}`);
    });
    let handled = 0;
    const connection = await RawConnection.open(urlOf(await listener.listen('127.0.0.1', 0)));
    onTestFinished(async () => {
      connection.destroy();
      await listener.stop();
    });
    connection.pause();
    // Their responses exceed all buffers on the way; some 480 requests are read at once.
    const REQUESTS = 1000;
    const bodies = Array.from({ length: REQUESTS }, (_, i) => String(i).padEnd(100, '.'));
    const requests = bodies.map((body) => `POST / HTTP/1.1\r\ncontent-length: 100\r\n\r\n${body}`);
    connection.send(requests.join(''));
    let before = 0;
    const isStill = () => {
      const isSame = handled > 0 && handled === before;
      before = handled;
      return isSame;
    };
    await vi.waitUntil(isStill, { ...WAIT, interval: 100 });
    expect(handled).toBeLessThan(REQUESTS / 4);
    connection.resume();
    await connection.waitFor(REQUESTS);
    expect(connection.answers.map(({ body }) => body.toString('latin1', 0, 100))).toEqual(bodies);
  });
});

describe('pipelined requests', () => {
  it('are read a packet at a time while they wait, and are all answered', async () => {
    let go = () => {};
    const going = new Promise<void>((resolve) => {
      go = resolve;
    });
    const listener = new Listener(async (_request, response) => {
      await going;
      response.end();
    });
    const connection = await RawConnection.open(urlOf(await listener.listen('127.0.0.1', 0)));
    onTestFinished(async () => {
      connection.destroy();
      await listener.stop();
    });
    const REQUESTS = 10_000;
    connection.send('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(REQUESTS));
    let before = 0;
    const isStill = () => {
      const isSame = listener.inFlight > 0 && listener.inFlight === before;
      before = listener.inFlight;
      return isSame;
    };
    await vi.waitUntil(isStill, { ...WAIT, interval: 100 });
    expect(listener.inFlight).toBeLessThan(REQUESTS / 2);
    go();
    await connection.waitFor(REQUESTS);
    expect(connection.answers).toHaveLength(REQUESTS);
  });
});

describe('a listener that stops', () => {
  it('lets its client read the last answer, even if it sent more than was read', async () => {
    const going: (() => void)[] = [];
    const listener = new Listener(async (_request, response) => {
      await new Promise<void>((resolve) => going.push(resolve));
      response.end(Buffer.alloc(500_000, 'x'));
    });
    const connection = await RawConnection.open(urlOf(await listener.listen('127.0.0.1', 0)));
    connection.pause();
    connection.send('GET / HTTP/1.1\r\nconnection: close\r\n\r\n');
    await vi.waitUntil(() => going.length === 1, WAIT);
    const stopped = listener.stop();
    going[0]?.();
    await vi.waitUntil(() => listener.inFlight === 0, WAIT);
    await connection.send('GET / HTTP/1.1\r\n\r\n');
    connection.resume();
    await connection.closed;
    expect(connection.answers.map(({ body }) => body.length)).toEqual([500_000]);
    await stopped;
  });
});

describe('a request that was accepted', () => {
  const body = JSON.stringify({ messages: [{ role: 'user', content: 'Say it.' }] });
  const request = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

  it.each([
    ['a byte more than its content-length', '}'],
    ['garbage', 'hello\r\n\r\n'],
    ['a request whose chunks are broken', 'POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nhello'],
    ['CONNECT', 'CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n'],
  ])('is answered, and its connection ends, if %s follows in the same packet', async (_what, bytes) => {
    const connection = await RawConnection.open(await serveApp(golden));
    onTestFinished(() => connection.destroy());
    connection.send(request + request + bytes);
    await connection.waitFor(2);
    // The client keeps sending: it must not lose its responses.
    for (let i = 0; i < 20; i++) connection.send('hello\r\n\r\n');
    connection.end();
    await connection.closed;
    expect(connection.answers.map(({ status, headers }) => [status, headers.connection])).toEqual([
      [200, 'keep-alive'],
      [200, 'close'],
    ]);
    expect(connection.restBytes).toBe(0);
  });

  it('gets its whole answer, if that began before garbage follows', async () => {
    const going: (() => void)[] = [];
    const listener = new Listener(async (_request, response) => {
      response.write('he');
      await new Promise<void>((resolve) => going.push(resolve));
      response.end('re');
    });
    const connection = await RawConnection.open(urlOf(await listener.listen('127.0.0.1', 0)));
    onTestFinished(() => listener.stop());
    connection.send('GET / HTTP/1.1\r\n\r\n');
    await connection.begun();
    for (let i = 0; i < 20; i++) {
      await connection.send('hello\r\n\r\n');
      await loopTurn();
    }
    going[0]?.();
    await connection.waitFor(1);
    connection.end();
    await connection.closed;
    expect(connection.answers.map(({ status, body }) => [status, String(body)])).toEqual([[200, 'here']]);
  });
});

describe('a request with Upgrade', () => {
  const body = JSON.stringify({ messages: [{ role: 'user', content: 'Say it.' }] });
  const more = 'host: x\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAM\r\n';
  const get = `GET /health HTTP/1.1\r\n${more}\r\n`;
  const head = `POST /v1/chat/completions HTTP/1.1\r\n${more}content-length: ${body.length}\r\n\r\n`;

  it.each([
    ['GET', [get]],
    ['POST', [head + body]],
    ['POST in two packets', [head, body]],
  ])('is answered, and its connection stays open: %s', async (_what, packets) => {
    const connection = await RawConnection.open(await serveApp(golden));
    onTestFinished(() => connection.destroy());
    for (let i = 1; i < 3; i++) {
      for (const packet of packets) await connection.send(packet);
      await connection.waitFor(i);
    }
    expect(connection.answers.map(({ status, headers }) => [status, headers.connection])).toEqual([
      [200, 'keep-alive'],
      [200, 'keep-alive'],
    ]);
  });

  it.each([
    ['GET', [get], 1],
    ['GET after another request', ['GET /health HTTP/1.1\r\nhost: x\r\n\r\n', get], 2],
    ['POST', [head, body], 1],
  ])(
    'is answered, and its connection ends, if more follows in the same packet: %s',
    async (_what, parts, answers) => {
      const connection = await RawConnection.open(await serveApp(golden));
      onTestFinished(() => connection.destroy());
      connection.send(`${parts.join('')}GET /health HTTP/1.1\r\nhost: x\r\n\r\n`);
      await connection.closed;
      expect(connection.answers.map(({ status }) => status)).toEqual(Array(answers).fill(200));
      expect(connection.answers.at(-1)?.headers.connection).toBe('close');
    },
  );
});

describe('input that is not HTTP', () => {
  it.each([
    ['hello\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\nx: ${'x'.repeat(40_000)}\r\n\r\n`, 431],
    ['CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n', 400],
  ])('is answered with an error object (%#)', async (sent, status) => {
    const { listener, url } = await listen();
    onTestFinished(() => listener.stop());
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write(sent);
    let answer = '';
    for await (const text of socket.setEncoding('utf8')) answer += text;
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    const [, body = ''] = answer.split('\r\n\r\n');
    expect(JSON.parse(body)).toEqual({
      error: { message: expect.any(String), type: 'invalid_request_error', param: null, code: null },
    });
  });
});

describe('a listener that fails to listen', () => {
  it('names the address, and what to do', async () => {
    const { listener, url } = await listen();
    onTestFinished(() => listener.stop());
    const port = Number(new URL(url).port);
    const second = new Listener(express()).listen('127.0.0.1', port);
    await expect(second).rejects.toThrow(ListenError);
    await expect(second).rejects.toThrow(`cannot listen on 127.0.0.1:${port}: port in use`);
    await expect(new Listener(express()).listen('192.0.2.1', 0)).rejects.toThrow("with the option 'host'");
  });
});
