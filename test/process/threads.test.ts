import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { NEAREST_HINTS_A_SECOND } from '../../src/core/limits.js';
import { RawConnection } from '../support/raw-connection.js';
import { RedisServer } from '../support/redis.js';
import { type ServerProcess, startServer, startShared } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';
import { WAIT } from '../support/wait.js';

const THREADS = 2;
/** Between two requests of a client under load: without it, clients take the processors from the servers that they test. */
const PAUSE_MS = 50;
const folder = temporaryFolder();

/** A file of conversations whose replies have a mark. */
function dataset(name: string, mark: string, count = 500): string {
  const path = join(folder, name);
  const conversations = Array.from({ length: count }, (_, i) => ({
    id: `c${i}`,
    conversations: [
      { from: 'human', value: `prompt ${i}` },
      { from: 'gpt', value: `reply ${i} ${mark}` },
      { from: 'human', value: 'and then?' },
      { from: 'gpt', value: `then ${i} ${mark}` },
    ],
  }));
  writeFileSync(`${path}.new`, JSON.stringify(conversations));
  renameSync(`${path}.new`, path);
  return path;
}

const env = { HTTP_THREADS: String(THREADS), LOG_FORMAT: 'json', LOG_LEVEL: 'info' };

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** A connection that is kept. */
class Client {
  readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });
  private readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** The answer; rejects if it is cut off. */
  send(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const type = body === undefined ? {} : { 'content-type': 'application/json' };
      const options = { method, agent: this.agent, headers: { ...type, ...headers } };
      const sent = request(`${this.url}${path}`, options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        response.on('close', () => {
          const { statusCode: status = 0, headers: received } = response;
          if (response.complete) resolve({ status, headers: received, body: text });
          else reject(new Error('cut'));
        });
      });
      sent.on('error', reject);
      sent.end(body && JSON.stringify(body));
    });
  }

  chat(content: string, more: object = {}): Promise<Answer> {
    return this.send('POST', '/v1/chat/completions', { messages: [{ role: 'user', content }], ...more });
  }

  close(): void {
    this.agent.destroy();
  }
}

function replyOf({ body }: Answer): string {
  return JSON.parse(body).choices?.[0]?.message.content;
}

/** Waits until all threads answer. */
async function ready(url: string): Promise<void> {
  const isReady = () =>
    fetch(`${url}/ready`).then(
      ({ status }) => status === 200,
      () => false,
    );
  await vi.waitUntil(isReady, WAIT);
}

/** Clients, each with a connection of its own. */
function clientsOf(url: string, count: number): Client[] {
  return Array.from({ length: count }, () => new Client(url));
}

/** The lines of the log. */
function logOf({ stderr }: ServerProcess): readonly Record<string, unknown>[] {
  const lines = stderr.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line));
}

/** The process of a thread. */
async function pidOf(server: ServerProcess, thread: number): Promise<number> {
  const answering = () =>
    logOf(server).findLast((line) => line.thread === thread && line.pid !== server.pid)?.pid;
  await vi.waitUntil(() => answering() !== undefined, WAIT);
  return answering() as number;
}

/** True once a process has ended. */
function hasEnded(pid: number | undefined): boolean {
  try {
    process.kill(pid as number, 0);
    return false;
  } catch {
    return true;
  }
}

/** How many requests each thread has logged, by its number. */
function requestsOf(server: ServerProcess): Map<unknown, number> {
  const counts = new Map<unknown, number>();
  for (const { msg, path, thread } of logOf(server))
    if (msg === 'request' && path === '/v1/chat/completions')
      counts.set(thread, (counts.get(thread) ?? 0) + 1);
  return counts;
}

