/** Datasets in a store: loading them as people do, and nodes that serve them, with real clusters whose servers fail. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { RedisCluster, RedisServer } from '../support/redis.js';
import { type ServerProcess, startServer, startShared } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';
import { WAIT } from '../support/wait.js';

const folder = temporaryFolder();
/** The number of conversations of twelve turns whose fields take at least three steps. */
const MANY = 12_000;
/** The number of conversations whose bytes take at least two steps, and the length of one text in each of them. */
const LONG = 180;
const LONG_BYTES = 800_000;
/** Between two requests of a client: without it, clients take the processors from the servers that they test. */
const PAUSE_MS = 20;

/** Writes conversations as JSON lines, and returns the path. */
function write(name: string, conversations: Iterable<readonly string[]>): string {
  const path = join(folder, name);
  const lines = Array.from(conversations, (texts, i) => {
    const turns = texts.map((value, turn) => ({ from: turn % 2 === 0 ? 'human' : 'gpt', value }));
    return JSON.stringify({ id: `c${i}`, conversations: turns });
  });
  writeFileSync(path, lines.join('\n'));
  return path;
}

/** Numbered conversations, whose replies have a mark. */
function* numbered(count: number, mark: string): Generator<readonly string[]> {
  for (let i = 0; i < count; i++)
    yield [`first ${i}`, `${mark} ${i}`, 'continue', `${mark} more ${i}`, `last ${i}`, `${mark} end ${i}`];
}

/** Conversations of twelve turns. */
function* ofTwelve(count: number, mark: string): Generator<readonly string[]> {
  for (let i = 0; i < count; i++) yield Array.from({ length: 12 }, (_, turn) => `${mark} ${turn} of ${i}`);
}

/** Conversations of a short and a long turn. */
function* long(count: number): Generator<readonly string[]> {
  const text = 'long '.repeat(LONG_BYTES / 5);
  for (let i = 0; i < count; i++) yield [`turn of ${i}`, text];
}

