/** A server with as much memory as the Kubernetes manifest gives it, and bodies that would become more. */

import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { post } from '../support/app.js';
import { startServer } from '../support/server-process.js';

const MB = 1_000_000;
const PATH = '/v1/chat/completions';
const said = (content: string, x: string) => `{"messages":[{"role":"user","content":"${content}"}],"x":${x}}`;

it('goes on, whatever bodies hold', async () => {
  const server = startServer([], { NODE_OPTIONS: '--max-old-space-size=256', USAGE: 'estimate' });
  const url = await server.url();
  const hit = said('What is a mock server good for?', '1');
  // A kilobyte of these takes a megabyte when it is inflated, and a hundred when it is parsed.
  const bomb = new Uint8Array(gzipSync(said('hi', `[${'{},'.repeat((15 * MB) / 3)}{}]`)));
  const headers = { 'content-encoding': 'gzip' };
  const bombs = Array.from({ length: 2 }, () => fetch(url + PATH, { method: 'POST', headers, body: bomb }));
  for (const { status } of await Promise.all([...bombs, post(url + PATH, hit)]))
    expect([200, 413, 503]).toContain(status);
  const bodies: readonly (readonly [status: number, body: string])[] = [
    [413, said('hi', `[${'"",'.repeat(5 * MB)}""]`)],
    [400, said('hi', '['.repeat(10 * MB))],
    [404, said('word '.repeat(3 * MB), '1')],
  ];
  for (const [status, body] of bodies) expect((await post(url + PATH, body)).status).toBe(status);
  expect((await post(url + PATH, hit)).status).toBe(200);
});
