import { once } from 'node:events';
import { mkdtempSync, readdirSync, truncateSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { openDataset } from '#dist/dataset/dataset.js';
import { indexPaths } from '#dist/index/paths.js';
import { loadIndex } from '#dist/index/saved-index.js';
import { FACTOR, IS_LONG } from '../support/factor.js';
import { appendRecord, replace } from '../support/served.js';
import { type ServerProcess, startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const newFolder = (name: string) => mkdtempSync(join(folder, name));

/** The replies of a dataset, by their prompts. */
type Replies = ReadonlyMap<string, string>;

/** Every reply carries its prompt and a version, at both ends; replies of different versions differ in length. */
function repliesOf(version: number, from: number, to: number): Replies {
  const entries = Array.from({ length: to - from }, (_, i) => {
    const mark = `version ${version} of ${from + i}`;
    return [`prompt ${from + i}`, `${mark} ${'é\n"'.repeat(20 + 3 * version + (i % 7))} ${mark}`] as const;
  });
  return new Map(entries);
}

function recordsOf(replies: Replies): object[] {
  return [...replies].map(([prompt, reply], i) => {
    const values = ['hello', `good day ${i}`, prompt, reply];
    return {
      conversations: values.map((value, turn) => ({ from: turn % 2 === 0 ? 'human' : 'gpt', value })),
    };
  });
}

function fileOf(content: string): string {
  const path = join(newFolder('data-'), 'dataset.json');
  writeFileSync(path, content);
  return path;
}

const arrayOf = (replies: Replies) => JSON.stringify(recordsOf(replies));
const linesOf = (replies: Replies) =>
  recordsOf(replies)
    .map((record) => `${JSON.stringify(record)}\n`)
    .join('');

interface Answer {
  readonly status: number;
  readonly reply: string | undefined;
  readonly retryAfter: string | null;
}

async function ask(url: string, prompt: string): Promise<Answer> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content: prompt }] }),
  });
  const { choices } = (await response.json()) as { choices?: { message: { content: string } }[] };
  const reply = choices?.[0]?.message.content;
  return { status: response.status, reply, retryAfter: response.headers.get('retry-after') };
}

/** Waits until the index answers. */
const indexStands = (server: ServerProcess) => server.waitFor(/index ready|saved index loaded/, 'stderr');

describe('the saved index of a large dataset', () => {
  const count = 10_000 * Math.min(FACTOR, 3);
  const replies = repliesOf(1, 0, count);
  const path = fileOf(arrayOf(replies));
  const asked = [0, count / 2, count - 1, count].map((i) => `prompt ${i}`);

  const start = (indexDir: string) =>
    startServer([path, '--workers', '2'], { INDEX_DIR: indexDir, LOG_LEVEL: 'debug' });
  const expectRightAnswers = async (url: string) => {
    for (const prompt of asked) expect((await ask(url, prompt)).reply).toEqual(replies.get(prompt));
  };
  const indexIn = (indexDir: string) => indexPaths(path, indexDir)[0] as string;

  it.each<[string, (server: ServerProcess, indexDir: string) => Promise<unknown>]>([
    ['it reads the dataset', (server) => server.waitFor(/reading datasets/, 'stderr')],
    ['it listens', (server) => server.waitFor(/listening/)],
    ...[1, 3, 5].map((count): [string, (server: ServerProcess, indexDir: string) => Promise<void>] => [
      `its folder has changed ${count} times`,
      async (_server, indexDir) => {
        const watcher = watch(indexDir);
        for (let i = 0; i < count; i++) await once(watcher, 'change');
        watcher.close();
      },
    ]),
    ['the index is saved', (server) => server.waitFor(/index saved/, 'stderr')],
  ])('is complete or absent after its server is killed as %s', async (_when, moment) => {
    const indexDir = newFolder('index-');
    const killed = start(indexDir);
    await moment(killed, indexDir);
    killed.kill('SIGKILL');
    expect(await killed.exited).toBe('SIGKILL');
    const left = await loadIndex(indexIn(indexDir), openDataset(path), 'o200k_base');
    expect(['undefined', 'object']).toContain(typeof left);

    const next = start(indexDir);
    const url = await next.url();
    await expectRightAnswers(url);
    await indexStands(next);
    await expectRightAnswers(url);
    await next.waitFor(left === undefined ? /index saved/ : /saved index loaded/, 'stderr');
    expect(next.stderr).not.toContain('saved index rejected');
  });

  it('is valid for a third server after two have saved it at once', async () => {
    const indexDir = newFolder('index-');
    const both = [start(indexDir), start(indexDir)];
    for (const server of both) {
      const url = await server.url();
      await expectRightAnswers(url);
      await server.waitFor(/index saved|saved index loaded/, 'stderr');
      await expectRightAnswers(url);
    }
    expect(readdirSync(indexDir).map((name) => join(indexDir, name))).toEqual([indexIn(indexDir)]);
    const third = start(indexDir);
    await expectRightAnswers(await third.url());
    expect(third.stderr).toContain('saved index loaded');
    expect(third.stderr).not.toContain('saved index rejected');
  });

  it.each([
    ['below a file', () => join(fileOf('x'), 'indexes'), 'ENOTDIR'],
    ['in a file system that takes no folders', () => '/proc/verbatim/indexes', 'ENOENT'],
  ])("is skipped with a warning if it can't be written anywhere: %s", async (_where, indexDirOf, code) => {
    const server = start(indexDirOf());
    const url = await server.url();
    const [line] = await server.waitFor(/^.*index not saved.*$/m, 'stderr');
    expect(JSON.parse(line)).toMatchObject({ level: 40, problems: [expect.stringContaining(code)] });
    await indexStands(server);
    await expectRightAnswers(url);
  });
});

