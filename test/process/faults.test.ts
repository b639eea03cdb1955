/** A server process whose threads die, whose disk fails, and that has a bug. */

import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { IDLE_MS } from '#dist/core/limits.js';
import { post } from '../support/app.js';
import { program, ServerProcess, startServer, startShared } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';
import { WAIT } from '../support/wait.js';

const folder = temporaryFolder();
const preload = fileURLToPath(new URL('../support/faults.mjs', import.meta.url));
const CONVERSATIONS = 8_000;

function datasetOf(name: string, count: number): string {
  const path = join(folder, name);
  const conversations = Array.from({ length: count }, (_, i) => ({
    conversations: [
      { from: 'human', value: `prompt ${i}` },
      { from: 'gpt', value: `reply ${i} `.repeat(100) },
    ],
  }));
  writeFileSync(path, JSON.stringify(conversations));
  return path;
}

/** Large enough for two shards. */
const dataset = datasetOf('dataset.json', CONVERSATIONS);

/** A conversation whose tokens are counted. */
interface Counted {
  readonly turns: readonly { readonly tokens: number | null }[];
}

interface Faulty {
  readonly server: ServerProcess;
  readonly url: string;
  /** Triggers a fault; returns a function that ends it, if it persists. */
  readonly begin: (name: string) => () => void;
  /** True once a one-time fault has happened. */
  readonly hasHappened: (name: string) => boolean;
}

/** @param begun faults that have begun before the start */
async function startFaulty(
  args: readonly string[],
  nodeOptions = '',
  begun: readonly string[] = [],
  path: string = dataset,
): Promise<Faulty> {
  const faults = mkdtempSync(join(folder, 'faults-'));
  for (const name of begun) writeFileSync(join(faults, name), '');
  const env = { FAULTS: faults, NODE_OPTIONS: `--import=${preload} ${nodeOptions}` };
  const server = startServer([path, '--cache-mb', '0', '--workers', '2', ...args], env);
  const url = await server.url();
  return {
    server,
    url,
    begin: (name) => {
      writeFileSync(join(faults, name), '');
      return () => rmSync(join(faults, name));
    },
    hasHappened: (name) => !existsSync(join(faults, name)),
  };
}

async function ask(url: string, i: number): Promise<{ status: number; text: string }> {
  const answer = await post(`${url}/v1/chat/completions`, {
    messages: [{ role: 'user', content: `prompt ${i}` }],
  });
  const body = (await answer.json()) as { choices?: { message: { content: string } }[]; error?: object };
  return { status: answer.status, text: body.choices?.[0]?.message.content ?? JSON.stringify(body.error) };
}

const replyTo = (i: number) => ({ status: 200, text: `reply ${i} `.repeat(100) });
const last = CONVERSATIONS - 1;

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

describe('a server whose worker dies', () => {
  it.each([
    ['exit', ''],
    ['trap', ''],
    ['out-of-memory', '--max-old-space-size=80'],
  ])('by %s retries the sweep of its shard, and goes on', { timeout: 60_000 }, async (death, nodeOptions) => {
    const { server, url, begin, hasHappened } = await startFaulty(['--engine', 'sweep'], nodeOptions);
    await server.waitFor(/dataset read|index ready/, 'stderr');
    expect(await ask(url, last)).toEqual(replyTo(last));
    for (let times = 0; times < 3; times++) {
      begin(death);
      const asked = [0, 7000, last, last - 1].map(async (i) => {
        expect(await ask(url, i)).toEqual(replyTo(i));
      });
      await Promise.all(asked);
      expect(hasHappened(death)).toBe(true);
    }
    // A thread survives a trap, with a new kernel.
    const restarts = () => metric(url, 'verbatim_worker_restarts_total');
    if (death === 'trap') expect(await restarts()).toBe(0);
    else {
      // The last answer may not need the shard whose thread is dying: that takes a while if its memory runs out.
      await vi.waitFor(async () => expect(await restarts()).toBeGreaterThanOrEqual(3), WAIT);
      expect(server.stderr).toContain('worker thread died');
    }
    expect((await fetch(`${url}/ready`)).status).toBe(200);
  });

  it('while it builds the index still completes it', { timeout: 60_000 }, async () => {
    const faults = mkdtempSync(join(folder, 'faults-'));
    writeFileSync(join(faults, 'exit'), '');
    const env = { FAULTS: faults, NODE_OPTIONS: `--import=${preload}` };
    const server = startServer([dataset, '--engine', 'index', '--index-dir', 'none'], env);
    const url = await server.url();
    expect(existsSync(join(faults, 'exit'))).toBe(false);
    expect(await metric(url, 'verbatim_index_rows{model="dataset"}')).toBe(2 * CONVERSATIONS);
    expect(await ask(url, last)).toEqual(replyTo(last));
  });
});