/** Waits for the first step of a load, and returns its state. */
async function firstStep(server: RedisServer): Promise<string> {
  const state = async () => String(await server.call('GET', 'verbatim:dataset:d:load'));
  await expect.poll(state, { ...WAIT, interval: 20 }).toMatch(/"at":\{"part":0,"offset":[1-9]/);
  return state();
}

function startLoad(url: string, path: string): ServerProcess {
  return startShared(['load', path, '--store', url, '--model', 'd', '--index-dir', 'none']);
}

async function load(url: string, path: string): Promise<string> {
  const loading = startLoad(url, path);
  const code = await loading.exited;
  if (code !== 0) throw new Error(`load ended with ${code}: ${loading.stderr}`);
  return loading.stdout + loading.stderr;
}

interface Answered {
  readonly status: number;
  readonly match: string | null;
  readonly source: string | null;
  readonly retryAfter: string | null;
  readonly text: string | undefined;
}

async function ask(base: string, ...texts: readonly string[]): Promise<Answered> {
  const messages = texts.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }));
  const response = await fetch(`${base}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'd', messages }),
  });
  const body = (await response.json()) as { choices?: { message: { content: string } }[] };
  return {
    status: response.status,
    match: response.headers.get('x-verbatim-match'),
    source: response.headers.get('x-verbatim-source'),
    retryAfter: response.headers.get('retry-after'),
    text: body.choices?.[0]?.message.content,
  };
}

async function isReady(base: string): Promise<boolean> {
  return (await fetch(`${base}/ready`)).status === 200;
}

describe('a dataset in a cluster', () => {
  let cluster: RedisCluster;
  let fromFile: string;
  let fromStore: string[];
  let firstNode: ServerProcess;

  beforeAll(async () => {
    cluster = await RedisCluster.start();
    const path = write('d.jsonl', numbered(2000, 'reply'));
    expect(await load(cluster.url, path)).toContain("loaded as 'd'");
    const nodes = [1, 2].map(() => startShared(['--store', cluster.url, '--model', 'd'], { CACHE_MB: '0' }));
    [firstNode] = nodes as [ServerProcess];
    fromStore = await Promise.all(nodes.map((node) => node.url()));
    fromFile = await startShared([path, '--index-dir', 'none', '--engine', 'index']).url();
  });

  it('gets the answers of its file, at every node, by every rung', async () => {
    const asked: string[][] = [
      ['first 7'],
      ['first  7'],
      ['first 1234', 'reply 1234', 'continue'],
      ['other', 'reply 99', 'continue'],
      ['x', 'first 42', 'reply 42', 'continue', 'reply more 42', 'last 42'],
      ['continue'],
      [' continue '],
      ['reply more 3'],
      ['nowhere'],
    ];
    for (const texts of asked) {
      const expected = await ask(fromFile, ...texts);
      for (const node of fromStore) expect(await ask(node, ...texts)).toEqual(expected);
    }
    expect(await ask(fromFile, 'first 1234', 'reply 1234', 'continue')).toMatchObject({
      match: 'context',
      text: 'reply more 1234',
    });
  });

  it('has no list of conversations, and says so', async () => {
    const response = await fetch(`${fromStore[0]}/api/datasets/d/conversations`);
    expect(response.status).toBe(501);
    expect(await response.json()).toMatchObject({ error: { code: 'not_in_store' } });
    await firstNode.waitFor(/"status":501/, 'stderr');
    expect(firstNode.stderr).not.toContain('"level":50');
  });

  it('survives a master that is killed under load: no answer is wrong, and all prompts are answered again', async () => {
    const [node] = fromStore as [string];
    let isOver = false;
    let next = 0;
    const refused: Answered[] = [];
    const client = async () => {
      for (; !isOver; await sleep(PAUSE_MS)) {
        const i = next++ % 2000;
        const answered = await ask(node, `first ${i}`, `reply ${i}`, 'continue');
        if (answered.status === 200)
          expect(answered).toMatchObject({ text: `reply more ${i}`, source: `c${i}#3` });
        else {
          expect(answered).toMatchObject({ status: 503, retryAfter: '1' });
          refused.push(answered);
        }
      }
    };
    const clients = Array.from({ length: 6 }, client);
    await expect.poll(() => next, WAIT).toBeGreaterThan(200);
    await (cluster.servers[0] as RedisServer).kill();
    await expect.poll(() => isReady(node), WAIT).toBe(false);
    await expect.poll(() => isReady(node), WAIT).toBe(true);
    isOver = true;
    await Promise.all(clients);
    const all = Array.from({ length: 2000 }, (_, i) => i);
    // Each node is asked for half of them, which are spread over all masters.
    const nodeOf = (i: number) => fromStore[i % fromStore.length] as string;
    for (let from = 0; from < all.length; from += 100) {
      const asked = all.slice(from, from + 100);
      const answers = await Promise.all(asked.map((i) => ask(nodeOf(i), `last ${i}`)));
      expect(answers.map(({ text }) => text)).toEqual(asked.map((i) => `reply end ${i}`));
    }
  });
});

