/** Responses that bypass Express equal those of Express, byte for byte. */

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { randomIds } from '#dist/http/random-ids.js';
import { post, serveApp } from '../support/app.js';
import { temporaryFolder } from '../support/temporary.js';

const golden = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));

let base: string;
beforeAll(async () => {
  base = await serveApp(golden);
});

interface Answer {
  readonly status: number | undefined;
  readonly headers: object;
  readonly body: string;
}

/**
 * @param isPlain false for a body of unknown length, which Express handles
 * @param agent false for a connection that closes after the response
 */
async function ask(path: string, body: object, isPlain: boolean, agent?: false): Promise<Answer> {
  const text = JSON.stringify(body);
  const length = isPlain ? { 'content-length': Buffer.byteLength(text) } : { 'transfer-encoding': 'chunked' };
  const asked = request(base + path, {
    method: 'POST',
    ...(agent === false && { agent }),
    headers: { 'content-type': 'application/json', ...length },
  });
  asked.end(text);
  const [response] = await once(asked, 'response');
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  const { date, ...headers } = response.headers as { readonly date: string };
  expect(date).toBe(new Date(date).toUTCString());
  return { status: response.statusCode, headers, body: Buffer.concat(parts).toString('latin1') };
}

const user = (content: string) => ({ messages: [{ role: 'user', content }] });

describe('an answer that bypasses Express', () => {
  it.each([
    ['/v1/chat/completions', { model: 'gpt-4o', ...user('Say it.') }],
    ['/v1/chat/completions', { model: '日本"content":""', ...user('Say it.') }],
    ['/v1/chat/completions', { ...user('Say it.'), n: 3 }],
    ['/v1/chat/completions', { ...user('Say it.'), stop: ['naïve'] }],
    ['/v1/chat/completions', { ...user('  Say   it. ') }],
    ['/v1/chat/completions', { ...user('continue'), stream: true }],
    ['/v1/chat/completions', { ...user('Say it.'), stream: true, stream_options: { include_usage: true } }],
    ['/v1/chat/completions', { ...user('continue'), max_tokens: 1 }],
    ['/v1/chat/completions', user('nowhere')],
    ['/v1/chat/completions', { messages: [] }],
    ['/chat/completions', user('continue')],
    ['/v1/completions', { prompt: 'Say it.' }],
    ['/v1/completions', { prompt: 'Say it.', echo: true, stream: true }],
    ['/v1/completions', { prompt: ['Say it.', 'continue'] }],
  ])('equals that of Express: %s %j', async (path, body) => {
    const expected = await ask(path, body, false);
    // Tokens are counted by now; the second response comes from the cache.
    expect(await ask(path, body, true)).toEqual(expected);
    expect(await ask(path, body, true)).toEqual(expected);
  });

  it.each([false, true])('is the same on a connection that closes after it: streamed %s', async (stream) => {
    const body = { ...user('Say it.'), stream };
    const expected = await ask('/v1/chat/completions', body, false, false);
    expect(expected.headers).toMatchObject({ connection: 'close' });
    expect(await ask('/v1/chat/completions', body, true, false)).toEqual(expected);
  });

  it('is sent once for each request of a connection', async () => {
    const text = JSON.stringify(user('Say it.'));
    const rest = `host: x\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n`;
    const post = `POST /v1/chat/completions HTTP/1.1\r\n${rest}`;
    const socket = connect(Number(new URL(base).port), '127.0.0.1');
    socket.write(`${post}\r\n${text}`);
    const [first] = await once(socket, 'data');
    socket.end(`${post}\r\n${text}${post}\r\n${text}${post}connection: close\r\n\r\n${text}`);
    const parts = [first, ...(await socket.toArray())] as Buffer[];
    const heads = Buffer.concat(parts).toString('latin1').split('HTTP/1.1 ').slice(1);
    expect(heads.map((answer) => /^200 OK\r\n[^{]*\r\n\r\n\{"id".*\}$/.test(answer))).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  it('is the same for many simultaneous requests of one stream', async () => {
    const body = { ...user('Say it.'), stream: true };
    const expected = await ask('/v1/chat/completions', body, false);
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => ask('/v1/chat/completions', body, true)),
    );
    for (const answer of answers) expect(answer).toEqual(expected);
  });

  it('is a separate stream for each client, even if one reads late', async () => {
    const path = join(temporaryFolder(), 'long.json');
    const turns = [
      { from: 'human', value: 'long' },
      { from: 'gpt', value: 'word '.repeat(500) },
    ];
    writeFileSync(path, JSON.stringify([{ conversations: turns }]));
    const url = await serveApp(path, { newId: randomIds() });
    const port = Number(new URL(url).port);
    const body = JSON.stringify({ ...user('long'), stream: true });
    const head = `host: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
    const one = `POST /v1/chat/completions HTTP/1.1\r\n${head}\r\n\r\n${body}`;
    const last = one.replace('\r\n', '\r\nconnection: close\r\n');
    const open = async () => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    };
    const answers: string[] = [];
    /** Reads a response on its own connection. */
    const read = async (socket: Socket) => {
      let answer = '';
      while (!answer.endsWith('\r\n0\r\n\r\n')) {
        answer += socket.read()?.toString('latin1') ?? '';
        if (!answer.endsWith('\r\n0\r\n\r\n')) await once(socket, 'readable');
      }
      answers.push(answer);
    };
    // Until the response is cached.
    await (await post(`${url}/v1/chat/completions`, body)).text();
    const late = await open();
    const others = await Promise.all([open(), open(), open()]);
    // Eventually the kernel's buffers can't hold the rest of an unread response.
    for (let time = 0; time < 120; time++) {
      for (const socket of others) socket.write(one);
      late.write(one);
      await Promise.all(others.map(read));
      for (const socket of others) socket.write(one);
      await Promise.all(others.map(read));
    }
    for (const socket of others) socket.destroy();
    late.write(last);
    const [, ...streams] = Buffer.concat(await late.toArray())
      .toString('latin1')
      .split('HTTP/1.1 200 OK');
    for (const stream of [...answers, ...streams]) {
      const ids = stream.match(/"id":"chatcmpl-\w+"/g) ?? [];
      expect(ids.length).toBeGreaterThan(500);
      expect(new Set(ids).size).toBe(1);
    }
  });
});
