import { appendFileSync, mkdtempSync, readdirSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { INDEX_SEGMENTS_MAX } from '#dist/core/limits.js';
import { startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
/** Each of the first six events of the index folder ends a server twice. */
const KILLS = 12;

const replyOf = (i: number) => `reply ${i} ${'é\n"'.repeat(10 + (i % 7))}`;
const lineOf = (i: number) => {
  const turns = [
    { from: 'human', value: `prompt ${i}` },
    { from: 'gpt', value: replyOf(i) },
  ];
  return `${JSON.stringify({ conversations: turns })}\n`;
};
const linesOf = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => lineOf(from + i)).join('');

function fileOf(count: number): string {
  const path = join(mkdtempSync(join(folder, 'of-')), 'dataset.jsonl');
  writeFileSync(path, linesOf(0, count));
  return path;
}

/** The reply, each time over another connection; `missing` without one. */
async function ask(url: string, i: number): Promise<string> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ messages: [{ role: 'user', content: `prompt ${i}` }] }),
  });
  const answer = (await response.json()) as { choices?: { message: { content: string } }[] };
  return answer.choices?.[0]?.message.content ?? `missing: ${JSON.stringify(answer)}`;
}

it.each(['1', '2'])('answers from what is appended under requests, with %s threads', async (threads) => {
  const path = fileOf(5000);
  const env = { ENGINE: 'index', HTTP_THREADS: threads, LOG_LEVEL: 'debug' };
  const server = startServer([path], env);
  const url = await server.url();
  let isDone = false;
  let asked = 0;
  const load = async (client: number) => {
    for (let n = client; !isDone; n += 7, asked++) expect(await ask(url, n % 5000)).toBe(replyOf(n % 5000));
  };
  const clients = Promise.all([0, 1, 2, 3].map(load));
  let count = 5000;
  for (let step = 0; step < 25; step++) {
    const more = step % 5 === 4 ? 400 : 1 + step;
    appendFileSync(path, linesOf(count, count + more));
    count += more;
    // The connections are spread over the threads.
    for (const i of [count - 1, count - more, count - 1]) expect(await ask(url, i)).toBe(replyOf(i));
    expect(await ask(url, count)).toContain('missing');
  }
  isDone = true;
  await clients;
  expect(asked).toBeGreaterThan(0);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toMatch(/^verbatim_sweeps_total\S* 0$/m);
  expect(server.stderr).toContain('dataset has grown');
  expect(server.stderr).not.toContain('dataset changed; reading it again');
});

it('answers right after it was killed at any moment while a file grew, from what it had saved', async () => {
  const path = fileOf(50);
  const indexDir = mkdtempSync(join(folder, 'index-'));
  const start = () => startServer([path], { ENGINE: 'index', INDEX_DIR: indexDir });
  let count = 50;
  for (let kill = 0; kill < KILLS; kill++) {
    const server = start();
    const url = await server.url();
    for (const i of [0, 49, count - 1, count - 2, count >> 1]) expect(await ask(url, i)).toBe(replyOf(i));
    expect(await ask(url, count)).toContain('missing');
    // Each save makes a file, writes it and renames it.
    let left = 1 + (kill % 6);
    const watcher = watch(indexDir, () => {
      if (--left === 0) server.kill('SIGKILL');
    });
    let isKilled = false;
    const exited = server.exited.then(() => {
      isKilled = true;
    });
    while (!isKilled) {
      appendFileSync(path, lineOf(count));
      const answer = await ask(url, count).catch(() => undefined);
      expect([replyOf(count), undefined]).toContain(answer);
      count++;
    }
    await exited;
    watcher.close();
    expect(server.stderr).not.toContain('reading it again');
    if (kill > 0) expect(server.stderr).not.toContain('rejected');
  }
  const last = start();
  const url = await last.url();
  for (let i = 0; i < count; i++) expect(await ask(url, i)).toBe(replyOf(i));
  expect(last.stderr).toContain('saved index loaded');
  last.kill('SIGTERM');
  await last.exited;
  const names = readdirSync(indexDir).filter((name) => !name.endsWith('.unfinished'));
  expect(names.length).toBeLessThanOrEqual(INDEX_SEGMENTS_MAX);
}, 240_000);
