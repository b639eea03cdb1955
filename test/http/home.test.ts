/** The responses of `/` to a browser, to a program and to curl. */

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { NOTHING_COUNTED } from '#dist/dataset/counts.js';
import { stateText } from '#dist/http/endpoints/home.js';
import { stateOf } from '#dist/http/endpoints/ready.js';
import { guardedBy, serveApp } from '../support/app.js';
import { temporaryFolder } from '../support/temporary.js';

const PROMPT = `<b>Isn't "this"</b> & \u001b[31mthat`;
const path = join(temporaryFolder(), 'dataset.json');

const BROWSER = 'text/html,application/xhtml+xml,*/*;q=0.8';

let base: string;
let guarded: string;
beforeAll(async () => {
  const conversations = [
    { from: 'human', value: PROMPT },
    { from: 'gpt', value: 'It is.' },
  ];
  writeFileSync(path, JSON.stringify([{ conversations }]));
  base = await serveApp(path, { id: '<script>' });
  guarded = await serveApp(path, guardedBy('the-key'));
});

interface Home {
  readonly models?: readonly object[];
  readonly problem?: string;
  readonly try?: { readonly what: string; readonly prompt?: string; readonly curl: string };
  readonly links: Readonly<Record<string, string>>;
}

async function jsonAt(url: string, headers: Record<string, string> = {}): Promise<Home> {
  const answer = await fetch(url, { headers: { accept: 'application/json', ...headers } });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json']);
  return (await answer.json()) as Home;
}

async function htmlAt(url: string, headers: Record<string, string> = {}): Promise<string> {
  const answer = await fetch(url, { headers: { accept: BROWSER, ...headers } });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(answer.headers.get('cache-control')).toBe('no-store');
  return answer.text();
}

async function textAt(url: string, headers: Record<string, string> = {}) {
  const answer = await fetch(url, { headers });
  expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  return { status: answer.status, text: await answer.text() };
}

/** What the server answers to a curl command, with the key in the environment. */
async function runInShell(command = ''): Promise<unknown> {
  const env = { ...process.env, API_KEY: 'the-key' };
  const { stdout } = await promisify(execFile)('sh', ['-c', `${command} -sS`], { env });
  return JSON.parse(stdout);
}

describe('GET /', () => {
  it('describes the server, its datasets and an example as JSON', async () => {
    const home = await jsonAt(base);
    expect(home).toMatchObject({
      name: 'verbatim',
      version: '1.2.3',
      models: [
        {
          id: '<script>',
          status: 'ready',
          engine: 'index',
          progress: 1,
          conversations: 1,
          turns: 2,
          skipped: 0,
        },
      ],
      try: { prompt: PROMPT },
    });
    for (const link of ['/docs', '/openapi.json', '/metrics', '/ready']) {
      expect(Object.values(home.links)).toContain(link);
      expect((await fetch(base + link)).status).toBe(200);
    }
  });

  it('is a page for a browser, whose files are relative to it and may be kept', async () => {
    const html = await htmlAt(base);
    const files = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, file = '']) => file);
    expect(files.map((file) => file.replace(/-[\w-]{8}\./, '.'))).toEqual([
      './web/icon.svg',
      './web/index.js',
      './web/index.css',
    ]);
    for (const file of files) {
      const { status, headers } = await fetch(new URL(file, `${base}/`));
      expect([status, headers.get('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable']);
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    }
    expect(html).not.toMatch(/<script[^>]*>[^<]|<style|\sstyle=|\son\w+=/);
  });

  it.each(['*/*', 'text/plain'])('shows the same as text to a client with `Accept: %s`', async (accept) => {
    const { text } = await textAt(base, { accept });
    const curl = (await jsonAt(base)).try?.curl ?? '';
    expect(text).toMatch(/^verbatim 1\.2\.3\n/);
    expect(text.split('\n')).toEqual(
      expect.arrayContaining([
        '  <script>  ready: 1 conversation, 2 turns, index in memory',
        'A prompt that has a reply:',
        curl,
        `  docs  ${base}/docs`,
      ]),
    );
    expect(text).not.toContain('\u001b');
    expect(await runInShell(curl)).toMatchObject({ choices: [{ message: { content: 'It is.' } }] });
  });

  it.each([
    [{}, 'ready: 1,000 conversations, 2,000 turns, index in memory'],
    [{ engine: 'sweep' }, 'ready: 1,000 conversations, 2,000 turns, no index in memory'],
    [{ engine: 'sweep', progress: 0.419 }, 'ready: 41 % read, 1,000 conversations, 2,000 turns so far'],
    [{ isAvailable: false, progress: 0.419 }, 'unavailable: 41 % read'],
    [{ isAvailable: false }, 'unavailable'],
  ] as const)('describes the state of a dataset in words: %j', (state, text) => {
    const counts = { ...NOTHING_COUNTED, conversations: 1000, turns: 2000 };
    const status = { isAvailable: true, engine: 'index', progress: 1, counts, ...state } as const;
    expect(stateText(stateOf({ status }))).toBe(text);
  });

  it.each(['', '$API_KEY'])('has a curl command that gets a reply when run in a shell', async (key) => {
    const home = await jsonAt(key === '' ? base : guarded, { authorization: 'Bearer the-key' });
    expect(await runInShell(home.try?.curl)).toMatchObject({ choices: [{ message: { content: 'It is.' } }] });
  });

  it('shows nothing of the datasets without a required key', async () => {
    for (const [headers, problem] of [
      [{}, 'The state of the datasets requires an API key.'],
      [
        { authorization: 'Bearer wrong' },
        'The API key is wrong. The state of the datasets requires an accepted one.',
      ],
    ] as const) {
      expect(await htmlAt(guarded, headers)).toBe(await htmlAt(base));
      const { text } = await textAt(guarded, headers);
      expect(text.split('\n')).toContain(problem);
      expect(text).not.toMatch(/Datasets:|Isn|dataset\.json/);
      const home = await jsonAt(guarded, headers);
      expect(Object.keys(home).sort()).toEqual(['description', 'links', 'name', 'problem', 'try', 'version']);
      expect(home.problem).toBe(problem);
      expect(home.try).toEqual({
        what: 'The list of the models, with API_KEY set to a key',
        curl: expect.stringContaining('/v1/models'),
      });
      expect(await runInShell(home.try?.curl)).toMatchObject({ data: [{ id: 'dataset' }] });
    }
    const home = await jsonAt(guarded, { authorization: 'Bearer the-key' });
    expect(home.models).toHaveLength(1);
  });

  it('names the address that the client used, unless it is unsafe in a shell', async () => {
    const { port } = new URL(base);
    const curlFor = (host: string) =>
      new Promise<string | undefined>((resolve, reject) => {
        const headers = { host, accept: 'application/json' };
        const sent = request(base, { headers }, async (answer) => {
          resolve((JSON.parse((await answer.toArray()).join('')) as Home).try?.curl);
        });
        sent.once('error', reject).end();
      });
    const at = (address: string) => expect.stringContaining(`curl http://${address}/v1/chat/completions `);
    expect(await curlFor('example.org:8080')).toEqual(at('example.org:8080'));
    expect(await curlFor('[::1]:8080')).toEqual(at('[::1]:8080'));
    for (const host of ['x;reboot', 'a b', '$(reboot)', '-o/tmp/x', '']) {
      expect(await curlFor(host)).toEqual(at(`127.0.0.1:${port}`));
    }
  });
});