describe('a store that fails', () => {
  it('is waited for at the start, and the server is not ready meanwhile', async () => {
    const server = await RedisServer.start();
    await load(server.url, write('w.jsonl', numbered(10, 'reply')));
    server.signal('SIGSTOP');
    const node = startServer(['--store', server.url, '--model', 'd']);
    const base = await node.url();
    const notReady = await fetch(`${base}/ready`);
    expect(notReady.status).toBe(503);
    expect(await notReady.json()).toMatchObject({ error: { code: 'store_unavailable' } });
    await node.waitFor(/store away/, 'stderr');
    server.signal('SIGCONT');
    await expect.poll(() => isReady(base), WAIT).toBe(true);
    expect(await ask(base, 'first 3')).toMatchObject({ status: 200, text: 'reply 3' });
  });

  it('gives 503 with Retry-After while it is stopped, and no request hangs', async () => {
    const server = await RedisServer.start();
    await load(server.url, write('s.jsonl', numbered(10, 'reply')));
    const base = await startServer(['--store', server.url, '--model', 'd'], { CACHE_MB: '0' }).url();
    server.signal('SIGSTOP');
    expect(await ask(base, 'first 3')).toMatchObject({ status: 503, retryAfter: '1' });
    server.signal('SIGCONT');
    await expect.poll(async () => (await ask(base, 'first 3')).text, WAIT).toBe('reply 3');
  });

  it('gives 503, not a miss, if a server has lost its data', async () => {
    const server = await RedisServer.start();
    const path = write('l.jsonl', numbered(10, 'reply'));
    await load(server.url, path);
    const base = await startServer(['--store', server.url, '--model', 'd'], { CACHE_MB: '0' }).url();
    await server.call('FLUSHALL');
    expect(await ask(base, 'first 3')).toMatchObject({ status: 503 });
    await expect.poll(() => isReady(base), WAIT).toBe(false);
    await load(server.url, path);
    await expect.poll(() => isReady(base), WAIT).toBe(true);
    expect(await ask(base, 'first 3')).toMatchObject({ status: 200, text: 'reply 3' });
  });

  it('may have something else under the name: the server asks calmly, and takes the dataset once it is there', async () => {
    const server = await RedisServer.start();
    const path = write('o.jsonl', numbered(10, 'reply'));
    await server.call('SET', 'verbatim:dataset:d', 'something else');
    const node = startServer(['--store', server.url, '--model', 'd']);
    const base = await node.url();
    expect(await isReady(base)).toBe(false);
    expect(node.stderr).toContain('dataset in the store has a format of another release');
    const [, calls] = /cmdstat_get:calls=(\d+)/.exec(String(await server.call('INFO', 'commandstats'))) ?? [];
    expect(Number(calls)).toBeLessThan(100);
    await server.call('DEL', 'verbatim:dataset:d');
    await load(server.url, path);
    await expect.poll(() => isReady(base), WAIT).toBe(true);
  });

  it('may refuse commands: the server is not ready until it accepts them again', async () => {
    const server = await RedisServer.start();
    await load(server.url, write('a.jsonl', numbered(10, 'reply')));
    const node = startServer(['--store', server.url, '--model', 'd']);
    const base = await node.url();
    await server.call('ACL', 'SETUSER', 'default', '-get');
    await node.waitFor(/store refused a command/, 'stderr');
    expect(await isReady(base)).toBe(false);
    await server.call('ACL', 'SETUSER', 'default', '+get');
    await expect.poll(() => isReady(base), WAIT).toBe(true);
    expect(await ask(base, 'first 3')).toMatchObject({ status: 200, text: 'reply 3' });
  });

  it('refuses settings that need the files', async () => {
    const args = ['--store', 'redis://127.0.0.1:1', '--model', 'd'];
    for (const [more, message] of [
      [['--on-miss', 'nearest'], /--on-miss: 'nearest' needs files/],
      [['--normalize', 'dates'], /--normalize: a rule needs files/],
    ] as const) {
      const node = startServer([...args, ...more]);
      expect(await node.exited).toBe(2);
      expect(node.stderr).toMatch(message);
    }
    const lonely = startServer(['--model', 'd']);
    expect(await lonely.exited).toBe(2);
    expect(lonely.stderr).toContain('--model needs a store');
  });
});