describe('several threads', () => {
  const server = startShared([dataset('shared.json', 'old')], env);

  it('get as many connections each, and answer what one thread would', async () => {
    const url = await server.url();
    await ready(url);
    const clients = clientsOf(url, 4 * THREADS);
    const before = requestsOf(server);
    const answers = await Promise.all(clients.map((client) => client.chat('prompt 7')));
    const [first, ...others] = answers.map(({ status, body, headers }) => ({
      status,
      body: { ...JSON.parse(body), id: '', created: 0 },
      source: headers['x-verbatim-source'],
      match: headers['x-verbatim-match'],
    }));
    expect(first).toMatchObject({ status: 200, source: 'c7#1', match: 'context' });
    for (const other of others) expect(other).toEqual(first);
    const counted = () =>
      [1, 2].map((thread) => (requestsOf(server).get(thread) ?? 0) - (before.get(thread) ?? 0));
    await vi.waitUntil(() => counted()[0] === 4 && counted()[1] === 4, WAIT);
    for (const client of clients) client.close();
  });

  it.each<[string, string, string, (object | undefined)?, Record<string, string>?]>([
    ['a miss', 'POST', '/v1/chat/completions', { messages: [{ role: 'user', content: 'prompt 7!' }] }],
    ['headers of the greatest length', 'GET', '/v1/models', undefined, { 'x-long': 'a'.repeat(16_295) }],
    ['a benchmark of another path', 'GET', '/api/v1/chat/api/benchmarks?path=/x'],
    [
      'a stream',
      'POST',
      '/v1/chat/completions',
      { messages: [{ role: 'user', content: 'prompt 1' }], stream: true },
    ],
    [
      'a context',
      'POST',
      '/v1/chat/completions',
      {
        messages: [
          { role: 'user', content: 'prompt 9' },
          { role: 'assistant', content: 'reply 9 old' },
          { role: 'user', content: 'and then?' },
        ],
      },
    ],
    ['an invalid field', 'POST', '/v1/chat/completions', { messages: 'none' }],
    [
      'a message',
      'POST',
      '/v1/messages',
      { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'prompt 2' }] },
    ],
    ['embeddings', 'POST', '/v1/embeddings', { model: 'm', input: 'some text' }],
    ['the models', 'GET', '/v1/models'],
    ['a model', 'GET', '/v1/models/shared'],
    ['an unknown path', 'GET', '/v1/nothing'],
    ['another method', 'DELETE', '/v1/chat/completions'],
    ['conversations', 'GET', '/api/datasets/shared/conversations?from=3&limit=2'],
    [
      'an unsupported encoding',
      'POST',
      '/v1/chat/completions',
      { messages: [] },
      { 'content-encoding': 'zz' },
    ],
  ])('answer the same on all connections: %s', async (_what, method, path, body, headers) => {
    const url = await server.url();
    await ready(url);
    const clients = clientsOf(url, THREADS);
    const answers = await Promise.all(clients.map((client) => client.send(method, path, body, headers)));
    const shown = answers.map(({ status, body, headers }) => ({
      status,
      body: body.replaceAll(/"(?:id|created)":\s*("[^"]*"|\d+)/g, ''),
      type: headers['content-type'],
      match: headers['x-verbatim-match'],
    }));
    expect(shown[1]).toEqual(shown[0]);
    for (const client of clients) client.close();
  });

  it('pass on a body of any kind, and its length: chunked, and after 100 Continue', async () => {
    const url = await server.url();
    await ready(url);
    const body = JSON.stringify({ messages: [{ role: 'user', content: 'prompt 3' }] });
    for (let i = 0; i < THREADS; i++) {
      const chunked = await RawConnection.open(url);
      chunked.send(
        'POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
          `Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
      );
      await chunked.closed;
      expect(chunked.answers.map(({ body }) => String(body))).toEqual([
        expect.stringContaining('reply 3 old'),
      ]);
      const expecting = await RawConnection.open(url);
      expecting.send(
        'POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n' +
          `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n`,
      );
      expecting.send(body);
      await expecting.closed;
      expect(expecting.answers.map(({ body }) => String(body))).toEqual([
        expect.stringContaining('reply 3 old'),
      ]);
      expect(expecting.continues).toBe(1);
      const refused = await RawConnection.open(url);
      refused.send(
        'POST /v1/nothing HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\nConnection: close\r\n\r\n',
      );
      await refused.closed;
      expect([refused.answers.map(({ status }) => status), refused.continues]).toEqual([[404], 0]);
    }
  });

  it('name a prompt that has a reply, however many prompts are missed', async () => {
    const url = await server.url();
    await ready(url);
    const clients = clientsOf(url, THREADS);
    for (const client of clients) {
      // The nearest turns, which the main process finds, are looked for in some of them only.
      for (let i = 0; i < 2 * NEAREST_HINTS_A_SECOND + 20; i++) {
        const { status, body } = await client.chat('zzz');
        expect([status, body]).toEqual([
          404,
          expect.stringContaining("A prompt that has a reply: 'prompt 0'"),
        ]);
      }
      client.close();
    }
  });

  it('can be measured, whichever is asked', async () => {
    const url = await server.url();
    await ready(url);
    const clients = clientsOf(url, THREADS);
    for (const client of clients) {
      const answer = await client.send('GET', '/api/v1/chat/api/benchmarks');
      expect([answer.status, answer.body]).toEqual([200, expect.stringContaining('requests_per_minute')]);
      client.close();
    }
  });

  it('share what is stored', async () => {
    const url = await server.url();
    await ready(url);
    const clients = clientsOf(url, 2 * THREADS);
    for (const [i, client] of clients.entries()) {
      const made = await client.send('POST', '/v1/responses', { model: 'm', input: `prompt ${i}` });
      const { id } = JSON.parse(made.body);
      for (const other of clients) {
        const found = await other.send('GET', `/v1/responses/${id}`);
        expect([found.status, JSON.parse(found.body).id]).toEqual([200, id]);
        const next = await other.send('POST', '/v1/responses', {
          model: 'm',
          input: 'and then?',
          previous_response_id: id,
        });
        expect(next.headers['x-verbatim-source']).toBe(`c${i}#3`);
      }
    }
    for (const client of clients) client.close();
  });

  it('give a reply of a test as often as it was given, whichever is asked', async () => {
    const url = await server.url();
    await ready(url);
    const clients = clientsOf(url, 2 * THREADS);
    const given = { prompt: 'prompt 5', reply: 'given', times: 3 };
    expect((await clients[1]?.send('POST', '/api/replies', given))?.status).toBe(200);
    const replies: string[] = [];
    for (const client of [...clients, ...clients]) replies.push(replyOf(await client.chat('prompt 5')));
    expect(replies.slice(0, 3)).toEqual(['given', 'given', 'given']);
    expect(new Set(replies.slice(3))).toEqual(new Set(['reply 5 old']));
    for (const client of clients) client.close();
  });

  it('fail as set over the API, and answer again once that is cleared', async () => {
    const url = await server.url();
    await ready(url);
    const clients = clientsOf(url, 2 * THREADS);
    const set = await clients[0]?.send('POST', '/api/failures', { sequence: '503*3,200,cut' });
    expect(set?.status).toBe(200);
    const outcomes: (number | string)[] = [];
    for (const client of [...clients, ...clients].slice(0, 6))
      outcomes.push(
        await client.chat('prompt 5').then(
          ({ status }) => status,
          () => 'cut',
        ),
      );
    expect(outcomes).toEqual([503, 503, 503, 200, 'cut', 200]);
    expect((await clients[0]?.send('DELETE', '/api/failures'))?.status).toBe(200);
    for (const client of clients) client.close();
  });

  it('end and reset connections as set over the API', async () => {
    const url = await server.url();
    await ready(url);
    const clients = clientsOf(url, 3 * THREADS);
    const set = await clients[0]?.send('POST', '/api/failures', { sequence: 'cut@0*2,reset*2' });
    expect(set?.status).toBe(200);
    const outcomes: unknown[] = [];
    for (const client of clients.slice(THREADS))
      outcomes.push(
        await client.chat('prompt 5').then(
          ({ status }) => status,
          ({ message }) => message,
        ),
      );
    expect(outcomes).toEqual(['socket hang up', 'socket hang up', 'read ECONNRESET', 'read ECONNRESET']);
    expect((await clients[0]?.send('DELETE', '/api/failures'))?.status).toBe(200);
    for (const client of clients) client.close();
  });

  it('count their requests together', async () => {
    const url = await server.url();
    await ready(url);
    const countOf = async () => {
      const text = await (await fetch(`${url}/metrics`)).text();
      const counts = text.matchAll(
        /^verbatim_requests_total\{route="\/v1\/chat\/completions",status="200"[^}]*\} (\d+)/gm,
      );
      return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
    };
    const before = await countOf();
    const clients = clientsOf(url, 5);
    for (const client of clients) await client.chat('prompt 6');
    for (const client of clients) client.close();
    await vi.waitUntil(async () => (await countOf()) === before + 5, WAIT);
  });

  it('leave the port to one server', async () => {
    const { port } = new URL(await server.url());
    const second = startServer([dataset('second.json', 'old')], { ...env, PORT: port });
    expect(await second.exited).toBe(1);
    expect(second.stderr).toContain(`cannot listen on 127.0.0.1:${port}`);
    expect(second.stderr).toContain('port in use');
  });
});