describe('counting tokens ahead', () => {
  /** Saves an index without counts: the threads of a server that loads it do nothing else than count. Returns the arguments for it. */
  async function savedIndex(): Promise<readonly string[]> {
    const indexes = mkdtempSync(join(folder, 'indexes-'));
    const args = ['--engine', 'index', '--index-dir', indexes, '--log-level', 'info'];
    const server = startServer([dataset, ...args, '--usage', 'estimate']);
    await server.waitFor(/index saved/, 'stderr');
    server.kill('SIGTERM');
    await server.exited;
    return [...args, '--usage', 'count'];
  }

  it.each(['exit', 'trap'])('continues after a thread has died: %s', { timeout: 60_000 }, async (fault) => {
    const { server, url, hasHappened } = await startFaulty(await savedIndex(), '', [fault]);
    await server.waitFor(/tokens counted/, 'stderr');
    expect(hasHappened(fault)).toBe(true);
    expect(await metric(url, 'verbatim_worker_restarts_total')).toBe(Number(fault === 'exit'));
    await vi.waitFor(async () => {
      const { turns } = (await (
        await fetch(`${url}/api/datasets/dataset/conversations/0`)
      ).json()) as Counted;
      expect(turns.map(({ tokens }) => tokens)).toEqual([3, 301]);
    }, WAIT);
  });

  it('continues when the file can be read again', { timeout: 60_000 }, async () => {
    const { server, begin } = await startFaulty(await savedIndex(), '', ['worker-eio']);
    // It begins within this time.
    await setTimeout(3 * IDLE_MS);
    begin('worker-eio')();
    await server.waitFor(/tokens counted/, 'stderr');
  });

  it('ends if the tokenizer cannot be loaded, which requests try again', { timeout: 60_000 }, async () => {
    const { server, url, begin } = await startFaulty(await savedIndex(), '', ['vocabulary']);
    await server.waitFor(/EMFILE.*counting tokens ahead failed/, 'stderr');
    const { status, text } = await ask(url, 0);
    expect([status, text]).toEqual([503, expect.stringContaining('The tokenizer could not be loaded.')]);
    begin('vocabulary')();
    const answer = await post(`${url}/v1/chat/completions`, {
      messages: [{ role: 'user', content: 'prompt 0' }],
    });
    expect(await answer.json()).toMatchObject({ usage: { completion_tokens: 301 } });
    expect(server.stderr.split('counting tokens ahead failed')).toHaveLength(2);
  });
});

describe('a server whose disk', () => {
  it.each([
    ['index', ['eio']],
    ['sweep', ['eio', 'emfile']],
  ])(
    'cannot be read, or has no free file descriptor, answers 503, and recovers, by %s',
    async (engine, faults) => {
      const { server, url, begin } = await startFaulty(['--engine', engine]);
      await server.waitFor(/dataset read|index ready/, 'stderr');
      expect(await ask(url, last)).toEqual(replyTo(last));
      for (const fault of faults) {
        const end = begin(fault);
        const failed = await ask(url, last);
        expect(failed).toEqual({ status: 503, text: expect.stringContaining('dataset_unreadable') });
        expect(failed.text).not.toContain(dataset);
        end();
        expect(await ask(url, last)).toEqual(replyTo(last));
      }
    },
  );

  it('is full serves without a saved index, and leaves no files', async () => {
    const faults = mkdtempSync(join(folder, 'faults-'));
    const indexes = mkdtempSync(join(folder, 'indexes-'));
    writeFileSync(join(faults, 'enospc'), '');
    const env = { FAULTS: faults, NODE_OPTIONS: `--import=${preload}` };
    const server = startServer([dataset, '--engine', 'index', '--index-dir', indexes], env);
    const url = await server.url();
    await server.waitFor(/ENOSPC/, 'stderr');
    expect(await ask(url, last)).toEqual(replyTo(last));
    expect(readdirSync(indexes)).toEqual([]);
  });
});

