/** Slow work for one client delays no other client. */

import { createServer } from 'node:http';
import { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, it, vi } from 'vitest';
import { byteCount } from '#dist/core/bytes.js';
import { STEP_SLAB_BYTES } from '#dist/core/limits.js';
import type { App } from '#dist/http/app.js';
import { estimatingCounter } from '#dist/lookup/token-counter.js';
import { appOf, post, serveApp } from '../support/app.js';
import { WAIT } from '../support/wait.js';

const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));

/** The bytes on a connection whose client accepts all bytes at once, the number of event loop turns, and the number of pieces. */
async function answerTo(
  app: App,
  path: string,
  body: object,
): Promise<{ text: string; turns: number; pieces: number; longest: number }> {
  let turns = 0;
  const counter = setInterval(() => void turns++);
  const parts: Buffer[] = [];
  const connection = new Duplex({
    read: () => {},
    write: (bytes: Buffer, _encoding, done) => {
      parts.push(Buffer.from(bytes));
      done();
    },
  });
  createServer(app.classes, app.handle).emit('connection', connection);
  const text = JSON.stringify(body);
  connection.push(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
  await vi.waitUntil(() => isWhole(parts), { ...WAIT, interval: 1 });
  clearInterval(counter);
  connection.destroy();
  const longest = Math.max(...parts.map(({ length }) => length));
  return { text: Buffer.concat(parts).toString(), turns, pieces: parts.length, longest };
}

function isWhole(parts: readonly Buffer[]): boolean {
  if (parts.at(-1)?.subarray(-5).toString() === '0\r\n\r\n') return true;
  const head = /^content-length: (\d+)\r\n.*?\r\n\r\n/ims.exec(parts[0]?.toString('latin1', 0, 2000) ?? '');
  const bytes = parts.reduce((sum, { length }) => sum + length, 0);
  return head !== null && bytes >= head.index + head[0].length + Number(head[1]);
}

const words = Array.from({ length: 20_000 }, (_, i) => `word${i % 999} and`).join(' ');
const chat = { messages: [{ role: 'user', content: 'nowhere' }], stream: true };
const usage = { include_usage: true, continuous_usage_stats: true };

it.each([
  ['a stream of many choices', '/v1/chat/completions', { ...chat, n: 4 }],
  ['a stream whose pieces are counted', '/v1/chat/completions', { ...chat, n: 2, stream_options: usage }],
  ['a stream of many prompts', '/v1/completions', { prompt: Array(4).fill('nowhere'), stream: true }],
  ['the stream of a response', '/v1/responses', { input: 'nowhere', stream: true }],
])('%s that its client reads at once lets other requests in between', async (_what, path, body) => {
  const app = await appOf(dataset, { fallback: words, tokens: estimatingCounter });
  const { text, turns, longest } = await answerTo(app, path, body);
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(turns).toBeGreaterThan(5);
  // An event longer than a slab is sent alone.
  const event = text.split('\n\n').reduce((most, { length }) => Math.max(most, length), 0) + 1024;
  expect(longest).toBeLessThanOrEqual(Math.max(STEP_SLAB_BYTES, event));
});

it.each([
  ['the tokens of a long text', '/tokenize', { prompt: words.repeat(4) }],
  [
    'a response that echoes much',
    '/v1/responses',
    { input: 'nowhere', instructions: '\n'.repeat(1_000_000) },
  ],
])('%s are sent in pieces', async (_what, path, body) => {
  const app = await appOf(dataset, {
    fallback: words,
    tokens: estimatingCounter,
    bodyLimit: byteCount(4_000_000),
  });
  const { text, pieces } = await answerTo(app, path, body);
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(pieces).toBeGreaterThan(2);
});

it('a request with 5 MB of text lets others be answered in between', async () => {
  const base = await serveApp(dataset, { fallback: 'a reply', bodyLimit: byteCount(8_000_000) });
  let isDone = false;
  const long = post(`${base}/v1/completions`, { prompt: words.slice(0, 5_000_000 / 20).repeat(20) }).finally(
    () => {
      isDone = true;
    },
  );
  let answered = 0;
  for (; !isDone; answered++) {
    const answer = await post(`${base}/v1/completions`, { prompt: 'nowhere' });
    expect(answer.status).toBe(200);
  }
  expect((await long).status).toBe(200);
  expect(answered).toBeGreaterThan(5);
});