describe('a thread', () => {
  it('that dies is replaced: its connections end, the others go on, and the port stays', async () => {
    const server = startServer([dataset('dies.json', 'old')], env);
    const url = await server.url();
    await ready(url);
    const pid = await pidOf(server, 2);
    const clients = clientsOf(url, 4 * THREADS);
    await Promise.all(clients.map((client) => client.chat('prompt 1')));
    let stopped = false;
    const outcomes = new Map<string, number>();
    const loads = clients.map(async (client) => {
      for (let i = 0; !stopped; i++) {
        const outcome = await client.chat(`prompt ${i % 500}`).then(
          (answer) => (replyOf(answer) === `reply ${i % 500} old` ? 'right' : 'wrong'),
          () => 'ended',
        );
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    });
    process.kill(pid, 'SIGKILL');
    await server.waitFor(/"reason":"SIGKILL","msg":"thread died; replaced"/, 'stderr');
    await vi.waitUntil(async () => (await pidOf(server, 2)) !== pid, WAIT);
    await ready(url);
    stopped = true;
    await Promise.all(loads);
    expect(outcomes.get('wrong')).toBeUndefined();
    // At most the request that each of its connections had sent.
    expect(outcomes.get('ended') ?? 0).toBeLessThanOrEqual(4);
    const next = clientsOf(url, THREADS);
    for (const client of next) expect(replyOf(await client.chat('prompt 2'))).toBe('reply 2 old');
    for (const client of [...clients, ...next]) client.close();
  });

  it('that is replaced accepts the keys of the others, whatever their file has now', async () => {
    const keys = join(folder, 'keys');
    writeFileSync(keys, 'first');
    const server = startServer([dataset('keys.json', 'old')], { ...env, API_KEYS: `@${keys}` });
    const url = await server.url();
    await ready(url);
    const accepted = async (key: string) => {
      const clients = clientsOf(url, 2 * THREADS);
      const headers = { 'x-api-key': key };
      const body = { messages: [{ role: 'user', content: 'prompt 1' }] };
      const answers = clients.map((client) => client.send('POST', '/v1/chat/completions', body, headers));
      const statuses = (await Promise.all(answers)).map(({ status }) => status);
      for (const client of clients) client.close();
      return new Set(statuses);
    };
    writeFileSync(keys, '');
    process.kill(await pidOf(server, 2), 'SIGKILL');
    await server.waitFor(/"died":2,"reason":"SIGKILL","msg":"thread died; replaced"/, 'stderr');
    await ready(url);
    expect(await accepted('first')).toEqual(new Set([200]));
    writeFileSync(keys, 'second');
    server.kill('SIGHUP');
    await server.waitFor(/API keys reloaded/, 'stderr');
    expect(await accepted('second')).toEqual(new Set([200]));
    expect(await accepted('first')).toEqual(new Set([401]));
  });

  it('that dies leaves what it has counted, as it was last shown', async () => {
    const server = startServer([dataset('counted.json', 'old')], env);
    const url = await server.url();
    await ready(url);
    const countOf = async () => {
      const text = await (await fetch(`${url}/metrics`)).text();
      const counts = text.matchAll(
        /^verbatim_requests_total\{route="\/v1\/chat\/completions"[^}]*\} (\d+)$/gm,
      );
      return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
    };
    const clients = clientsOf(url, 2 * THREADS);
    for (const client of clients) await client.chat('prompt 1');
    for (const client of clients) client.close();
    await vi.waitUntil(async () => (await countOf()) === 2 * THREADS, WAIT);
    for (let deaths = 1; deaths <= 2; deaths++) {
      process.kill(await pidOf(server, 2), 'SIGKILL');
      await vi.waitUntil(() => server.stderr.split('thread died; replaced').length > deaths, WAIT);
      expect(await countOf()).toBe(2 * THREADS);
      await ready(url);
      expect(await countOf()).toBe(2 * THREADS);
    }
  });

  it('that is not there yet is reported by /ready', async () => {
    const server = startServer([dataset('starting.json', 'old')], env);
    const url = await server.url();
    await ready(url);
    process.kill(await pidOf(server, 2), 'SIGKILL');
    await server.waitFor(/thread died; replaced/, 'stderr');
    const answer = await fetch(`${url}/ready`);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await answer.text()).toContain('Not all threads answer');
    await ready(url);
  });

  it('that does not answer gets no more connections, and delays no stop', async () => {
    const server = startServer([dataset('hangs.json', 'old')], { ...env, DRAIN_MS: '1000' });
    const url = await server.url();
    await ready(url);
    const pid = await pidOf(server, 2);
    process.kill(pid, 'SIGSTOP');
    onTestFinished(() => void (hasEnded(pid) || process.kill(pid, 'SIGKILL')));
    const isStalled = () =>
      fetch(`${url}/ready`, { signal: AbortSignal.timeout(500) }).then(
        ({ status }) => status === 503,
        () => false,
      );
    await vi.waitUntil(isStalled, WAIT);
    const clients = clientsOf(url, 2 * THREADS);
    const answers = await Promise.all(clients.map((client) => client.chat('prompt 1')));
    expect(answers.map(replyOf)).toEqual(answers.map(() => 'reply 1 old'));
    expect((await fetch(`${url}/metrics`)).status).toBe(200);
    for (const client of clients) client.close();
    server.kill('SIGTERM');
    expect(await server.exited).toBe(0);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  it('that was stopped while the dataset was replaced does not answer from the one before', async () => {
    const path = dataset('continues.json', 'old');
    const server = startServer([path], env);
    const url = await server.url();
    await ready(url);
    const pid = await pidOf(server, 2);
    const clients = clientsOf(url, 4 * THREADS);
    await Promise.all(clients.map((client) => client.chat('prompt 1')));
    process.kill(pid, 'SIGSTOP');
    onTestFinished(() => void (hasEnded(pid) || process.kill(pid, 'SIGKILL')));
    // The requests arrive before the news.
    const waiting = new Set(clients);
    const before = clients.map((client) => client.chat('prompt 1').finally(() => waiting.delete(client)));
    await vi.waitUntil(() => waiting.size === 4, WAIT);
    dataset('continues.json', 'new');
    const [answering] = clients.filter((client) => !waiting.has(client));
    await vi.waitUntil(
      async () => replyOf((await answering?.chat('prompt 1')) as Answer) === 'reply 1 new',
      WAIT,
    );
    const newMs = performance.now();
    await vi.waitUntil(() => performance.now() > newMs + 1000, WAIT);
    process.kill(pid, 'SIGCONT');
    const replies = (await Promise.all(before)).map(replyOf);
    expect(replies.filter((reply) => reply === 'reply 1 new')).toHaveLength(4);
    for (const client of clients) client.close();
  });

  it('that has no file left for a connection leaves it to the main process', async () => {
    const server = startServer([dataset('files.json', 'old')], env);
    const url = await server.url();
    await ready(url);
    const pid = await pidOf(server, 2);
    const files = readdirSync(`/proc/${pid}/fd`).length;
    execFileSync('prlimit', ['--pid', String(pid), `--nofile=${files}`]);
    const clients = clientsOf(url, 4 * THREADS);
    const answers = await Promise.all(clients.map((client) => client.chat('prompt 1')));
    expect(answers.map(replyOf)).toEqual(answers.map(() => 'reply 1 old'));
    for (const client of clients) client.close();
  });

  it('ends at once with a main process that is stopped twice', async () => {
    const server = startServer([dataset('twice.json', 'old')], { ...env, INTER_TOKEN_LATENCY: '60000' });
    const url = await server.url();
    await ready(url);
    const pid = await pidOf(server, 2);
    const clients = clientsOf(url, THREADS);
    const streams = clients.map((client) => client.chat('prompt 1', { stream: true }).catch(() => undefined));
    await vi.waitUntil(async () => {
      const text = await (await fetch(`${url}/metrics`)).text();
      const [, inFlight] = /^verbatim_requests_in_flight (\d+)$/m.exec(text) ?? [];
      return Number(inFlight) > THREADS;
    }, WAIT);
    await vi.waitUntil(() => {
      server.kill('SIGTERM');
      return hasEnded(server.pid);
    }, WAIT);
    await vi.waitUntil(() => hasEnded(pid), WAIT);
    await Promise.all(streams);
    for (const client of clients) client.close();
  });

  it('ends with the main process, whose requests in flight are answered', async () => {
    const server = startServer([dataset('stops.json', 'old')], env);
    const url = await server.url();
    await ready(url);
    const pid = await pidOf(server, 2);
    const clients = clientsOf(url, 4 * THREADS);
    let stopped = false;
    const outcomes: string[] = [];
    const loads = clients.map(async (client) => {
      while (!stopped)
        await client.chat('prompt 1').then(
          (answer) => outcomes.push(replyOf(answer)),
          (error) => {
            stopped = true;
            outcomes.push(String(error.code ?? error.message));
          },
        );
    });
    await vi.waitUntil(() => outcomes.length > 100, WAIT);
    server.kill('SIGTERM');
    expect(await server.exited).toBe(0);
    stopped = true;
    await Promise.all(loads);
    expect(outcomes).not.toContain('cut');
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(
      logOf(server)
        .filter(({ msg }) => msg === 'stopped')
        .map(({ thread }) => thread),
    ).toEqual([2, 1]);
  });

  it('does not outlive a main process that is killed', async () => {
    const server = startServer([dataset('killed.json', 'old')], env);
    const url = await server.url();
    await ready(url);
    const pid = await pidOf(server, 2);
    const idle = await Promise.all(
      clientsOf(url, THREADS).map((client) => client.chat('prompt 1').then(() => client)),
    );
    server.kill('SIGKILL');
    await vi.waitUntil(() => hasEnded(pid), WAIT);
    for (const client of idle) client.close();
  });
});

describe('a dataset that is replaced under load', () => {
  it.each([
    ['an index that is saved', {}],
    ['no place for an index', { INDEX_DIR: 'none' }],
  ])('is answered from by all threads, and by none from the one before: %s', async (name, more) => {
    const path = dataset(`replaced-${name.length}.json`, 'old');
    const server = startServer([path], { ...env, ...more, CACHE_MB: '5', TMPDIR: folder });
    const url = await server.url();
    await ready(url);
    const clients = clientsOf(url, 64);
    await Promise.all(clients.map((client) => client.chat('prompt 1')));
    const answers: { readonly atMs: number; readonly mark: string }[] = [];
    let stopped = false;
    const loads = clients.map(async (client, c) => {
      for (let i = c; !stopped; i++) {
        const sentMs = performance.now();
        const answer = await client.chat(`prompt ${i % 500}`);
        const [, mark] = /^reply \d+ (old|new)$/.exec(replyOf(answer) ?? '') ?? [];
        answers.push({
          atMs: sentMs,
          mark: answer.status === 200 ? (mark ?? 'wrong') : String(answer.status),
        });
        if (mark !== undefined) expect(replyOf(answer)).toBe(`reply ${i % 500} ${mark}`);
        await sleep(PAUSE_MS);
      }
    });
    await vi.waitUntil(() => answers.length > 500, WAIT);
    const before = requestsOf(server).get(2) ?? 0;
    dataset(`replaced-${name.length}.json`, 'new');
    await vi.waitUntil(() => answers.at(-1)?.mark === 'new', WAIT);
    const firstNewMs = answers.find(({ mark }) => mark === 'new')?.atMs ?? 0;
    await vi.waitUntil(() => (answers.at(-1)?.atMs ?? 0) > firstNewMs + 1500, WAIT);
    await ready(url);
    await vi.waitUntil(() => (requestsOf(server).get(2) ?? 0) > before + 100, WAIT);
    stopped = true;
    await Promise.all(loads);
    const late = answers.filter(({ atMs, mark }) => atMs > firstNewMs + 1000 && mark !== 'new');
    expect(late).toEqual([]);
    expect(answers.filter(({ mark }) => !['old', 'new', '503'].includes(mark))).toEqual([]);
    for (const client of clients) client.close();
    server.kill('SIGTERM');
    expect(await server.exited).toBe(0);
    expect(readdirSync(folder).filter((file) => file.startsWith('verbatim-spool-'))).toEqual([]);
  });
});

describe('threads with a store', () => {
  it('keep and continue responses themselves, and count over all of them', async () => {
    const redis = await RedisServer.start();
    const store = { STORE: redis.url, RATE_LIMIT: '30', FAIL_SEQUENCE: '503*2' };
    const server = startServer([dataset('stored.json', 'old')], { ...env, ...store });
    const url = await server.url();
    await ready(url);
    const clients = clientsOf(url, 2 * THREADS);
    const statuses: number[] = [];
    for (const client of clients) statuses.push((await client.chat('prompt 1')).status);
    expect(statuses).toEqual([503, 503, 200, 200]);
    const made = await clients[0]?.send('POST', '/v1/responses', { model: 'm', input: 'prompt 2' });
    const { id } = JSON.parse(made?.body ?? '');
    for (const client of clients) {
      const body = { model: 'm', input: 'and then?', previous_response_id: id };
      const next = await client.send('POST', '/v1/responses', body);
      expect(next.headers['x-verbatim-source']).toBe('c2#3');
    }
    await vi.waitUntil(() => logOf(server).filter(({ path }) => path === '/v1/responses').length === 5, WAIT);
    const threads = logOf(server).filter(({ path }) => path === '/v1/responses');
    expect(new Set(threads.map(({ thread }) => thread))).toEqual(new Set([1, 2]));
    for (let i = 9; i < 30; i++) expect((await clients[i % 4]?.chat('prompt 1'))?.status).toBe(200);
    for (const client of clients) expect((await client.chat('prompt 1')).status).toBe(429);
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^verbatim_store_up 1$/m);
    for (const client of clients) client.close();
  });

  it('find in a dataset of the store by themselves, and change to a new version of it', async () => {
    const redis = await RedisServer.start();
    const load = async (mark: string) => {
      const args = ['load', dataset('loaded.json', mark), '--store', redis.url, '--model', 'd'];
      expect(await startServer(args, { INDEX_DIR: 'none' }).exited).toBe(0);
    };
    await load('old');
    const server = startServer(['--store', redis.url, '--model', 'd'], { ...env, CACHE_MB: '5' });
    const url = await server.url();
    await ready(url);
    const clients = clientsOf(url, 2 * THREADS);
    for (const client of clients) expect(replyOf(await client.chat('prompt 3'))).toBe('reply 3 old');
    const counts = () => [1, 2].map((thread) => requestsOf(server).get(thread));
    await vi.waitUntil(() => counts().every((count) => count === 2), WAIT);
    await load('new');
    for (const client of clients)
      await vi.waitUntil(async () => replyOf(await client.chat('prompt 3')) === 'reply 3 new', WAIT);
    for (const client of clients) client.close();
  });
});

