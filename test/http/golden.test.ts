/** The bytes on the wire. `UPDATE_GOLDEN=1` rewrites the files; review every line that changes. */

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { post, serveApp } from '../support/app.js';

const folder = new URL('../golden/', import.meta.url);
const TRANSPORT_HEADERS = ['connection', 'date', 'keep-alive'];

let base: string;
beforeAll(async () => {
  base = await serveApp(fileURLToPath(new URL('dataset.json', folder)));
});

/** A response as text: status, headers sorted by name, and the body's bytes. */
async function exchange(response: Response): Promise<Buffer> {
  const headers = [...response.headers].filter(([name]) => !TRANSPORT_HEADERS.includes(name));
  const head = [String(response.status), ...headers.map(([name, value]) => `${name}: ${value}`), '', ''].join(
    '\n',
  );
  return Buffer.concat([Buffer.from(head), Buffer.from(await response.arrayBuffer())]);
}

async function expectGolden(name: string, response: Response): Promise<void> {
  const actual = await exchange(response);
  const file = new URL(`${name}.http`, folder);
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, actual);
  expect(actual.toString('utf8')).toBe(readFileSync(file, 'utf8'));
  expect(actual.equals(readFileSync(file))).toBe(true);
}

const user = (content: unknown) => ({ role: 'user', content });
const chat = (body: object) => post(`${base}/v1/chat/completions`, body);
const respond = (body: object) => post(`${base}/v1/responses`, body);
const claude = (body: object, path = '') =>
  post(`${base}/v1/messages${path}`, { model: 'claude', max_tokens: 100, ...body });
const older = (path: string, conversation: object) =>
  post(`${base}/api/v1/chat/completion${path}`, { conversation });

describe('the bytes of', () => {
  it('a chat completion', async () => {
    await expectGolden('chat', await chat({ model: 'gpt-4o', messages: [user('Say it.')] }));
  });

  it('a chat completion from a conversation whose id needs encoding', async () => {
    const messages = [{ role: 'system', content: 'Be brief.' }, user('continue')];
    await expectGolden('chat-system', await chat({ messages }));
  });

  it('a stream', async () => {
    await expectGolden(
      'chat-stream',
      await chat({ model: 'gpt-4o', messages: [user('Say it.')], stream: true }),
    );
  });

  it('a stream with usage', async () => {
    const stream_options = { include_usage: true };
    await expectGolden(
      'chat-stream-usage',
      await chat({ messages: [user('continue')], stream: true, stream_options }),
    );
  });

  it('a stream of an empty reply', async () => {
    await expectGolden('chat-stream-empty', await chat({ messages: [user('Nothing?')], stream: true }));
  });

  it('a miss', async () => {
    await expectGolden('chat-miss', await chat({ messages: [user('Say it')], stream: true }));
  });

  it('a response', async () => {
    await expectGolden('response', await respond({ model: 'gpt-4o', input: 'Say it.' }));
  });

  it('a stream of a response', async () => {
    await expectGolden('response-stream', await respond({ model: 'gpt-4o', input: 'Say it.', stream: true }));
  });

  it('a miss of a response', async () => {
    await expectGolden('response-miss', await respond({ input: [user('Say it')], stream: true }));
  });

  it('a message', async () => {
    await expectGolden('message', await claude({ messages: [user('Say it.')] }));
  });

  it('a stream of a message', async () => {
    await expectGolden('message-stream', await claude({ messages: [user('Say it.')], stream: true }));
  });

  it('a stream of an empty message', async () => {
    await expectGolden('message-stream-empty', await claude({ messages: [user('Nothing?')], stream: true }));
  });

  it('a miss of a message', async () => {
    await expectGolden('message-miss', await claude({ messages: [user('Say it')], stream: true }));
  });

  it('a token count of a message', async () => {
    await expectGolden('message-tokens', await claude({ messages: [user('Say it.')] }, '/count_tokens'));
  });

  it('the list of models, for a client of Anthropic', async () => {
    const headers = { 'anthropic-version': '2023-06-01' };
    await expectGolden('models-anthropic', await fetch(`${base}/v1/models`, { headers }));
  });

  it('the list of models', async () => {
    await expectGolden('models', await fetch(`${base}/v1/models`));
  });

  it('a readiness response', async () => {
    await expectGolden('ready', await fetch(`${base}/ready`));
  });

  it.each(['', '/v1'])('a hit of the legacy API (/completion%s)', async (path) => {
    await expectGolden('legacy-hit', await older(path, { from: 'human', value: 'Say it.' }));
    await expectGolden('legacy-hit', await older(path, { from: 'human', value: 'Say it.' }));
  });

  it.each(['', '/v1'])('a miss of the legacy API (/completion%s)', async (path) => {
    await expectGolden('legacy-miss', await older(path, { from: 'human', value: 'Say it' }));
  });

  it('a legacy request without a value', async () => {
    await expectGolden('legacy-invalid', await older('', { from: 'human' }));
  });

  it('an unknown path', async () => {
    await expectGolden('unknown-url', await fetch(`${base}/v1/nothing?q=1`));
  });
});
