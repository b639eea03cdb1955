/** `verbatim index`, as a process. */

import { mkdirSync, mkdtempSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const talk = (i: number) => ({
  conversations: [
    { from: 'human', value: `What is ${i}?` },
    { from: 'gpt', value: `${i} is a number.` },
  ],
});
const text = [0, 1, 2].map((i) => JSON.stringify(talk(i))).join('\n');
const SIZE = '3 conversations, 6 turns';

/** A new folder with that file in it. */
function fileOf(name: string, content: string | Buffer): string {
  const path = join(mkdtempSync(join(folder, 'of-')), name);
  writeFileSync(path, content);
  return path;
}

async function run(args: readonly string[], env: Record<string, string> = {}) {
  const command = startServer(['index', ...args], env);
  const code = await command.exited;
  return { code, stdout: command.stdout, stderr: command.stderr };
}

/** The line about a dataset, without the time. Expects success, and nothing on standard error. */
async function lineOf(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await run(args, env);
  expect([code, stderr]).toEqual([0, '']);
  return stdout.trimEnd().replaceAll(/in [\d.]+ s/g, 'in a moment');
}

describe('verbatim index', () => {
  it('saves an index that the next start loads, and finds it the second time', async () => {
    const path = fileOf('a.jsonl', text);
    expect(await lineOf([path])).toBe(`${path}: ${SIZE}; indexed in a moment; saved in ${dirname(path)}`);
    expect(readdirSync(dirname(path))).toEqual(['a.jsonl', 'a.jsonl.verbatim-index']);
    expect(await lineOf([path])).toBe(`${path}: ${SIZE}; found in ${dirname(path)}`);
    const server = startServer([path]);
    await server.waitFor(/saved index loaded/, 'stderr');
  });

  it('converts, and counts tokens if the server would; what is there already stays', async () => {
    const path = fileOf('b.jsonl.gz', gzipSync(text));
    const indexDir = join(dirname(path), 'new', 'indexes');
    const settings = { DATASET: path, INDEX_DIR: indexDir };
    const saved = `in a moment; saved in ${indexDir}`;
    expect(await lineOf([], settings)).toBe(`${path}: ${SIZE}; converted, indexed ${saved}`);
    expect(await lineOf([], { ...settings, USAGE: 'count' })).toBe(
      `${path}: ${SIZE}; tokens of 6 turns counted ${saved}`,
    );
    expect(await lineOf([], { ...settings, USAGE: 'count' })).toBe(`${path}: ${SIZE}; found in ${indexDir}`);
    const server = startServer([], { ...settings, USAGE: 'count' });
    await server.waitFor(/tokens counted/, 'stderr');
    expect(server.stderr).not.toMatch(/converted|index ready/);
  });

  it('saves the spool of a file whose walk finds records of other shapes', async () => {
    const others = [{ question: 'Which?', answer: 'That one.' }];
    const lines = Array.from({ length: 500 }, (_, i) => talk(i));
    const path = fileOf('mixed.jsonl', [...lines, ...others].map((each) => JSON.stringify(each)).join('\n'));
    const size = `${path}: 501 conversations, 1,002 turns`;
    expect(await lineOf([path])).toBe(`${size}; converted, indexed in a moment; saved in ${dirname(path)}`);
    expect(await lineOf([path])).toBe(`${size}; found in ${dirname(path)}`);
  });

  it('prints a line for each dataset, and saves an index for each file of a folder', async () => {
    const one = fileOf('one.jsonl', text);
    const several = join(dirname(one), 'several');
    mkdirSync(several);
    for (const name of ['1.jsonl', '2.jsonl']) writeFileSync(join(several, name), text);
    const done = 'indexed in a moment; saved in';
    expect((await lineOf([`m=${one}`, several])).split('\n')).toEqual([
      `${one}: ${SIZE}; ${done} ${dirname(one)}`,
      `${several}: 6 conversations, 12 turns; ${done} ${several}`,
    ]);
    expect(readdirSync(several).filter((name) => name.endsWith('-index'))).toHaveLength(2);
  });

  it('waits while another process makes the same index', async () => {
    const path = fileOf('c.jsonl', text);
    const lines = await Promise.all([1, 2, 3].map(() => run([path])));
    expect(lines.map(({ code }) => code)).toEqual([0, 0, 0]);
    const isMade = ({ stdout }: { readonly stdout: string }) => /indexed in/.test(stdout);
    expect(lines.filter(isMade)).toHaveLength(1);
    expect(lines.filter(({ stdout }) => stdout.includes('found in'))).toHaveLength(2);
    expect(readdirSync(dirname(path))).toEqual(['c.jsonl', 'c.jsonl.verbatim-index']);
  });

  it('takes over from a process that was killed', async () => {
    const path = fileOf('d.jsonl', text);
    const owner = { system: 'another one', pid: 1, started: '1' };
    const claim = `${path}.verbatim-index.claim`;
    writeFileSync(claim, JSON.stringify(owner));
    const command = startServer(['index', path]);
    await command.waitFor(/waiting for another process that makes its index/, 'stderr');
    utimesSync(claim, 0, 0);
    expect(await command.exited).toBe(0);
    expect(readdirSync(dirname(path))).toEqual(['d.jsonl', 'd.jsonl.verbatim-index']);
  });

  it('fails with one line if a dataset is missing or invalid, or if nothing can be saved', async () => {
    const path = fileOf('e.jsonl', text);
    const missing = join(dirname(path), 'missing.jsonl');
    const expected = 'expected a file of conversations';
    const { code, stdout, stderr } = await run([missing]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(new RegExp(`^verbatim: ${missing}: there is no such file; ${expected}.*\\n$`));

    const failed = await run([path, '--index-dir', '/proc/no-folder']);
    expect([failed.code, failed.stdout]).toEqual([1, '']);
    expect(failed.stderr).toMatch(new RegExp(`^verbatim: ${path}: its index can't be saved: ENOENT.*\\n$`));
  });

  it.each([
    [
      ['a.json', '--index-dir', 'none'],
      "--index-dir: expected a folder, got 'none', with which nothing is saved",
    ],
    [[], 'expected datasets, as arguments or by DATASET'],
    [['-'], "arguments: expected files, got '-': the index of standard input isn't saved"],
  ])('rejects %j with one line', async (args, problem) => {
    expect(await run(args)).toEqual({ code: 2, stdout: '', stderr: `verbatim: ${problem}\n` });
  });

  it('ends by a signal, without its claim, and with a whole index or none', async () => {
    const lines = Array.from({ length: 30_000 }, (_, i) => JSON.stringify(talk(i)));
    const path = fileOf('f.jsonl', lines.join('\n'));
    const changes = watch(dirname(path));
    const command = startServer(['index', path], { USAGE: 'count', WORKERS: '1' });
    for await (const { filename } of changes) if (filename === 'f.jsonl.verbatim-index') break;
    command.kill('SIGTERM');
    expect([await command.exited, command.stdout]).toEqual(['SIGTERM', '']);
    expect(readdirSync(dirname(path))).toEqual(['f.jsonl', 'f.jsonl.verbatim-index']);
    expect(await lineOf([path])).toMatch(/; found in /);
  });
});
