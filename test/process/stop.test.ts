import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { SIGNAL_AGAIN_MS } from '#dist/core/limits.js';
import { serve } from '#dist/http/serve.js';
import { readOptions } from '#dist/settings/read-options.js';
import { FACTOR, IS_LONG } from '../support/factor.js';
import { RawConnection } from '../support/raw-connection.js';
import { program, ServerProcess, startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';
import { WAIT } from '../support/wait.js';

const folder = temporaryFolder();
const CONNECTIONS = 256;

/** Enough conversations to make a lookup slow. */
function dataset(): string {
  const path = join(folder, 'dataset.json');
  const conversations = Array.from({ length: 3000 }, (_, i) => ({
    conversations: [
      { from: 'human', value: `prompt ${i}` },
      { from: 'gpt', value: `reply ${i} `.repeat(50) },
    ],
  }));
  writeFileSync(path, JSON.stringify(conversations));
  return path;
}

/** The result of a request: the body of the response, or its error. Calls back once the kernel has accepted the whole request. */
function ask(
  url: string,
  agent: Agent,
  prompt: string,
  stream: boolean,
  onSent: () => void = () => {},
): Promise<string> {
  return new Promise((resolve) => {
    const asked = request(`${url}/v1/chat/completions`, { method: 'POST', agent }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('close', () => resolve(response.complete ? body : 'cut'));
    });
    asked.on('error', (error) => resolve(String(error)));
    asked.end(JSON.stringify({ messages: [{ role: 'user', content: prompt }], stream }), onSent);
  });
}

/** The signals of a test: both handle the same way what a server has to do, so that the gate sends one of them. */
const signals = (one: 'SIGTERM' | 'SIGINT') => (IS_LONG ? (['SIGTERM', 'SIGINT'] as const) : [one]);