describe('a server whose workers cannot read the file', () => {
  const saved = mkdtempSync(join(folder, 'saved-'));
  beforeAll(async () => {
    const before = startShared([dataset, '--engine', 'index', '--index-dir', saved]);
    await before.url();
    before.kill('SIGTERM');
    await before.exited;
  });

  /** Starts a server with a saved index, whose workers can't read the file. */
  async function startUnread(...args: readonly string[]) {
    const copy = mkdtempSync(join(folder, 'indexes-'));
    cpSync(saved, copy, { recursive: true });
    const indexes = ['--engine', 'index', '--index-dir', copy];
    const { server, url, begin } = await startFaulty([...indexes, ...args], '', ['worker-eio']);
    return { server, url, end: begin('worker-eio') };
  }

  async function answerTo(url: string, content: string) {
    const response = await post(`${url}/v1/chat/completions`, { messages: [{ role: 'user', content }] });
    const body = await response.text();
    return [response.status, response.headers.get('x-verbatim-match'), body] as const;
  }

  it.each([
    ['nearest', 'prompt 7000!', 'sketches of turns not made', '--on-miss', 'nearest', '--nearest-min', '0.5'],
    ['normalized', 'prompt 99999', 'rules not applied', '--normalize', 'numbers'],
  ])(
    'warns once, answers 503, and recovers: %s',
    { timeout: 60_000 },
    async (rung, prompt, warning, ...args) => {
      const { server, url, end } = await startUnread(...args);
      for (let times = 0; times < 3; times++)
        expect(await answerTo(url, prompt)).toEqual([503, null, expect.stringContaining('worker_failed')]);
      end();
      expect((await answerTo(url, prompt)).slice(0, 2)).toEqual([200, rung]);
      expect(await ask(url, last)).toEqual(replyTo(last));
      expect(server.stderr.split(warning)).toHaveLength(2);
      expect(server.stderr).toContain('EIO');
    },
  );
});

describe('a server with fewer files than connections', () => {
  /** The status of a response, or the error of the connection. */
  function statusOf(url: string, i: number): Promise<number | string | undefined> {
    return new Promise((resolve) => {
      const asked = request(`${url}/v1/chat/completions`, { method: 'POST', agent: false }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      });
      asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
      asked.end(JSON.stringify({ messages: [{ role: 'user', content: `prompt ${i}` }] }));
    });
  }

  it('rejects the connections beyond its limit, and answers all others', { timeout: 60_000 }, async () => {
    const command = `ulimit -n 64; exec '${process.execPath}' '${program}' '${dataset}' --engine index --index-dir none`;
    const server = new ServerProcess('bash', ['-c', command]);
    const url = await server.url();
    // Some requests are misses: Express answers those, with modules that it loads then.
    const asked = Array.from({ length: 200 }, (_, i) => statusOf(url, i * (i % 2 === 0 ? 1 : CONVERSATIONS)));
    const statuses = new Set(await Promise.all(asked));
    expect([...statuses].filter((status) => ![200, 404, 503, 'ECONNRESET'].includes(status ?? ''))).toEqual(
      [],
    );
    for (let i = 0; i < 10; i++) expect(await ask(url, i)).toEqual(replyTo(i));
  });

  it('loads what its rare requests need as soon as it can open files again', {
    timeout: 60_000,
  }, async () => {
    const command = `ulimit -n 64; exec '${process.execPath}' '${program}' '${dataset}' --engine index --index-dir none`;
    const url = await new ServerProcess('bash', ['-c', command]).url();
    const connections: Agent[] = [];
    /** The status of a response on a connection, or the error of the connection. */
    const statusOn = (agent: Agent, path: string) =>
      new Promise((resolve) => {
        const asked = request(url + path, { agent }, (response) => {
          response.resume().on('end', () => resolve(response.statusCode));
        });
        asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code)).end();
      });
    const open = () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      connections.push(agent);
      return agent;
    };
    const first = open();
    expect(await statusOn(first, '/health')).toBe(200);
    while ((await statusOn(open(), '/health')) === 200);
    const paths = ['/metrics', '/openapi.json', '/unknown'];
    const statuses = async () => {
      const all = [];
      for (const path of paths) all.push(await statusOn(first, path));
      return all;
    };
    expect(await statuses()).toEqual([503, 200, 503]);
    for (const agent of connections.slice(1)) agent.destroy();
    await vi.waitFor(async () => expect(await statuses()).toEqual([200, 200, 404]), WAIT);
    first.destroy();
  });
});