describe('a load', () => {
  it('goes on after a kill where its last step ended, and begins again if the file has changed', async () => {
    const server = await RedisServer.start();
    const path = write('r.jsonl', ofTwelve(MANY, 'turn'));
    const killAfterStep = async () => {
      const loading = startLoad(server.url, path);
      const state = await firstStep(server);
      loading.kill('SIGKILL');
      await loading.exited;
      return JSON.parse(state) as { readonly id: string };
    };
    const first = await killAfterStep();
    expect(await load(server.url, path)).toMatch(/an interrupted load goes on at [1-9]\d? %/);
    const version = JSON.parse(String(await server.call('GET', 'verbatim:dataset:d'))) as typeof first;
    expect(version.id).toBe(first.id);
    const base = await startServer(['--store', server.url, '--model', 'd']).url();
    for (const i of [0, 1, MANY / 2 - 1, MANY / 2, MANY - 1])
      expect(await ask(base, `turn 10 of ${i}`)).toMatchObject({
        text: `turn 11 of ${i}`,
        source: `c${i}#11`,
      });

    const second = await killAfterStep();
    write('r.jsonl', ofTwelve(1000, 'new'));
    expect(await load(server.url, path)).toContain('the files have changed since the last load');
    await expect.poll(async () => (await ask(base, 'new 10 of 999')).text, WAIT).toBe('new 11 of 999');
    const keys = (await server.call('KEYS', '*')) as string[];
    const left = keys.filter((key) => key.includes(`${first.id}:`) || key.includes(`${second.id}:`));
    expect(left).toEqual([]);
  });

  it('keeps the version that is served, if the load of it ended before its own state was removed', async () => {
    const server = await RedisServer.start();
    const path = write('k.jsonl', numbered(500, 'reply'));
    // The version is whole, but the state of the load can't be removed.
    await server.call('ACL', 'SETUSER', 'default', '-unlink');
    await expect(load(server.url, path)).rejects.toThrow(/no permissions/);
    await server.call('ACL', 'SETUSER', 'default', '+unlink');
    const base = await startServer(['--store', server.url, '--model', 'd'], { CACHE_MB: '0' }).url();
    expect(await ask(base, 'first 3')).toMatchObject({ text: 'reply 3' });
    await load(server.url, path);
    expect(await ask(base, 'first 3')).toMatchObject({ text: 'reply 3' });
  });

  it.each([
    ['no JSON', 'something else'],
    ['another format', JSON.stringify({ format: 99 })],
  ])('leaves alone what it can not read: %s', async (_, value) => {
    const server = await RedisServer.start();
    await server.call('SET', 'verbatim:dataset:d', value);
    const loading = startLoad(server.url, write('u.jsonl', numbered(2, 'reply')));
    expect(await loading.exited).toBe(1);
    expect(loading.stderr).toContain("something under 'verbatim:dataset:d' that this release can't read");
    expect(await server.call('GET', 'verbatim:dataset:d')).toBe(value);
  });

  it('gives up after it was stopped while another process loaded', async () => {
    const server = await RedisServer.start();
    const path = write('p.jsonl', long(LONG));
    const stopped = startLoad(server.url, path);
    await firstStep(server);
    stopped.kill('SIGSTOP');
    await load(server.url, write('q.jsonl', numbered(10, 'new')));
    const base = await startServer(['--store', server.url, '--model', 'd'], { CACHE_MB: '0' }).url();
    stopped.kill('SIGCONT');
    expect(await stopped.exited).toBe(1);
    expect(stopped.stderr).toContain("'d' was changed in the store meanwhile");
    expect(await ask(base, 'first 3')).toMatchObject({ status: 200, text: 'new 3' });
  });

  it('ends by a signal while it waits for the store', async () => {
    const path = write('e.jsonl', numbered(10, 'reply'));
    const loading = startLoad('redis://127.0.0.1:1', path);
    await loading.waitFor(/waiting for the store/, 'stderr');
    loading.kill('SIGTERM');
    expect(await loading.exited).toBe('SIGTERM');
  });

  it('replaces what nodes serve, each answer from one version', async () => {
    const server = await RedisServer.start();
    const path = write('v.jsonl', numbered(200, 'old'));
    await load(server.url, path);
    const base = await startServer(['--store', server.url, '--model', 'd']).url();
    let isOver = false;
    const seen = new Set<string>();
    const client = async (first: number) => {
      for (let i = first; !isOver; i = (i + 7) % 200) {
        await sleep(PAUSE_MS);
        const { text = '' } = await ask(base, `first ${i}`);
        expect([`old ${i}`, `new ${i}`]).toContain(text);
        seen.add(text.slice(0, 3));
      }
    };
    const clients = Array.from({ length: 5 }, (_, i) => client(i));
    write('v.jsonl', numbered(200, 'new'));
    await load(server.url, path);
    await expect.poll(() => seen.has('new'), WAIT).toBe(true);
    isOver = true;
    await Promise.all(clients);
    for (let i = 0; i < 200; i++) expect((await ask(base, `first ${i}`)).text).toBe(`new ${i}`);
  });
});