describe('a server that gets a signal', () => {
  it.each(signals('SIGTERM'))(
    'under load answers accepted requests, then exits with code 0: %s',
    async (signal) => {
      const server = startServer([dataset(), '--workers', '2', '--cache-mb', '0']);
      const url = await server.url();
      const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
      let told = false;
      let asked = 0;
      let sent = 0;
      const onSent = () => sent++;
      const results: string[] = [];
      const client = async (i: number) => {
        for (let n = 0; !told; n++) {
          asked++;
          results.push(await ask(url, agent, `prompt ${(i * 37 + n) % 3000}`, i % 2 === 0, onSent));
          if (results.length === 2 * CONNECTIONS) {
            // All connections but one have a request in flight. A request sent only after the signal may be too late.
            told = true;
            await vi.waitUntil(() => sent === asked, WAIT);
            server.kill(signal);
          }
        }
      };
      await Promise.all(Array.from({ length: CONNECTIONS }, (_, i) => client(i)));
      agent.destroy();
      expect(await server.exited).toBe(0);
      expect(results.length).toBeGreaterThan(2 * CONNECTIONS);
      for (const result of results) expect(result).toMatch(/"content":"reply|data: \[DONE\]\n\n$/);
    },
  );

  // Well before the deadline for open connections, so the server must have closed them gracefully.
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'when idle ends at once, even if a client keeps its connection open: %s',
    { timeout: 20_000 },
    async (signal) => {
      const server = startServer();
      const url = await server.url();
      const agent = new Agent({ keepAlive: true });
      await ask(url, agent, 'What is a mock server good for?', false);
      server.kill(signal);
      expect(await server.exited).toBe(0);
      agent.destroy();
    },
  );

  it.each(signals('SIGINT'))(
    'finishes a stream that its client reads slowly, and ends after it: %s',
    { timeout: 20_000 },
    async (signal) => {
      const path = join(folder, `long-${signal}.json`);
      const reply = 'word '.repeat(100_000);
      writeFileSync(
        path,
        JSON.stringify([
          {
            conversations: [
              { from: 'human', value: 'long' },
              { from: 'gpt', value: reply },
            ],
          },
        ]),
      );
      const server = startServer([path]);
      const url = await server.url();
      const agent = new Agent({ keepAlive: true });
      const asked = request(`${url}/v1/chat/completions`, { method: 'POST', agent });
      asked.end(JSON.stringify({ messages: [{ role: 'user', content: 'long' }], stream: true }));
      const [response] = (await once(asked, 'response')) as [IncomingMessage];
      await once(response, 'readable');
      server.kill(signal);
      await server.waitForRefusal(url);
      let stream = '';
      for await (const text of response.setEncoding('utf8')) stream += text;
      expect(stream.match(/"content":"( )?word"/g)).toHaveLength(100_000);
      expect(stream.endsWith('data: [DONE]\n\n')).toBe(true);
      expect(await server.exited).toBe(0);
      agent.destroy();
    },
  );

  it.each(signals('SIGTERM'))(
    'accepts no more connections, even if it still counts after many lookups: %s',
    {
      timeout: 20_000,
    },
    async (signal) => {
      const path = join(folder, `behind-${signal}.json`);
      const record = JSON.stringify({ conversations: [{ from: 'human', value: 'x'.repeat(1_000_000) }] });
      writeFileSync(path, `[${Array.from({ length: 200 }, () => record).join(',')}]`);
      const server = startServer([path, '--workers', '1']);
      const url = await server.url();
      const agent = new Agent({ keepAlive: true });
      for (let i = 0; i < 150; i++) void ask(url, agent, `nowhere ${i}`, false);
      await fetch(`${url}/ready`);
      server.kill(signal);
      await server.waitForRefusal(url);
      agent.destroy();
    },
  );

  it.each(signals('SIGINT'))(
    'as soon as it listens, the dataset walked or not, exits with code 0: %s',
    async (signal) => {
      const record = JSON.stringify({ conversations: [{ from: 'human', value: 'x'.repeat(100_000) }] });
      const path = join(folder, `${signal}.json`);
      writeFileSync(path, `[${Array.from({ length: 200 * FACTOR }, () => record).join(',')}]`);
      const server = startServer([path]);
      await server.url();
      server.kill(signal);
      expect(await server.exited).toBe(0);
      expect(server.stderr).not.toContain('"level":50');
    },
  );
});

