/** A server as in production: its keys in a file, its log, its limits, its signals. */

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, constants, mkdtempSync, openSync, readSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { LOG_BYTES_MAX } from '#dist/core/limits.js';
import { ApiKeys } from '#dist/http/api-keys.js';
import { post } from '../support/app.js';
import { program, ServerProcess, startServer, startShared } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';
import { WAIT } from '../support/wait.js';

const folder = temporaryFolder();
const PROMPT = 'What is a mock server good for?';
const ask = (url: string, prompt = PROMPT, headers: Record<string, string> = {}) =>
  post(`${url}/v1/chat/completions`, { messages: [{ role: 'user', content: prompt }] }, headers);
const asKey = async (url: string, key: string) =>
  (await ask(url, PROMPT, { authorization: `Bearer ${key}` })).status;

function keyFile(content: string): string {
  const path = join(mkdtempSync(join(folder, 'keys-')), 'keys');
  writeFileSync(path, content);
  return path;
}

/** The lines of a log with a given message. */
function linesOf(log: string): Record<string, unknown>[] {
  return log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** A server whose log has a line for each request. */
let shared: ServerProcess;
beforeAll(async () => {
  shared = startShared(['--log-level', 'info']);
  await shared.url();
});

describe('keys in a file', () => {
  it('are read at the start, and again at SIGHUP, and stay as they were while the file has none', async () => {
    const path = keyFile('first\n  second \n\n');
    const server = startServer(['--log-level', 'info'], { API_KEYS: `@${path}` });
    const url = await server.url();
    expect([await asKey(url, 'first'), await asKey(url, 'second'), await asKey(url, '')]).toEqual([
      200, 200, 401,
    ]);
    const [, curl] = await server.waitFor(/^try: (curl .*)$/m);
    const options = { encoding: 'utf8', cwd: '/' } as const;
    expect(execFileSync('bash', ['-c', `${curl} --silent`], options)).toContain('"choices"');
    writeFileSync(path, 'third\n');
    server.kill('SIGHUP');
    await server.waitFor(/API keys reloaded/, 'stderr');
    expect([await asKey(url, 'first'), await asKey(url, 'third')]).toEqual([401, 200]);
    writeFileSync(path, '\n');
    server.kill('SIGHUP');
    await server.waitFor(/it has none; previous keys kept/, 'stderr');
    expect([await asKey(url, 'third'), await asKey(url, 'other')]).toEqual([200, 401]);
    for (const key of ['first', 'third']) expect(server.stderr).not.toContain(key);
  });

  it.each([
    ['that does not exist', join(folder, 'nowhere'), "it can't be read (ENOENT)"],
    ['that is empty', keyFile(' \n'), 'it has none'],
  ])('end a start with one line for a file %s', async (_, path, problem) => {
    const server = startServer([], { API_KEYS: `@${path}` });
    expect(await server.exited).toBe(2);
    expect(server.stderr).toBe(
      `verbatim: API_KEYS: expected a file of keys, one a line, at '${path}'; ${problem}\n`,
    );
  });
});

describe('a server that listens to all', () => {
  it('warns without keys, but not with keys or on a loopback address', async () => {
    const hasWarned = ({ stderr }: ServerProcess) =>
      stderr.includes('listening beyond this machine without API keys: set API_KEYS');
    const warns = async (host: string, env: Record<string, string> = {}) => {
      const server = startServer(['--host', host, '--log-level', 'warn'], env);
      await server.url();
      return hasWarned(server);
    };
    expect(await warns('0.0.0.0')).toBe(true);
    expect(await warns('::')).toBe(true);
    expect(await warns('0.0.0.0', { API_KEYS: 'k' })).toBe(false);
    // It listens on the default, 127.0.0.1.
    expect(hasWarned(shared)).toBe(false);
  });
});

describe('the log', () => {
  it('has one line of the same shape for each request, without prompts or keys, whatever is sent, and ends with a summary', async () => {
    const server = startServer(['--log-level', 'info', '--drain-ms', '1234'], { API_KEYS: 'the-key' });
    const url = await server.url();
    const key = { authorization: 'Bearer the-key' };
    await ask(url, PROMPT, { ...key, 'x-request-id': 'hit' });
    await ask(url, 'a secret prompt', { ...key, 'x-request-id': 'miss' });
    await ask(url, PROMPT, { authorization: 'Bearer wrong-key', 'x-request-id': 'refused' });
    await fetch(`${url}/v1/x%0a%22%7d?q=secret-query`, { headers: { ...key, 'x-request-id': 'odd path' } });
    await post(`${url}/v1/chat/completions`, '{"messages": "secret body', { ...key, 'x-request-id': 'bad' });
    server.kill('SIGTERM');
    expect(await server.exited).toBe(0);
    const requests = linesOf(server.stderr).filter(({ msg }) => msg === 'request');
    const base = { method: 'POST', path: '/v1/chat/completions', durationMs: expect.any(Number) };
    expect(requests).toEqual([
      expect.objectContaining({
        ...base,
        requestId: 'hit',
        status: 200,
        match: 'context',
        source: expect.any(String),
      }),
      expect.objectContaining({ ...base, requestId: 'miss', status: 404, match: 'none' }),
      expect.objectContaining({ ...base, requestId: 'refused', status: 401 }),
      expect.objectContaining({
        path: '/v1/x%0a%22%7d',
        status: 404,
        requestId: expect.stringMatching(/^req_/),
      }),
      expect.objectContaining({ ...base, requestId: 'bad', status: 400 }),
    ]);
    for (const secret of ['secret', 'mock server', 'the-key', 'wrong-key'])
      expect(server.stderr).not.toContain(secret);
    expect(linesOf(server.stderr).slice(-2)).toEqual([
      expect.objectContaining({ msg: 'stopping', signal: 'SIGTERM', inFlight: 0, drainMs: 1234 }),
      expect.objectContaining({ msg: 'stopped', requests: 5, hits: { context: 1 }, misses: 1 }),
    ]);
  });

  it('is readable text if set', async () => {
    const server = startServer(['--log-level', 'debug', '--log-format', 'pretty', '--index-dir', 'none']);
    const url = await server.url();
    await ask(url);
    await ask(url, 'never\nrecorded');
    server.kill('SIGINT');
    expect(await server.exited).toBe(0);
    const lines = server.stderr.split('\n');
    // Each has a time, a level and a text, on one line.
    expect(lines.pop()).toBe('');
    for (const line of lines) expect(line).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] [A-Z]+: \S/);
    const texts = lines.map((line) => line.replace(/^.*? [A-Z]+: /, ''));
    const text = texts.join('\n');
    expect(text).toMatch(/^200 POST \/v1\/chat\/completions sample context \S+#\d+ \d+ ms$/m);
    expect(text).toMatch(/^404 POST \/v1\/chat\/completions miss \d+ ms "never\\nrecorded"$/m);
    expect(texts.filter((each) => /^index ready/.test(each))).toHaveLength(1);
    expect(texts.at(-2)).toBe('stopping: no requests in flight');
    expect(texts.at(-1)).toMatch(
      /^stopped after \d+ s: 2 requests; 2 lookups: 1 hit \(context 1\), 1 miss; median [\d.]+ ms, p99 [\d.]+ ms$/,
    );
  });
});

