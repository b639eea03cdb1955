/** A server with the memory limit of the Kubernetes manifest, and bodies that would expand beyond it. */

import { once } from 'node:events';
import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { beforeAll, expect, it, vi } from 'vitest';
import { post } from '../support/app.js';
import { RawConnection } from '../support/raw-connection.js';
import { type ServerProcess, startServer, startShared } from '../support/server-process.js';
import { WAIT } from '../support/wait.js';

const MB = 1_000_000;
const PATH = '/v1/chat/completions';
const said = (content: string, x: string) => `{"messages":[{"role":"user","content":"${content}"}],"x":${x}}`;

it('the server goes on, whatever bodies contain', async () => {
  const server = startServer([], { NODE_OPTIONS: '--max-old-space-size=256', USAGE: 'estimate' });
  const url = await server.url();
  const hit = said('What is a mock server good for?', '1');
  // A kilobyte of these inflates to a megabyte, and takes a hundred megabytes once parsed.
  const bomb = new Uint8Array(gzipSync(said('hi', `[${'{},'.repeat((15 * MB) / 3)}{}]`)));
  const headers = { 'content-encoding': 'gzip' };
  const bombs = Array.from({ length: 2 }, () => fetch(url + PATH, { method: 'POST', headers, body: bomb }));
  for (const { status } of await Promise.all([...bombs, post(url + PATH, hit)]))
    expect([200, 413, 503]).toContain(status);
  const bodies: readonly (readonly [status: number, body: string])[] = [
    [413, said('hi', `[${'"",'.repeat(5 * MB)}""]`)],
    [400, said('hi', '['.repeat(10 * MB))],
    [404, said('word '.repeat(2 * MB), '1')],
  ];
  for (const [status, body] of bodies) expect((await post(url + PATH, body)).status).toBe(status);
  expect((await post(url + PATH, hit)).status).toBe(200);
});

const WORDS = 'word '.repeat(2 * MB);
const MESSAGES = { messages: Array(10_000).fill({ role: 'user', content: 'x'.repeat(2900) }) };

let shared: ServerProcess;
beforeAll(() => {
  shared = startShared();
});

it.each([
  ['one long string', said(WORDS, '1'), {}],
  ['one long string, compressed', gzipSync(said(WORDS, '1')), { 'content-encoding': 'gzip' }],
  ['white space', said(WORDS.replaceAll(/\w/g, ' '), '1'), {}],
  ['many numbers', said('hi', `[${'12345678901234567890.12345678,'.repeat(MB / 2)}1]`), {}],
  ['many messages', JSON.stringify(MESSAGES), {}],
])('the server answers another client while it handles a body of %s', async (_what, body, headers) => {
  const url = await shared.url();
  const order: string[] = [];
  const bytes = Buffer.from(body);
  const long = request(url + PATH, {
    method: 'POST',
    headers: { 'content-length': bytes.length, ...headers },
  });
  const answered = once(long, 'response').then(([{ statusCode }]) => {
    order.push('long');
    return statusCode;
  });
  const other = await RawConnection.open(url);
  // The last byte is sent after the system has accepted the others.
  await new Promise((resolve) => long.write(bytes.subarray(0, -1), resolve));
  long.end(bytes.subarray(-1));
  const hit = said('What is a mock server good for?', '1');
  other.send(`POST ${PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: ${hit.length}\r\n\r\n${hit}`);
  const short = vi
    .waitUntil(() => other.answers[0], { ...WAIT, interval: 1 })
    .then(({ status }) => {
      order.push('short');
      return status;
    });
  expect(await Promise.all([short, answered])).toEqual([200, 404]);
  expect(order).toEqual(['short', 'long']);
  other.destroy();
});
