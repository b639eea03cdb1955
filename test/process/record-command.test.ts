/** `verbatim record`, as people run it. */

import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/project.js';
import { program, ServerProcess, startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
const dataset = join(folder, 'upstream.jsonl');
writeFileSync(
  dataset,
  ['one', 'two', 'three']
    .map((word) => ({
      messages: [
        { role: 'user', content: `Say ${word}.` },
        { role: 'assistant', content: word },
      ],
    }))
    .map((record) => `${JSON.stringify(record)}\n`)
    .join(''),
);

/** Tests of an application, which asks OpenAI and Anthropic. */
const SUITE = `
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { expect, it } from 'vitest';

const openai = new OpenAI({ maxRetries: 0 });

it('chats', async () => {
  const messages = [{ role: 'user', content: 'Say one.' }];
  const { choices } = await openai.chat.completions.create({ model: 'gpt-4o', messages });
  expect(choices[0].message.content).toBe('one');
});

it('streams', async () => {
  const stream = openai.responses.stream({ model: 'gpt-4o', input: 'Say two.' });
  expect((await stream.finalResponse()).output_text).toBe('two');
});

it('asks Anthropic', async () => {
  const messages = [{ role: 'user', content: 'Say three.' }];
  const { content } = await new Anthropic({ maxRetries: 0 }).messages.create({ model: 'claude', max_tokens: 9, messages });
  expect(content[0].text).toBe('three');
});
`;

/** A run of \`verbatim record\` in the folder, whose environment has no keys and addresses but those given. */
function record(args: readonly string[], env: Record<string, string> = {}): ServerProcess {
  const none = { OPENAI_BASE_URL: '', ANTHROPIC_BASE_URL: '', PORT: '', CI: '1', NO_COLOR: '1' };
  return new ServerProcess(process.execPath, [program, 'record', ...args], { ...none, ...env }, folder);
}

describe('verbatim record', () => {
  it('lets a suite pass a second time with the upstream gone', async () => {
    const suite = join(folder, 'application.test.js');
    writeFileSync(suite, SUITE);
    const upstream = startServer([dataset, '--index-dir', 'none']);
    const args = ['--upstream', `${await upstream.url()}/v1`, '--', 'npx', 'vitest', 'run', '--root', folder];
    const first = record(args);
    expect(await first.exited, first.stdout + first.stderr).toBe(0);
    expect(first.stderr).toContain('verbatim: 0 hits, 3 recorded, 0 failed (recordings.jsonl)');
    upstream.kill('SIGKILL');
    await upstream.exited;
    const second = record(args);
    expect(await second.exited, second.stdout + second.stderr).toBe(0);
    expect(second.stdout).toMatch(/Tests\s+3 passed/);
    expect(second.stderr).toContain('verbatim: 3 hits, 0 recorded, 0 failed (recordings.jsonl)');
  });

  it('ends with the exit code of its command, and passes arguments on as they are', async () => {
    const script = 'console.log(JSON.stringify(process.argv.slice(1))); process.exitCode = 7';
    const run = record([
      '--record',
      'a.jsonl',
      '--',
      process.execPath,
      '-e',
      script,
      'a b',
      '--',
      '$HOME',
      '*',
    ]);
    expect(await run.exited).toBe(7);
    expect(run.stdout).toContain('["a b","--","$HOME","*"]');
    expect(run.stderr).toContain('verbatim: 0 hits, 0 recorded, 0 failed (a.jsonl)');
  });

  it('counts what fails', async () => {
    const ask = `fetch(process.env.OPENAI_BASE_URL + '/chat/completions', { method: 'POST', headers: { 'content-type': 'application/json' },
      body: '{"messages":[{"role":"user","content":"x"}]}' }).then(({ status }) => console.log('status', status))`;
    const args = [
      '--record',
      'b.jsonl',
      '--upstream',
      'http://127.0.0.1:9',
      '--',
      process.execPath,
      '-e',
      ask,
    ];
    const run = record(args);
    expect(await run.exited).toBe(0);
    expect(run.stdout).toContain('status 502');
    expect(run.stderr).toContain('verbatim: 0 hits, 0 recorded, 1 failed (b.jsonl)');
  });

  it('says that a command is missing', async () => {
    const none = record([]);
    expect(await none.exited).toBe(2);
    expect(none.stderr).toContain('record: expected a command: verbatim record -- npm test');
    const unknown = record(['--record', 'c.jsonl', '--', 'no-such-command']);
    expect(await unknown.exited).toBe(127);
    expect(unknown.stderr).toContain("cannot run 'no-such-command': there is no such command");
  });

  it('passes a signal on to its command, and ends after it', async () => {
    const waiting =
      "process.on('SIGTERM', () => process.exit(3)); setInterval(() => {}, 1000); console.log('ready')";
    const run = record(['--record', 'd.jsonl', '--', process.execPath, '-e', waiting]);
    await run.waitFor(/ready/);
    run.kill('SIGTERM');
    expect(await run.exited).toBe(3);
  });

  it('makes no file in the mode replay', async () => {
    const run = record(['--record', 'none.jsonl', '--mode', 'replay', '--', process.execPath, '-e', '']);
    expect(await run.exited).toBe(1);
    expect(run.stderr).toContain('none.jsonl: there is no such file');
    expect(existsSync(join(folder, 'none.jsonl'))).toBe(false);
    expect(readFileSync(dataset, 'utf8')).toContain('Say one.');
  });
});
