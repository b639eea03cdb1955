/** Spools of real servers: used again, raced for, and interrupted. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { program, ServerProcess, startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const newFolder = (name: string) => mkdtempSync(join(folder, name));

/** Gzip of records that have to be converted; with `count`, the conversion takes some time. */
function packed(version: string, count = 10): Buffer {
  const records = Array.from({ length: count }, (_, i) => {
    const padding = count > 1000 ? 'é "x" \n'.repeat(100) : '';
    return JSON.stringify({ question: `prompt ${i}`, answer: `${version} reply ${i}`, padding });
  });
  return gzipSync(records.join('\n'), { level: 1 });
}

const LARGE = packed('v1', 8000);

function fileOf(content: Buffer): string {
  const path = join(newFolder('data-'), 'data.jsonl.gz');
  writeFileSync(path, content);
  return path;
}

function replace(path: string, content: Buffer): void {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

const start = (path: string, env: Record<string, string> = {}) =>
  startServer([path, '--workers', '2'], { LOG_LEVEL: 'debug', ...env });

async function ask(url: string, prompt: string): Promise<string> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content: prompt }] }),
  });
  const { choices } = (await response.json()) as { choices?: { message: { content: string } }[] };
  return choices?.[0]?.message.content ?? `status ${response.status}`;
}

async function stop(server: ServerProcess): Promise<void> {
  server.kill('SIGTERM');
  expect(await server.exited).toBe(0);
}

/**
 * A server that is paused while it writes the spool of a new file: the folder has a file whose name ends so, and no spool.
 * Servers that have finished before they could be paused are passed over.
 */
async function pausedAsItWrites(ending = '.unfinished'): Promise<{ path: string; server: ServerProcess }> {
  for (let tries = 0; tries < 20; tries++) {
    const path = fileOf(LARGE);
    const has = (suffix: string) => existsSync(`${path}.verbatim-spool${suffix}`);
    const server = start(path);
    while (!has(ending) && !has('')) await sleep(1);
    server.kill('SIGSTOP');
    await sleep(20);
    if (has(ending) && !has('')) return { path, server };
    server.kill('SIGKILL');
  }
  throw new Error(`no server could be paused while it had a file ${ending}`);
}

/** The files beside a dataset, besides its index. */
const besides = (path: string) =>
  readdirSync(dirname(path)).filter((name) => name !== basename(path) && !name.endsWith('.verbatim-index'));

