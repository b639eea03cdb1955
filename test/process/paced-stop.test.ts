/** A server with delays and failures that is stopped. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { readEvents } from '../support/apis.js';
import { RawConnection } from '../support/raw-connection.js';
import { type ServerProcess, startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';
import { WAIT } from '../support/wait.js';

const PROMPT = 'Count.';
const REPLY = Array.from({ length: 40 }, (_, i) => `number ${i}`).join(', ');
/** A stream of the reply takes a second. */
const DELAYS = ['--time-to-first-token', '50', '--inter-token-latency', '8'];
/** More than a second, and less than `DRAIN_MS`: what must not wait for the end of that time ends before. */
const TIMEOUT = { timeout: 20_000 };

async function start(args: readonly string[]): Promise<{ server: ServerProcess; url: string }> {
  const dataset = join(temporaryFolder(), 'count.json');
  const conversations = [
    { from: 'human', value: PROMPT },
    { from: 'gpt', value: REPLY },
  ];
  writeFileSync(dataset, JSON.stringify([{ conversations }]));
  const server = startServer([dataset, ...DELAYS, ...args]);
  return { server, url: await server.url() };
}

/** A request on a connection of its own, which has been sent. */
async function ask(url: string, headers: Readonly<Record<string, string>> = {}): Promise<RawConnection> {
  const connection = await RawConnection.open(url);
  await connection.send(requestOf(headers));
  return connection;
}

function requestOf(headers: Readonly<Record<string, string>>): string {
  const body = JSON.stringify({ messages: [{ role: 'user', content: PROMPT }], stream: true });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n${lines.join('')}content-length: ${body.length}\r\n\r\n${body}`;
}

/** Waits until the server answers this number of requests, with the one that asks for it. */
async function waitForRequests(url: string, count: number): Promise<void> {
  await vi.waitUntil(async () => {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    return Number(/^verbatim_requests_in_flight (\d+)/m.exec(metrics)?.[1]) === count + 1;
  }, WAIT);
}

/** The text of a stream that has all of its events. */
async function textOf(connection: RawConnection): Promise<string | undefined> {
  await connection.waitFor(1);
  const { events, isEnded } = readEvents(String(connection.answers[0]?.body));
  const pieces = events.map(
    (event) => (event as { choices: [{ delta: { content?: string } }] }).choices[0].delta,
  );
  return isEnded ? pieces.map(({ content }) => content ?? '').join('') : undefined;
}

describe('a server that stops', () => {
  it('finishes streams at their pace', TIMEOUT, async () => {
    const { server, url } = await start([]);
    const connections = await Promise.all(Array.from({ length: 20 }, () => ask(url)));
    await Promise.all(connections.map((connection) => connection.begun()));
    server.kill('SIGTERM');
    for (const connection of connections) expect(await textOf(connection)).toBe(REPLY);
    expect(await server.exited).toBe(0);
  });

  it('aborts after DRAIN_MS those that take longer', TIMEOUT, async () => {
    const { server, url } = await start(['--drain-ms', '300']);
    const connection = await ask(url, { 'x-verbatim-fail': 'stall@1:3600000' });
    await connection.begun();
    server.kill('SIGTERM');
    expect(await server.exited).toBe(0);
    await connection.closed;
    expect(connection.answers).toEqual([]);
  });

  it('disconnects at once the requests that are never answered', TIMEOUT, async () => {
    const { server, url } = await start(['--drain-ms', '600000']);
    const connections = await Promise.all(
      Array.from({ length: 20 }, () => ask(url, { 'x-verbatim-fail': 'hang' })),
    );
    await waitForRequests(url, connections.length);
    server.kill('SIGTERM');
    expect(await server.exited).toBe(0);
    for (const connection of connections) {
      await connection.closed;
      expect(connection.answers).toEqual([]);
    }
    expect(server.stderr).not.toContain('MaxListenersExceededWarning');
  });

  it('disconnects at once such a request that is still arriving', TIMEOUT, async () => {
    const { server, url } = await start(['--drain-ms', '600000']);
    const connection = await RawConnection.open(url);
    const request = requestOf({ 'x-verbatim-fail': 'hang' });
    await connection.send(request.slice(0, -1));
    await waitForRequests(url, 1);
    server.kill('SIGTERM');
    await server.waitForRefusal(url);
    await connection.send(request.slice(-1));
    await connection.closed;
    expect(connection.answers).toEqual([]);
    expect(await server.exited).toBe(0);
  });

  it('answers the requests that wait for others', TIMEOUT, async () => {
    const { server, url } = await start(['--max-num-seqs', '1']);
    const running = await ask(url);
    await running.begun();
    const waiting = [await ask(url), await ask(url)];
    await waitForRequests(url, 3);
    server.kill('SIGTERM');
    for (const connection of [running, ...waiting]) expect(await textOf(connection)).toBe(REPLY);
    expect(await server.exited).toBe(0);
  });
});