describe('HTTP_THREADS', () => {
  it('may be a number that the size of the cache is not divisible by', async () => {
    const server = startServer([dataset('divided.json', 'old')], { ...env, HTTP_THREADS: '3' });
    const url = await server.url();
    await ready(url);
    const clients = clientsOf(url, 3);
    for (const client of clients) {
      expect(replyOf(await client.chat('prompt 3'))).toBe('reply 3 old');
      client.close();
    }
  });

  it('must be a number, or auto', async () => {
    const server = startServer([], { HTTP_THREADS: 'all' });
    expect(await server.exited).toBe(2);
    expect(server.stderr).toContain("HTTP_THREADS: expected a whole number from 1 to 64, or auto, got 'all'");
  });

  it('needs a folder for temporary files, and says so', async () => {
    const server = startServer([], { ...env, TMPDIR: '/proc' });
    expect(await server.exited).toBe(1);
    expect(server.stderr).toMatch(
      /threads need a folder for a socket, and \/proc can't be written to \(E\w+\)/,
    );
    expect(server.stderr).toContain('expected another one in TMPDIR, or HTTP_THREADS=1');
  });

  it('has no effect with settings whose state only one thread can keep, and says so', async () => {
    const server = startServer([], { ...env, RATE_LIMIT: '100', MAX_NUM_SEQS: '2' });
    await server.url();
    await server.waitFor(
      /one thread answers: HTTP_THREADS has no effect with MAX_NUM_SEQS, and RATE_LIMIT without STORE/,
      'stderr',
    );
    const text = readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8');
    expect(text).toBe('');
  });
});