describe('a spool', () => {
  it('is used by the next start', async () => {
    const path = fileOf(packed('v1'));
    const first = start(path);
    expect(await ask(await first.url(), 'prompt 3')).toBe('v1 reply 3');
    expect(first.stderr).toContain('"msg":"converted"');
    await stop(first);
    expect(besides(path)).toEqual(['data.jsonl.gz.verbatim-spool']);
    const second = start(path);
    expect(await ask(await second.url(), 'prompt 3')).toBe('v1 reply 3');
    await stop(second);
    expect(second.stderr).not.toContain('"msg":"converted"');
  });

  it('is made again when the source changes, and the old answers go on meanwhile', async () => {
    const path = fileOf(packed('v1'));
    const server = start(path);
    const url = await server.url();
    expect(await ask(url, 'prompt 3')).toBe('v1 reply 3');
    replace(path, packed('v2', 20));
    for (;;) {
      const reply = await ask(url, 'prompt 3');
      expect(['v1 reply 3', 'v2 reply 3']).toContain(reply);
      if (reply === 'v2 reply 3') break;
    }
    expect(await ask(url, 'prompt 19')).toBe('v2 reply 19');
    await stop(server);
    expect(besides(path)).toEqual(['data.jsonl.gz.verbatim-spool']);
  });

  it('goes on with the old answers when the new source is damaged, and recovers', async () => {
    const path = fileOf(packed('v1'));
    const server = start(path);
    const url = await server.url();
    replace(path, packed('v2').subarray(0, -20));
    await server.waitFor(/dataset unavailable/, 'stderr');
    replace(path, packed('v3'));
    let reply = '';
    while (reply !== 'v3 reply 3') reply = await ask(url, 'prompt 3');
    await stop(server);
    expect(besides(path)).toEqual(['data.jsonl.gz.verbatim-spool']);
  });

  it('is made by one of two servers that start at once', async () => {
    const path = fileOf(LARGE);
    const servers = [start(path), start(path)];
    const answers = servers.map(async (server) => ask(await server.url(), 'prompt 7999'));
    await Promise.race(answers);
    const { ino } = statSync(`${path}.verbatim-spool`);
    expect(await Promise.all(answers)).toEqual(['v1 reply 7999', 'v1 reply 7999']);
    expect(statSync(`${path}.verbatim-spool`).ino).toBe(ino);
    // An index may still be being saved.
    const files = besides(path).filter((name) => !name.includes('.verbatim-index.'));
    expect(files).toEqual(['data.jsonl.gz.verbatim-spool']);
    for (const server of servers) await stop(server);
    expect(besides(path)).toEqual(['data.jsonl.gz.verbatim-spool']);
  });

  it('is made by the server that waits for it if the one that writes it is killed', async () => {
    const { path, server: killed } = await pausedAsItWrites();
    const waiting = start(path);
    await waiting.waitFor(/waiting for another process that converts the dataset/, 'stderr');
    killed.kill('SIGKILL');
    expect(await ask(await waiting.url(), 'prompt 7999')).toBe('v1 reply 7999');
    await stop(waiting);
    expect(besides(path)).toEqual(['data.jsonl.gz.verbatim-spool']);
  });

  it('is made by the next start if a server is killed before it has written who it is', async () => {
    const path = fileOf(packed('v1'));
    writeFileSync(`${path}.verbatim-spool.unfinished`, '');
    writeFileSync(`${path}.verbatim-spool.unfinished-3`, 'lines');
    const server = start(path);
    expect(await ask(await server.url(), 'prompt 3')).toBe('v1 reply 3');
    await stop(server);
    expect(besides(path)).toEqual(['data.jsonl.gz.verbatim-spool']);
  }, 30_000);

  it.each(['.unfinished', '.unpacked'])(
    'is made by the next start if a server is killed as it writes, and nothing is left: %s',
    async (ending) => {
      const { path, server: killed } = await pausedAsItWrites(ending);
      killed.kill('SIGKILL');
      expect(await killed.exited).toBe('SIGKILL');
      expect(existsSync(`${path}.verbatim-spool`)).toBe(false);
      const next = start(path);
      expect(await ask(await next.url(), 'prompt 7999')).toBe('v1 reply 7999');
      await stop(next);
      expect(besides(path)).toEqual(['data.jsonl.gz.verbatim-spool']);
    },
  );

  it('is not left unfinished by a server that is stopped as it writes', async () => {
    const { path, server } = await pausedAsItWrites();
    server.kill('SIGTERM');
    server.kill('SIGCONT');
    expect(await server.exited).toBe(0);
    expect(server.stdout).toBe('');
    expect(besides(path)).toEqual([]);
  });

  it('is not left by a check that is stopped', async () => {
    const path = fileOf(LARGE);
    const temporary = newFolder('tmp-');
    const checking = startServer(['check', path], { TMPDIR: temporary });
    while (readdirSync(temporary).length === 0) await sleep(1);
    checking.kill('SIGINT');
    expect(await checking.exited).toBe('SIGINT');
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('is removed at the end if nothing is to be saved', async () => {
    const path = fileOf(packed('v1'));
    const temporary = newFolder('tmp-');
    const server = start(path, { INDEX_DIR: 'none', TMPDIR: temporary });
    expect(await ask(await server.url(), 'prompt 3')).toBe('v1 reply 3');
    expect(readdirSync(temporary)).not.toEqual([]);
    await stop(server);
    expect(readdirSync(temporary)).toEqual([]);
    expect(readdirSync(dirname(path))).toEqual(['data.jsonl.gz']);
  });

  it('is never of a source that was replaced as it was written', async () => {
    const { path, server } = await pausedAsItWrites();
    replace(path, packed('v2'));
    server.kill('SIGCONT');
    const url = await server.url();
    let reply = '';
    while (reply !== 'v2 reply 3') reply = await ask(url, 'prompt 3');
    await stop(server);
    const next = start(path);
    expect(await ask(await next.url(), 'prompt 3')).toBe('v2 reply 3');
    await stop(next);
    expect(besides(path)).toEqual(['data.jsonl.gz.verbatim-spool']);
  });
});

/** Runs a command where a folder, `$1`, is a disk of a megabyte. It takes a namespace for mounts, which not every system grants. */
const ON_SMALL_DISK = ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=1m tmpfs "$1" && shift && exec "$@"', 'sh'];
const canMount = spawnSync('unshare', [...ON_SMALL_DISK, newFolder('probe-'), 'true']).status === 0;

/** Gzip of 2.8 MB of records, whose parts are packed equally well. */
function evenlyPacked(toRecord: (prompt: string, reply: string) => object): Buffer {
  let state = 1;
  const word = () => {
    state = (state * 48_271) % 0x7fffffff;
    return state.toString(16).padStart(8, '0').repeat(4);
  };
  const texts = Array.from({ length: 2000 }, () => Array.from({ length: 40 }, word).join(' '));
  return gzipSync(texts.map((text, i) => JSON.stringify(toRecord(`prompt ${i}`, text))).join('\n'));
}

describe.runIf(canMount)('a full disk', () => {
  const onSmallDisk = (disk: string, env: Record<string, string>, ...command: readonly string[]) =>
    new ServerProcess('unshare', [...ON_SMALL_DISK, disk, ...command], env);
  const pairs = evenlyPacked((question, answer) => ({ question, answer }));
  const native = evenlyPacked((user, assistant) => ({
    messages: [
      { role: 'user', content: user },
      { role: 'assistant', content: assistant },
    ],
  }));

  it.each([
    ['records that are converted', pairs, 5, 9],
    ['records that are only unpacked', native, 2, 5],
  ])('is named with the space that is needed: %s', async (_what, content, least, most) => {
    const disk = newFolder('disk-');
    const path = fileOf(content);
    const server = onSmallDisk(disk, { INDEX_DIR: disk }, process.execPath, program, path);
    expect(await server.exited).toBe(1);
    const message = `verbatim: ${path}: its spool can't be written: the disk is full: it needs about N MB in ${disk}; choose another folder with INDEX_DIR\n`;
    expect(server.stderr.replace(/about \d+ MB/, 'about N MB')).toBe(message);
    const megabytes = Number(/about (\d+) MB/.exec(server.stderr)?.[1]);
    expect(megabytes).toBeGreaterThanOrEqual(least);
    expect(megabytes).toBeLessThanOrEqual(most);
  });

  it("is left for the user's cache folder if it is that of the dataset", async () => {
    const disk = newFolder('disk-');
    const cache = newFolder('cache-');
    const server = onSmallDisk(
      disk,
      { XDG_CACHE_HOME: cache },
      ...['sh', '-c', 'cp "$1" "$2/data.jsonl.gz" && exec "$0" "$3" "$2/data.jsonl.gz"'],
      ...[process.execPath, fileOf(packed('v1', 3000)), disk, program],
    );
    expect(await ask(await server.url(), 'prompt 2999')).toBe('v1 reply 2999');
    await stop(server);
    expect(readdirSync(join(cache, 'verbatim')).filter((name) => name.endsWith('-spool'))).toHaveLength(1);
  });
});
