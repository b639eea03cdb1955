import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CommandError } from '#dist/core/errors.js';
import { EXPECTED_DATASET } from '#dist/dataset/dataset-error.js';
import { FACTOR } from '../support/factor.js';
import { openAndWalk } from '../support/served.js';
import { program, ServerProcess, startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';
import { tokenized, tokenizerPath } from '../support/tokenizers.js';

const folder = temporaryFolder();
const good = [
  {
    id: 'a',
    conversations: [
      { from: 'human', value: "What's up?" },
      { from: 'gpt', value: 'All well.' },
    ],
  },
];

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A dataset longer than the part that is read before the server listens. */
function longFile(name: string): string {
  const long = {
    conversations: [
      { from: 'human', value: 'long' },
      { from: 'gpt', value: 'x'.repeat(1_000_000) },
    ],
  };
  const last = {
    id: 'last',
    conversations: [
      { from: 'human', value: 'end?' },
      { from: 'gpt', value: 'end.' },
    ],
  };
  return file(name, JSON.stringify([...good, ...Array.from({ length: 40 }, () => long), last]));
}

/** Expects a line to be the last one logged. Progress lines may precede it on a slow machine. */
function expectLastLine({ stderr }: ServerProcess, line: string): void {
  const lines = stderr.trimEnd().split('\n');
  expect(lines.pop()).toBe(line);
  expect(lines.filter((other) => !other.includes('"progress"'))).toEqual([]);
}

/** The reason why a dataset can't be served: the line that a start prints after the program's name. */
async function problemOf(path: string): Promise<string> {
  try {
    await openAndWalk(path);
  } catch (error) {
    expect(error).toBeInstanceOf(CommandError);
    return (error as CommandError).message;
  }
  return expect.fail('expected a CommandError');
}

/** Starts a server that has no permission to read what its user may not read: root, too, unless it drops that capability. */
function startUnprivileged(path: string): ServerProcess {
  if (process.getuid?.() !== 0) return startServer([path]);
  const drop = ['--bounding-set', '-dac_override,-dac_read_search'];
  return new ServerProcess('setpriv', [...drop, process.execPath, program, path]);
}

describe('a start', () => {
  it('prints the dataset, the engine, the address of the page, and a curl command that works when pasted', async () => {
    const path = file('good.json', JSON.stringify(good));
    const server = startServer([path, '--workers', '3']);
    await server.url();
    const [, curl] = await server.waitFor(/^try: (curl .*)$/m);
    expect(server.stdout).toContain(
      `${path}: 103 bytes, 1 conversation, 2 turns, 3 workers, engine in use: index`,
    );
    expect(execFileSync('bash', ['-c', `${curl} --silent`], { encoding: 'utf8' })).toContain(
      '"content":"All well."',
    );
    const [, address = ''] = await server.waitFor(/^page: (http:.*)$/m);
    const page = await fetch(address, { headers: { accept: 'text/html' } });
    expect(await page.text()).toContain('<title>verbatim</title>');
  });

  it('with keys prints a curl command for a shell whose API_KEY is one of them', async () => {
    const path = file('guarded.json', JSON.stringify(good));
    const env = { API_KEYS: 'first,second' };
    const server = startServer([path], env);
    const [, curl] = await server.waitFor(/^try, with API_KEY set to a key: (curl .*)$/m);
    expect(curl).not.toContain('first');
    const options = { encoding: 'utf8', env: { ...process.env, API_KEY: 'second' } } as const;
    expect(execFileSync('bash', ['-c', `${curl} --silent`], options)).toContain('"content":"All well."');
  });

  it('serves the sample by default', async () => {
    const url = await startServer().url();
    const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: unknown[] };
    expect(data).toEqual([expect.objectContaining({ id: 'sample', owned_by: 'verbatim' })]);
  });

  it('takes settings from the environment, too, and lets flags override them', async () => {
    const path = file('env.json', JSON.stringify(good));
    const server = startServer(['--workers', '2'], {
      DATASET: path,
      WORKERS: '1',
      API_KEYS: 'k',
      LOG_LEVEL: 'silent',
    });
    const url = await server.url();
    expect(server.stdout).toContain('2 workers');
    expect((await fetch(`${url}/v1/models`)).status).toBe(401);
    expect((await fetch(`${url}/v1/models`, { headers: { authorization: 'Bearer k' } })).status).toBe(200);
    expect(server.stderr).toBe('');
  });

  it('of several datasets prints what each holds', async () => {
    const server = startServer([
      file('one.json', JSON.stringify(good)),
      `m=${file('two.json', JSON.stringify(good))}`,
    ]);
    const url = await server.url();
    expect(server.stdout.match(/^verbatim serves .*$/gm)).toHaveLength(2);
    const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(['one', 'm']);
    server.kill('SIGTERM');
    expect(await server.exited).toBe(0);
  });

  it('of several datasets fails with one line about the invalid one', async () => {
    const broken = file('broken.json', JSON.stringify(good).replace('"All', '"All"'));
    const server = startServer([longFile('whole.json'), broken, '--log-level', 'fatal']);
    expect(await server.exited).toBe(1);
    expect(server.stderr).toMatch(/^verbatim: .*broken\.json:1:\d+ \(byte \d+\): not valid JSON.*\n$/);
  });

  it('counts, logs and skips records that are not conversations', async () => {
    const server = startServer([file('mixed.json', JSON.stringify([5, ...good, { text: 'x' }, ...good]))]);
    const url = await server.url();
    expect(await (await fetch(`${url}/ready`)).json()).toMatchObject({
      status: 'ready',
      progress: 1,
      conversations: 2,
      turns: 4,
    });
    server.kill('SIGTERM');
    await server.exited;
    const lines = server.stderr.split('\n').filter((line) => line !== '');
    expect(lines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ skipped: 2, skippedAt: [1, 105] }),
    );
  });

  it('warns of records that are not conversations in a dataset that is converted', async () => {
    const content = 'prompt,response\nQ1,A1\nQ2,\nQ3,A3,more\n';
    const server = startServer([file('converted.csv', content)], { INDEX_DIR: 'none' });
    await server.url();
    await server.waitFor(
      /2 records skipped: not conversations; the first is record 1: a question without an answer/,
      'stderr',
    );
  });

  it.each([
    ['a dataset that is served as it is', JSON.stringify(good)],
    ['a dataset that is converted', 'prompt,response\nQ1,A1\n'],
  ])('warns of a map that no record has the fields of, in %s', async (_what, content) => {
    const args = [file('mapped', content), '--map', 'prompt=a,reply=b'];
    const server = startServer(args, { INDEX_DIR: 'none' });
    await server.url();
    await server.waitFor(/no record has the fields of --map prompt=a,reply=b: other shapes fit/, 'stderr');
  });

  it('answers while it still counts, and counts all', async () => {
    const server = startServer([longFile('long.json')]);
    const url = await server.url();
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      body: Buffer.from(JSON.stringify({ messages: [{ role: 'user', content: 'end?' }] })),
    });
    expect(answer.headers.get('x-verbatim-source')).toBe('last#1');
    // By then, the line that names them was printed or has become unnecessary.
    await server.waitFor(/"conversations":42,"turns":84/, 'stderr');
    expect(await (await fetch(`${url}/ready`)).json()).toMatchObject({
      progress: 1,
      conversations: 42,
      turns: 84,
    });
  });

  it('goes on when its output is not read', async () => {
    const server = startServer([longFile('unread.json')]);
    const url = await server.url();
    server.closeStdout();
    // By the time everything is counted, it has printed once more.
    let progress = 0;
    while (progress < 1)
      progress = ((await (await fetch(`${url}/ready`)).json()) as { progress: number }).progress;
    expect((await fetch(`${url}/health`)).status).toBe(200);
    server.kill('SIGTERM');
    expect(await server.exited).toBe(0);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'that is interrupted by %s exits with code 0, and never listens',
    async (signal) => {
      // Truncated, so that all of it is read before the server would listen.
      const path = file(`${signal}.json`, readFileSync(longFile('whole.json')).subarray(0, -10));
      const server = startServer([path, '--workers', '1'], { LOG_LEVEL: 'debug' });
      await server.waitFor(/reading datasets/, 'stderr');
      server.kill(signal);
      expect(await server.exited).toBe(0);
      expect(server.stdout).toBe('');
    },
  );

  it.each([
    ['missing', () => join(folder, 'nowhere.json'), 'there is no such file'],
    ['missing, and named over two lines', () => 'no\nwhere.json', 'there is no such file'],
    ['a folder', () => folder, 'it is a folder; expected a file'],
    ['empty', () => file('empty.json', ''), `the file is empty; expected ${EXPECTED_DATASET}`],
    ['blank', () => file('blank.json', ' \n\t'), `the file is empty; expected ${EXPECTED_DATASET}`],
    [
      'plain text',
      () => file('plain.json', '\n Dear Sir'),
      `found 'D' at its start; expected ${EXPECTED_DATASET}`,
    ],
    [
      'compressed and cut off',
      () => file('my.json.gz', Buffer.from([0x1f, 0x8b, 8, 0])),
      ':1:4 (byte 4): the gzip data end too early',
    ],
    [
      'cut off in a text',
      () => file('cut1.json', JSON.stringify(good).slice(0, 60)),
      ':1:61 (byte 60): the file is cut off',
    ],
    [
      'cut off after a record',
      () => file('cut2.json', JSON.stringify(good).slice(0, -1)),
      ":1:103 (byte 102): the file is cut off; expected ',' or ']'",
    ],
    [
      'cut off after a comma',
      () => file('cut4.json', `[${JSON.stringify(good[0])},\n`),
      ':2:1 (byte 104): the file is cut off; expected a record',
    ],
    [
      'broken in the middle',
      () => file('broken.json', `[${JSON.stringify(good[0])}, {"id" 5}]`),
      ":1:111 (byte 110): not valid JSON: expected ':'",
    ],
    [
      'an object',
      () => file('object.json', '{"data": []}'),
      'no conversation in 1 record with the key "data": no known shape',
    ],
    [
      'an object of many lines',
      () => file('object2.json', '{\n  "data": []\n}'),
      'no conversation in 1 record with the key "data": no known shape',
    ],
    [
      'a list of something else',
      () => file('list.json', '["a", 1]'),
      'no conversation in 2 records: neither an object nor a list',
    ],
    [
      'an empty list',
      () => file('none.json', '[]'),
      `valid JSON, but an empty list; expected ${EXPECTED_DATASET}`,
    ],
    [
      'two lists',
      () => file('two.json', '[\n{"conversations": []}]\n[]'),
      ':3:1 (byte 25): expected nothing after the end of the list',
    ],
  ])('on a dataset that is %s fails with one line that gives the reason', async (_what, path, problem) => {
    const name = path();
    const message = await problemOf(name);
    expect(message).not.toContain('\n');
    expect(`${message}\n`).toContain(
      `${name.replace('\n', '\\n')}${problem.startsWith(':') ? '' : ': '}${problem}`,
    );
  });

  it.each([
    ['does not exist', () => join(folder, 'nowhere\n.json')],
    ['breaks off', () => file('cut4.json', JSON.stringify(good).slice(0, 60))],
  ])('on a dataset that %s prints that line, and exits with code 1', async (_what, path) => {
    const name = path();
    const server = startServer([name]);
    expect(await server.exited).toBe(1);
    expect(server.stderr).toBe(`verbatim: ${await problemOf(name)}\n`);
    expect(server.stdout).toBe('');
  });

  it('on a dataset without read permission fails with one line', async () => {
    const path = file('secret.json', JSON.stringify(good));
    chmodSync(path, 0);
    const server = startUnprivileged(path);
    expect(await server.exited).toBe(1);
    expect(server.stderr).toBe(`verbatim: ${path}: no permission to read it; expected ${EXPECTED_DATASET}\n`);
  });

  it.each(['folder', 'README.md'])(
    'on a folder with a %s without read permission fails with one line',
    async (name) => {
      const path = mkdtempSync(join(folder, 'of-'));
      writeFileSync(join(path, 'a.json'), JSON.stringify(good));
      const unreadable = join(path, name);
      if (name === 'folder') mkdirSync(unreadable);
      else writeFileSync(unreadable, '');
      chmodSync(unreadable, 0);
      const server = startUnprivileged(path);
      expect(await server.exited).toBe(1);
      const what = name === 'folder' ? 'the folder' : 'it';
      expect(server.stderr).toBe(`verbatim: ${unreadable}: ${what} can't be read (EACCES)\n`);
    },
  );

  it('that finds a broken record only after it listens ends with the same line', async () => {
    const long = JSON.stringify({ conversations: [{ from: 'human', value: 'x'.repeat(1_000_000) }] });
    const path = file('late.json', `[${Array.from({ length: 40 }, () => long).join(',')},{"id": tru}]`);
    const server = startServer([path]);
    expect(await server.exited).toBe(1);
    const at = 1 + 40 * (long.length + 1) + '{"id": '.length;
    expectLastLine(server, `verbatim: ${path}:1:${at + 1} (byte ${at}): not valid JSON: expected a value`);
  });

  it.each(['auto', 'sweep'])(
    'that finds a broken record about when it begins to listen ends with the same line, by %s',
    async (engine) => {
      const long = JSON.stringify({ conversations: [{ from: 'human', value: 'x'.repeat(1_000_000) }] });
      for (const count of Array.from({ length: FACTOR }, () => [20, 30]).flat()) {
        const path = file('soon.json', `[${Array.from({ length: count }, () => long).join(',')},}`);
        const server = startServer([path, '--engine', engine, '--index-dir', 'none']);
        expect(await server.exited).toBe(1);
        const at = 1 + count * (long.length + 1);
        expectLastLine(
          server,
          `verbatim: ${path}:1:${at + 1} (byte ${at}): not valid JSON: expected a value`,
        );
      }
    },
  );

  it('with an invalid setting fails with one line and exit code 2', async () => {
    const server = startServer(['--port', '99999']);
    expect(await server.exited).toBe(2);
    expect(server.stderr).toBe("verbatim: --port: expected a whole number from 0 to 65535, got '99999'\n");
    expect(server.stdout).toBe('');
  });

  it.each([
    ['is missing', 'no-tokenizer.json', undefined, "it can't be read (ENOENT)"],
    ['is a folder', './', undefined, "it isn't a regular file"],
    ['is not JSON', 'text.json', '{"model"', "it isn't JSON with a vocabulary"],
    [
      'has an id that is a text',
      'ids.json',
      '{"model": {"type": "WordLevel", "vocab": {"a": "x"}}}',
      "it isn't JSON with a vocabulary",
    ],
    [
      'has too large an id',
      'large.json',
      '{"model": {"type": "WordLevel", "vocab": {"a": 1e9}}}',
      "it isn't JSON with a vocabulary",
    ],
    ['is other JSON', 'other.json', '{"model": "gpt-4o"}', "it isn't JSON with a vocabulary"],
    [
      'has no tokens',
      'empty.json',
      '{"model": {"type": "BPE", "vocab": {}, "merges": []}}',
      "it isn't JSON with a vocabulary",
    ],
    [
      'is of an unknown kind',
      'unknown.json',
      '{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}, "normalizer": {"type": "Odd"}}',
      "it can't be loaded: Unknown Normalizer type: Odd",
    ],
  ])(
    'with a tokenizer file that %s fails with one line and exit code 2',
    async (_, name, content, reason) => {
      const path = content === undefined ? join(folder, name) : file(name, content);
      const server = startServer([], { TOKENIZER: path });
      expect(await server.exited).toBe(2);
      expect(server.stderr).toBe(
        `verbatim: TOKENIZER: expected a tokenizer.json of Hugging Face at '${path}'; ${reason}\n`,
      );
      expect(server.stdout).toBe('');
    },
  );

  it('with a tokenizer file serves its counts', async () => {
    const server = startServer([], { TOKENIZER: tokenizerPath('byte-level'), PORT: '0' });
    const response = await fetch(`${await server.url()}/tokenize`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: 'Hello, world!' }),
    });
    const tokens = tokenized['byte-level'][tokenized.texts.indexOf('Hello, world!')];
    expect(await response.json()).toMatchObject({ tokens });
  });

  it('on a port that is taken fails with one line', async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port));
    });
    const server = startServer(['--port', String(port)]);
    expect(await server.exited).toBe(1);
    expect(server.stderr).toContain(
      `verbatim: cannot listen on 127.0.0.1:${port} (given by --port): port in use`,
    );
    // It is checked before the dataset is read: this dataset is invalid.
    const broken = startServer([file('broken-port.json', '[{]')], { VERBATIM_PORT: String(port) });
    expect(await broken.exited).toBe(1);
    expect(broken.stderr).toContain(`${port} (given by VERBATIM_PORT): port in use`);
    // The file is looked for before.
    const missing = startServer(['missing.json'], { VERBATIM_PORT: String(port) });
    expect(await missing.exited).toBe(1);
    expect(missing.stderr).toMatch(/^verbatim: missing\.json: there is no such file; .*\n$/);
    taken.close();
  });

  it('on an unavailable address names the setting it came from', async () => {
    const server = startServer([], { HOST: '192.0.2.1' });
    expect(await server.exited).toBe(1);
    expect(server.stderr).toMatch(
      /^verbatim: cannot listen on 192\.0\.2\.1:0 \(given by HOST\): this machine has no such address; .* --host\n$/,
    );
  });

  it('prints its help, and its version', async () => {
    const help = startServer(['--help']);
    expect(await help.exited).toBe(0);
    for (const word of [
      'Usage: verbatim',
      '--dataset <files>',
      'BODY_LIMIT_MB',
      'API_KEYS',
      'default: 8000',
    ]) {
      expect(help.stdout).toContain(word);
    }
    const version = startServer(['--version']);
    expect(await version.exited).toBe(0);
    const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    expect(version.stdout.trim()).toBe(JSON.parse(manifest).version);
  });
});