describe('a server whose log is on a full disk', () => {
  it.each(['json', 'pretty'])('still answers, %s', async (format) => {
    const command = `exec '${process.execPath}' '${program}' '${dataset}' --log-level info --log-format ${format} 2>/dev/full`;
    const server = new ServerProcess('bash', ['-c', command]);
    const url = await server.url();
    for (let i = 0; i < 5; i++) expect(await ask(url, i)).toEqual(replyTo(i));
    server.kill('SIGTERM');
    expect(await server.exited).toBe(0);
  });
});

describe('a log on a full disk', () => {
  it('buffers at most a megabyte that it cannot write', async () => {
    const program = `
      const { createLogger } = await import('#dist/cli/logger.js');
      const logger = createLogger({ logFormat: 'json', logLevel: 'info' }, () => {});
      for (let i = 0; i < 200_000; i++) logger.info({ i }, 'x'.repeat(250));
      gc();
      console.log('kept', process.memoryUsage().heapUsed);
      process.exit();`;
    const command = 'exec "$0" --expose-gc --input-type=module --eval "$1" 2>/dev/full';
    const logging = new ServerProcess('bash', ['-c', command, process.execPath, program]);
    const [, kept] = await logging.waitFor(/^kept (\d+)$/m);
    expect(Number(kept)).toBeLessThan(30_000_000);
  });
});

describe('a server with a defect', () => {
  it('logs it, and exits with code 70', async () => {
    const { server } = await startFaulty(['--log-level', 'info']);
    server.kill('SIGUSR2');
    expect(await server.exited).toBe(70);
    const lines = server.stderr.split('\n').filter((line) => line.startsWith('{'));
    const fatal = lines.map((line) => JSON.parse(line)).find(({ level }) => level === 60);
    expect(fatal).toMatchObject({ err: { message: 'a defect' }, msg: 'defect; exiting' });
  });

  it.each([
    ['main-defect', 'a defect of a lookup'],
    ['main-recursion', 'Maximum call stack size exceeded'],
    ['main-status', 'a defect with a status'],
  ])('in a lookup exits the same way, without an answer: %s', async (fault, message) => {
    const { server, url, begin } = await startFaulty(['--engine', 'index', '--log-level', 'info']);
    begin(fault);
    await expect(ask(url, last)).rejects.toThrow();
    expect(await server.exited).toBe(70);
    expect(server.stderr).toContain(message);
  });
});

describe('a kernel of the main thread that traps', () => {
  it('is replaced: the request gets 503, and the next one its reply', async () => {
    const { server, url, begin } = await startFaulty(['--engine', 'index', '--log-level', 'warn']);
    begin('main-trap');
    expect((await ask(url, last)).status).toBe(503);
    expect(await ask(url, last)).toEqual(replyTo(last));
    expect(server.stderr).toContain('kernel trapped; replaced');
    server.kill('SIGTERM');
    expect(await server.exited).toBe(0);
  });
});