describe('keys that no client can send', () => {
  it.each(['ключ', 'a b', 'c\u0001'])('are rejected in a file: %j', (key) => {
    const expected = /^API_KEYS: expected .*printable ASCII[^\n]*$/;
    expect(() => new ApiKeys({ file: keyFile(`good\n${key}`) })).toThrow(expected);
  });

  it('are rejected if the file may be endless', async () => {
    const path = join(mkdtempSync(join(folder, 'keys-')), 'fifo');
    execFileSync('mkfifo', [path]);
    const server = startServer([], { API_KEYS: `@${path}` });
    expect(await server.exited).toBe(2);
    expect(server.stderr).toContain("isn't a regular file");
  });
});

describe('the log', () => {
  it('has the requested path, whatever has answered', async () => {
    const url = await shared.url();
    const before = shared.stderr.length;
    await ask(url);
    await ask(url);
    await fetch(`${url}/v1/models/a?b=c`);
    await post(`${url}/api/v1/chat/completion`, { conversation: { from: 'human', value: PROMPT } });
    await shared.waitFor(/chat\/completion",/, 'stderr');
    const paths = linesOf(shared.stderr.slice(before)).flatMap(({ path }) => path ?? []);
    const chat = '/v1/chat/completions';
    expect(paths).toEqual([chat, chat, '/v1/models/a', '/api/v1/chat/completion']);
  });
});

describe('input that is not a request', () => {
  it('has a line in the log, and is counted', async () => {
    const url = await shared.url();
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.end('nonsense\r\n\r\n');
    expect((await socket.toArray()).join('')).toMatch(/^HTTP\/1\.1 400 /);
    await shared.waitFor(
      /"status":400,"reason":"HPE_INVALID_METHOD","remoteAddress":"127.0.0.1","msg":"connection rejected"/,
      'stderr',
    );
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('verbatim_requests_total{route="other",status="400",match="",model=""} 1');
  });
});

describe('a request for tokens', () => {
  it('that takes longer than REQUEST_TIMEOUT_MS gets 503', async () => {
    const server = startServer(['--request-timeout-ms', '50']);
    const url = await server.url();
    // Words without spaces take longest to tokenize: these take seconds.
    const prompt = randomBytes(3_000_000)
      .toString('base64')
      .replace(/[^a-z]/g, '')
      .slice(0, 1_000_000);
    const late = await post(`${url}/tokenize`, { prompt });
    expect(late.status).toBe(503);
    expect(await late.json()).toMatchObject({ error: { code: 'timed_out' } });
    expect((await fetch(`${url}/ready`)).status).toBe(200);
  });
});

describe('a lookup', () => {
  it('that takes longer than REQUEST_TIMEOUT_MS gets 503, and the next ones are answered', async () => {
    const path = join(folder, 'large.json');
    const conversations = Array.from({ length: 10_000 }, (_, i) => ({
      conversations: [
        { from: 'human', value: `prompt ${i}` },
        { from: 'gpt', value: `reply ${i} `.repeat(100) },
      ],
    }));
    writeFileSync(path, JSON.stringify(conversations));
    const server = startServer([path, '--engine', 'sweep', '--workers', '1', '--request-timeout-ms', '1']);
    const url = await server.url();
    const late = await ask(url, 'nowhere');
    expect(late.status).toBe(503);
    expect(late.headers.get('retry-after')).toBe('1');
    expect(await late.json()).toMatchObject({ error: { code: 'timed_out', type: 'server_error' } });
    const older = await post(`${url}/api/v1/chat/completion`, {
      conversation: { from: 'human', value: 'nowhere' },
    });
    expect(older.status).toBe(503);
    expect((await fetch(`${url}/ready`)).status).toBe(200);
  });

  it('by the index is not held up by a sweep', async () => {
    const path = join(folder, 'large.json');
    const server = startServer([path, '--engine', 'auto', '--workers', '1', '--index-dir', 'none']);
    const url = await server.url();
    const sweeps = Array.from({ length: 20 }, (_, i) => ask(url, `nowhere ${i}`));
    await server.waitFor(/index ready/, 'stderr');
    expect((await ask(url, 'prompt 9999')).status).toBe(200);
    for (const answer of await Promise.all(sweeps)) expect(answer.status).toBe(404);
  });
});

/** A server whose log goes into a pipe that isn't read until the test reads it. */
async function startUnread(format: string) {
  const fifo = join(mkdtempSync(join(folder, 'log-')), 'fifo');
  execFileSync('mkfifo', [fifo]);
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  onTestFinished(() => closeSync(reader));
  const command = `exec '${process.execPath}' '${program}' --log-level info --log-format ${format} 2>'${fifo}'`;
  const server = new ServerProcess('bash', ['-c', command]);
  return { server, url: await server.url(), reader };
}

/** Requests this number of paths, each with a long line in the log. */
async function logLines(url: string, count: number): Promise<void> {
  const ask = () => fetch(`${url}/nowhere/${'a'.repeat(12_000)}`);
  const answers = await Promise.all(Array.from({ length: count }, ask));
  expect(answers.map(({ status }) => status)).toEqual(Array(count).fill(404));
}

describe('a log whose reader stops', () => {
  it.each(['json', 'pretty'])('drops lines, %s, and counts them when it is read again', async (format) => {
    const { server, url, reader } = await startUnread(format);
    // The pipe holds 64 KiB, the server buffers another megabyte.
    const requests = 120;
    await logLines(url, requests);
    let log = '';
    const part = Buffer.alloc(100_000);
    const read = () => {
      try {
        log += part.toString('utf8', 0, readSync(reader, part));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      }
      expect(log).toMatch(/log lines dropped/);
    };
    await vi.waitFor(read, { ...WAIT, interval: 5 });
    const dropped = Number(/"?lines"?: ?(\d+)/.exec(log)?.[1]);
    expect(dropped).toBeGreaterThan(0);
    expect(dropped + (log.match(/\/nowhere\//g) ?? []).length).toBe(requests);
    expect(log.length).toBeGreaterThan(LOG_BYTES_MAX);
    server.kill('SIGTERM');
    expect(await server.exited).toBe(0);
  });

  it('does not keep the server from ending', async () => {
    const { server, url } = await startUnread('json');
    await logLines(url, 10);
    server.kill('SIGTERM');
    expect(await server.exited).toBe(0);
  });

  it.each(['json', 'pretty'])('does not end the server when it disconnects, %s', async (format) => {
    const server = startServer(['--log-level', 'info', '--log-format', format]);
    const url = await server.url();
    server.closeStderr();
    for (let i = 0; i < 3; i++) expect((await ask(url)).status).toBe(200);
    server.kill('SIGTERM');
    expect(await server.exited).toBe(0);
  });
});

describe('control characters in a path', () => {
  it.each(['json', 'pretty'])('are escaped in the log, %s, and in what is printed', async (format) => {
    const path = join(folder, 'odd \u001b[31m\u009b31m\u007f\u0085.json');
    writeFileSync(path, '[{"conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}]');
    const server = startServer([path, '--log-level', 'debug', '--log-format', format]);
    await server.url();
    await server.waitFor(/odd \\u001b\[31m\\u009b31m\\u007f\\u0085\.json/);
    await server.waitFor(/odd \\+u001b\[31m\\+u009b31m\\+u007f\\+u0085\.json/, 'stderr');
    expect(server.stdout + server.stderr).not.toMatch(/[^\P{Cc}\n]/u);
  });
});

it('a log line about a file that is not served says why, without a stack', async () => {
  const path = mkdtempSync(join(folder, 'of-'));
  writeFileSync(join(path, 'a.jsonl'), '{"prompt": "Q", "response": "A"}\n');
  writeFileSync(join(path, 'b.jsonl'), 'oops');
  const server = startServer([path], { INDEX_DIR: 'none' });
  await server.url();
  const line = server.stderr.split('\n').find((each) => each.includes('a file of the dataset is not served'));
  expect(line).toMatch(/b\.jsonl: found 'o'/);
  expect(line).not.toContain('"stack"');
});