/** A server, and a client that has begun to read a reply large enough to fill all buffers between them, and then stops reading. */
async function stalledOn(args: readonly string[]) {
  const path = join(folder, 'stalled.json');
  const reply = 'word '.repeat(200_000);
  const conversations = [
    { from: 'human', value: 'long' },
    { from: 'gpt', value: reply },
  ];
  writeFileSync(path, JSON.stringify([{ conversations }]));
  const server = startServer([path, ...args]);
  const url = await server.url();
  const body = JSON.stringify({ messages: [{ role: 'user', content: 'long' }], stream: true });
  const connection = await RawConnection.open(url);
  connection.send(`POST /v1/chat/completions HTTP/1.1\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  await connection.begun();
  connection.pause();
  return { server, url, connection };
}

describe('a server that gets a signal before it is ready', () => {
  /** Sends the signal when the process listens for the nth time: the first time, it only tries the address. */
  const signalAt = (nth: number) => `
    import net from 'node:net';
    const { listen } = net.Server.prototype;
    let count = 0;
    net.Server.prototype.listen = function (...args) {
      if (++count === ${nth}) process.kill(process.pid, 'SIGINT');
      return listen.apply(this, args);
    };
  `;

  it.each([1, 2])('logs one line, prints nothing, and exits with code 0: %i', async (nth) => {
    const preload = `data:text/javascript,${encodeURIComponent(signalAt(nth))}`;
    const server = new ServerProcess(process.execPath, ['--import', preload, program, dataset()]);
    expect(await server.exited).toBe(0);
    expect(server.stdout).toBe('');
    const texts = server.stderr.trimEnd().split('\n');
    expect(texts.filter((text) => /stop/.test(text))).toHaveLength(1);
    expect(JSON.parse(texts.at(-1) as string)).toMatchObject({
      level: 30,
      msg: 'stopped before it was ready',
    });
  });
});

it('the progress is not shown any more after a stop, though the dataset is still being read', async () => {
  const path = join(folder, 'large.json');
  const record = { conversations: [{ from: 'human', value: 'x'.repeat(1_000_000) }] };
  writeFileSync(path, JSON.stringify(Array.from({ length: 200 }, () => record)));
  const stop = new AbortController();
  const calls: string[] = [];
  await serve(readOptions({ dataset: path, workers: 1, engine: 'sweep', usage: 'estimate' }), {
    bar: { show: () => calls.push('show'), end: () => calls.push('end') },
    loadLogger: async () => pino({}, { write: () => {} }),
    print: () => {},
    version: '1.2.3',
    signal: stop.signal,
    onHangup: () => {},
    onListening: () => stop.abort('SIGINT'),
  });
  expect(calls.indexOf('end')).toBeGreaterThan(0);
  expect(calls.slice(calls.indexOf('end'))).not.toContain('show');
});

describe('a server that drains', () => {
  it('reports on an open connection that it is not ready', async () => {
    const { server, url, connection } = await stalledOn([]);
    server.kill('SIGTERM');
    await server.waitForRefusal(url);
    connection.send('GET /ready HTTP/1.1\r\n\r\n');
    connection.resume();
    await connection.closed;
    const [stream, ready] = connection.answers;
    expect(stream?.body.toString().endsWith('data: [DONE]\n\n')).toBe(true);
    expect(ready).toMatchObject({ status: 503, headers: { 'retry-after': '1', connection: 'close' } });
    expect(JSON.parse(String(ready?.body))).toMatchObject({ error: { code: 'stopping' } });
    expect(await server.exited).toBe(0);
  });

  it('aborts unfinished requests after DRAIN_MS, and exits with code 0', { timeout: 20_000 }, async () => {
    const { server, connection } = await stalledOn(['--drain-ms', '300']);
    server.kill('SIGTERM');
    expect(await server.exited).toBe(0);
    connection.resume();
    await connection.closed;
    expect(connection.answers).toEqual([]);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'ends at once at another %s a second later',
    { timeout: 20_000 },
    async (signal) => {
      const { server, connection } = await stalledOn([]);
      server.kill('SIGTERM');
      const timer = setInterval(() => server.kill(signal), 100);
      expect(await server.exited).toBe(signal);
      clearInterval(timer);
      const name = signal === 'SIGINT' ? 'Ctrl-C' : signal;
      expect(JSON.parse(server.stderr.trimEnd().split('\n').at(-1) as string)).toMatchObject({
        msg: `ended by a second ${name}; 1 request aborted`,
        inFlight: 1,
      });
      connection.destroy();
    },
  );

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'exits with code 0 even if another %s comes during the exit',
    async (signal) => {
      const server = startServer();
      await server.url();
      server.kill('SIGTERM');
      const end = performance.now() + 0.8 * SIGNAL_AGAIN_MS;
      const timer = setInterval(() => {
        if (performance.now() < end) server.kill(signal);
      }, 1);
      expect(await server.exited).toBe(0);
      clearInterval(timer);
    },
  );

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'treats another %s within a second as the same stop',
    async (signal) => {
      const server = startServer();
      const url = await server.url();
      const connection = await RawConnection.open(url);
      const body = '{"messages": [{"role": "user", "content": "What is a mock server good for?"}]}';
      connection.send(
        `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n{`,
      );
      server.kill('SIGTERM');
      await vi.waitUntil(async () => (await fetch(`${url}/ready`)).status === 503, { ...WAIT, interval: 5 });
      server.kill(signal);
      connection.send(body.slice(1));
      await connection.closed;
      expect(connection.answers.map(({ status }) => status)).toEqual([200]);
      expect(await server.exited).toBe(0);
    },
  );
});