/** A way to change a dataset under load. */
interface Change {
  readonly before: Replies;
  readonly after: Replies;
  readonly content: (replies: Replies) => string;
  readonly apply: (path: string) => void;
}

const old = repliesOf(1, 0, 3000);
const other = repliesOf(2, 1000, 4500);
const more = repliesOf(1, 3000, 3001);
const fewer = new Map([...old].slice(0, 1500));

const CHANGES: Readonly<Record<string, Change>> = {
  'is replaced': {
    before: old,
    after: other,
    content: arrayOf,
    apply: (path) => replace(path, arrayOf(other)),
  },
  'is rewritten in place': {
    before: old,
    after: other,
    content: arrayOf,
    apply: (path) => writeFileSync(path, arrayOf(other)),
  },
  'is appended to': {
    before: old,
    after: new Map([...old, ...more]),
    content: arrayOf,
    apply: (path) => appendRecord(path, recordsOf(more)[0]),
  },
  'is cut between its lines': {
    before: old,
    after: fewer,
    content: linesOf,
    apply: (path) => truncateSync(path, Buffer.byteLength(linesOf(fewer))),
  },
};

const CLIENTS = 4;
const ANSWERS_EACH = 20 * FACTOR;
/** How long a client waits between two requests, in ms: several hundred a second are load enough until the server looks at its file. */
const PAUSE_MS = 4;

/** Sends one prompt after the other, and compares every answer with the file's content before and after the change. */
class Load {
  /** True once an answer came from the new file. */
  isNew = false;
  private readonly before: Replies;
  private readonly after: Replies;
  private readonly prompts: readonly string[];

  constructor({ before, after }: Change) {
    this.before = before;
    this.after = after;
    this.prompts = [...new Map([...before, ...after]).keys()];
  }

  /** Sends requests until `isDue` was true for this number of answers; busy answers don't count. */
  async ask(url: string, client: number, isDue: () => boolean): Promise<void> {
    for (let n = 0, answers = 0; answers < ANSWERS_EACH; n++) {
      // Some prompts repeat often, others never; the last ones, which may be new, often.
      const at = n % 5 === 0 ? -1 - (client % 3) : (client * 997 + n * n * 31) % this.prompts.length;
      if (this.isAnswered(await this.askOne(url, this.prompts.at(at) as string)) && isDue()) answers++;
      await setTimeout(PAUSE_MS);
    }
  }

  /** @throws if the answer isn't one of those allowed */
  private async askOne(url: string, prompt: string): Promise<Answer> {
    const wasNew = this.isNew;
    const answer = await ask(url, prompt);
    if (answer.status === 503) {
      expect(answer.retryAfter).toBe('1');
      return answer;
    }
    expect(answer.status).toBe(answer.reply === undefined ? 404 : 200);
    const [before, after] = [this.before.get(prompt), this.after.get(prompt)];
    expect(wasNew ? [after] : [before, after]).toContain(answer.reply);
    if (answer.reply === after && after !== before) this.isNew = true;
    return answer;
  }

  private isAnswered({ status }: Answer): boolean {
    return status !== 503;
  }
}

/** Makes the server check its file. With sweeps it must notice by itself, which takes up to a second. */
function lookNow(server: ServerProcess, engine: string): void {
  if (engine !== 'sweep') server.kill('SIGHUP');
}

describe.each(['auto', 'sweep', 'index'])('under load by engine %s a dataset', (engine) => {
  // Noticing a change is the same with each engine.
  it.each(engine === 'auto' || IS_LONG ? Object.keys(CHANGES) : ['is replaced'])(
    'that %s is answered from the old file or the new one, then from the new one',
    async (name) => {
      const change = CHANGES[name] as Change;
      const path = fileOf(change.content(change.before));
      const args = [path, '--engine', engine, '--workers', '2'];
      const server = startServer(args, { INDEX_DIR: newFolder('index-') });
      const url = await server.url();
      const load = new Load(change);
      const clients = Array.from({ length: CLIENTS }, (_, i) => i);
      await Promise.all(clients.map((i) => load.ask(url, i, () => true)));
      const running = Promise.all(clients.map((i) => load.ask(url, i, () => load.isNew)));
      change.apply(path);
      lookNow(server, engine);
      await running;
    },
  );

  it('that is truncated in a record gets 503, and is answered again when it is complete', async () => {
    const change = CHANGES['is rewritten in place'] as Change;
    const path = fileOf(arrayOf(old));
    const args = [path, '--engine', engine, '--workers', '2'];
    const server = startServer(args, { INDEX_DIR: newFolder('index-') });
    const url = await server.url();
    const load = new Load(change);
    const running = Promise.all(
      Array.from({ length: CLIENTS }, (_, i) => load.ask(url, i, () => load.isNew)),
    );
    truncateSync(path, Buffer.byteLength(arrayOf(fewer)));
    await server.waitFor(/dataset unavailable/, 'stderr');
    expect(await ask(url, 'prompt 1')).toMatchObject({ status: 503, retryAfter: '1' });
    expect((await fetch(`${url}/ready`)).status).toBe(503);
    change.apply(path);
    lookNow(server, engine);
    await running;
    expect((await fetch(`${url}/ready`)).status).toBe(200);
  });
});
