/** Standard input as a dataset. */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { EXPECTED_DATASET } from '#dist/dataset/dataset-error.js';
import { ROOT } from '../support/project.js';
import { program, ServerProcess, startPiped, startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const newFolder = () => mkdtempSync(join(folder, 'of-'));
const record = (question: string, answer: string) => `${JSON.stringify({ question, answer })}\n`;

async function ask(url: string, prompt: string) {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content: prompt }] }),
  });
  const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
  return { model: response.headers.get('x-verbatim-dataset'), reply: choices[0]?.message.content };
}

async function expectEnd(server: ServerProcess, code: number, stderr: string): Promise<void> {
  expect(await server.exited).toBe(code);
  expect(server.stderr).toBe(stderr);
}

it.each<[string, string, string, string | Uint8Array]>([
  ['JSON lines', '-', 'stdin', record('a', 'b')],
  ['compressed data', 'mine=-', 'mine', gzipSync(record('a', 'b'))],
])('%s on it are served, and leave nothing', async (_what, argument, model, content) => {
  const TMPDIR = newFolder();
  const indexDir = newFolder();
  const server = startPiped([argument, '--workers', '1'], { TMPDIR, INDEX_DIR: indexDir });
  server.input(content);
  expect(await ask(await server.url(), 'a')).toEqual({ model, reply: 'b' });
  expect(server.stdout).toContain(' stdin');
  server.kill('SIGTERM');
  expect(await server.exited).toBe(0);
  expect([...readdirSync(TMPDIR), ...readdirSync(indexDir)]).toEqual([]);
});

it('a file may be served with it', async () => {
  const server = startPiped(['-', join(ROOT, 'data/sample.json')], { INDEX_DIR: newFolder() });
  server.input(record('a', 'b'));
  expect(await ask(await server.url(), 'a')).toEqual({ model: 'stdin', reply: 'b' });
});

it('check reads it, and names it', async () => {
  const TMPDIR = newFolder();
  const server = startPiped(['check', '-'], { TMPDIR });
  server.input(gzipSync(record('a', 'b')));
  expect(await server.exited).toBe(0);
  expect(server.stdout).toMatch(/^stdin: 1 conversation, 2 turns\n {2}file +gzip, /);
  expect(readdirSync(TMPDIR)).toEqual([]);
});

it('without content, it is an error', async () => {
  await expectEnd(startServer(['-']), 1, `verbatim: stdin: nothing came; expected ${EXPECTED_DATASET}\n`);
});

it('that is a folder, it is an error', async () => {
  const command = 'exec "$0" "$1" check - < "$2"';
  const server = new ServerProcess('sh', ['-c', command, process.execPath, program, newFolder()]);
  await expectEnd(server, 1, `verbatim: stdin: it is a folder; expected ${EXPECTED_DATASET}\n`);
});

it('an error names it, and the place in it', async () => {
  const server = startPiped(['check', '-']);
  server.input('[{"question": "a", "answer": "b"}, 5 5]');
  await server.exited;
  expect(server.stderr).toMatch(/^verbatim: stdin:1:38 \(byte 37\): /);
});

it('a signal ends the reading', async () => {
  const TMPDIR = newFolder();
  const server = startPiped(['-', '--log-format', 'json'], { TMPDIR });
  server.input(record('a', 'b'), false);
  while (!readdirSync(TMPDIR).some((name) => existsSync(join(TMPDIR, name, 'stdin')))) await ticked();
  server.kill('SIGTERM');
  expect(await server.exited).toBe(0);
  expect(server.stderr).toContain('stopped before it was ready');
  expect(readdirSync(TMPDIR)).toEqual([]);
});

it('what a killed process left is removed by the next one', async () => {
  const TMPDIR = newFolder();
  // No process has an id that is as large.
  const left = join(TMPDIR, 'verbatim-spool-4194305-abcdef');
  mkdirSync(left);
  writeFileSync(join(left, 'stdin'), '[');
  const server = startPiped(['check', '-'], { TMPDIR });
  server.input(record('a', 'b'));
  expect(await server.exited).toBe(0);
  expect(readdirSync(TMPDIR)).toEqual([]);
});

it('if it cannot be saved, an error says where', async () => {
  const TMPDIR = newFolder();
  // The shell limits the size of files to 8 blocks.
  const limited = new ServerProcess(
    'sh',
    ['-c', 'ulimit -f 8; exec "$@"', 'sh', process.execPath, program, 'check', '-'],
    { TMPDIR },
    undefined,
    'pipe',
  );
  limited.input(record('a', 'b'.repeat(100_000)));
  expect(await limited.exited).toBe(1);
  expect(limited.stderr).toMatch(
    /^verbatim: stdin: it can't be saved \(EFBIG\): \S+; choose another folder with TMPDIR\n$/,
  );
  expect(readdirSync(TMPDIR)).toEqual([]);
});

function ticked(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
