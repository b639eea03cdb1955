/** `verbatim prune` and `verbatim convert`. */

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/project.js';
import { RECORDED } from '../support/recorded.js';
import { program, ServerProcess, startPiped, startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();

async function run(...args: readonly string[]) {
  const command = startServer(args, { FORCE_COLOR: '0' });
  const code = await command.exited;
  return { code, stdout: command.stdout, stderr: command.stderr };
}

describe('verbatim prune', () => {
  const path = join(folder, 'recordings.jsonl');
  const line = (id: string, day: number) =>
    `{"id":"rec_${id}","messages":[],"recorded_at":"2026-11-0${day}T00:00:00.000Z"}\n`;
  const lines = [line('a', 1), line('b', 2), line('a', 3), line('c', 3)];

  it('says what it would drop, and drops it', async () => {
    writeFileSync(path, lines.join(''));
    const unknown = "unused ones aren't known, since no server has noted what it used";
    expect(await run('prune', path, '--dry-run', '--before', '2026-11-03')).toEqual({
      code: 0,
      stdout: `${path}: would drop 2 lines (140 bytes): 1 duplicate, 1 from before 2026-11-03; keep 2; ${unknown}\n`,
      stderr: '',
    });
    expect(readFileSync(path, 'utf8')).toBe(lines.join(''));
    writeFileSync(`${path}.used`, '2026-11-09T00:00:00.000Z "rec_a"\n');
    expect(await run('prune', path)).toEqual({
      code: 0,
      stdout: `${path}: dropped 3 lines (210 bytes): 1 duplicate, 2 unused; kept 1\n`,
      stderr: '',
    });
    expect(readFileSync(path, 'utf8')).toBe(line('a', 3));
  });

  it('leaves the file, and nothing beside it, if a signal ends it', async () => {
    const inner = mkdtempSync(join(folder, 'large-'));
    const large = join(inner, 'large.jsonl');
    const content = `${line('a', 1)}${Array.from({ length: 400_000 }, (_, i) => line(`${i}`, 1)).join('')}${line('a', 2)}`;
    writeFileSync(large, content);
    const leftover = `${large}.partial-0123456789ab`;
    writeFileSync(leftover, '');
    utimesSync(leftover, 0, 0);
    const watcher = watch(inner);
    const begun = new Promise<void>((resolve) => {
      watcher.on('change', (_, name) => {
        if (/partial-(?!0123456789ab)/.test(String(name))) resolve();
      });
    });
    const command = startServer(['prune', large]);
    await Promise.race([begun, command.exited]);
    command.kill('SIGINT');
    expect(await command.exited).toBe('SIGINT');
    watcher.close();
    expect(readdirSync(inner)).toEqual(['large.jsonl']);
    expect(readFileSync(large, 'utf8') === content).toBe(true);
  });

  it.each([
    [['prune', join(folder, 'none')], 1, `verbatim: ${join(folder, 'none')}: there is no such file\n`],
    [
      ['prune', path, '--before', '3.11.2026'],
      2,
      "verbatim: --before: expected a date, such as 2026-11-28, got '3.11.2026'\n",
    ],
    [
      ['prune', path, '--before', '2026-02-30'],
      2,
      "verbatim: --before: expected a date, such as 2026-11-28, got '2026-02-30'\n",
    ],
    [['prune'], 2, "verbatim: missing required argument 'file'; see --help\n"],
  ])('%j fails with one line', async (args, code, stderr) => {
    expect(await run(...args)).toEqual({ code, stdout: '', stderr });
  });
});

describe('verbatim convert', () => {
  const csv = join(folder, 'pairs.csv');
  writeFileSync(csv, 'q,a\nmoss?,A plant.\n,\n');
  const several = join(folder, 'several');
  mkdirSync(several);
  writeFileSync(join(several, '1.json'), RECORDED);
  writeFileSync(join(several, '2.jsonl.gz'), gzipSync('{"prompt":"a","response":"b"}\n'));
  const line = (list: string) => `{"id":"0",${list}}\n`;
  const messages = line(
    '"messages":[{"role":"user","content":"moss?"},{"role":"assistant","content":"A plant."}]',
  );
  const conversations = line(
    '"conversations":[{"from":"human","value":"moss?"},{"from":"gpt","value":"A plant."}]',
  );
  const newFolder = () => mkdtempSync(join(folder, 'of-'));

  it('writes a file, in place of one that was there, and says how much', async () => {
    const target = newFolder();
    const out = join(target, 'out.jsonl');
    writeFileSync(out, 'before');
    expect(await run('convert', csv, out, '--map', 'prompt=q,reply=a')).toEqual({
      code: 0,
      stdout: `${csv}: wrote 1 conversation (${messages.length} bytes); skipped 1 record\n`,
      stderr: '',
    });
    expect(readFileSync(out, 'utf8')).toBe(messages);
    expect(readdirSync(target)).toEqual(['out.jsonl']);
  });

  it('keeps the permissions of the file, and the links that lead to it', async () => {
    const target = newFolder();
    mkdirSync(join(target, 'deep'));
    const out = join(target, 'deep', 'out.jsonl');
    const link = join(target, 'link');
    symlinkSync('deep/again', link);
    symlinkSync('out.jsonl', join(target, 'deep', 'again'));
    const from = ['convert', `${csv}?prompt=q,reply=a`, link];
    expect((await run(...from)).code).toBe(0);
    expect(readFileSync(out, 'utf8')).toBe(messages);
    chmodSync(out, 0o640);
    expect((await run(...from, '--to', 'sharegpt')).code).toBe(0);
    expect(readFileSync(out, 'utf8')).toBe(conversations);
    expect(statSync(out).mode & 0o777).toBe(0o640);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readdirSync(join(target, 'deep'))).toEqual(['again', 'out.jsonl']);
  });

  it('refuses to replace what is no regular file', async () => {
    const pipe = join(newFolder(), 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(await run('convert', csv, pipe)).toEqual({
      code: 1,
      stdout: '',
      stderr: `verbatim: ${pipe}: it isn't a regular file\n`,
    });
    expect(statSync(pipe).isFIFO()).toBe(true);
  });

  it.runIf(existsSync('/dev/full'))('fails if standard output is full', async () => {
    const shell = 'exec "$0" "$@" >/dev/full';
    const args = ['-c', shell, process.execPath, program, 'convert', `${csv}?prompt=q,reply=a`, '-'];
    const command = new ServerProcess('sh', args);
    expect(await command.exited).toBe(1);
    expect(command.stderr).toBe("verbatim: standard output can't be written (ENOSPC)\n");
  });

  it('writes to standard output, and reads standard input', async () => {
    expect(await run('convert', `${csv}?prompt=q,reply=a`, '-', '--to', 'sharegpt')).toEqual({
      code: 0,
      stdout: conversations,
      stderr: '',
    });
    const piped = startPiped(['convert', '-', '-']);
    piped.input(gzipSync(conversations));
    expect(await piped.exited).toBe(0);
    expect(piped.stdout).toBe(messages);
  });

  it('writes all files of a folder', async () => {
    const { stdout } = await run('convert', several, '-');
    const ids = stdout
      .trimEnd()
      .split('\n')
      .map((each) => (JSON.parse(each) as { id: string }).id);
    expect(ids).toEqual(['alone', 'talk', 'system', 'result', 'tool', '0']);
  });

  it('ends when its reader has enough', async () => {
    const command = startServer(['convert', join(ROOT, 'data/sample.json'), '-']);
    command.closeStdout();
    expect(await command.exited).toBe(0);
    expect(command.stderr).toBe('');
  });

  it.each([
    [['none.json', 'out'], 1, 'none.json: there is no such file'],
    [[several, join(several, 'none', 'out')], 1, "out: it can't be written (ENOENT)"],
    [[several, several], 1, "several: it isn't a regular file"],
    [[several], 2, "missing required argument 'out'; see --help"],
    [[several, '-', '--to', 'csv'], 2, "option '--to <format>' argument 'csv' is invalid"],
  ])('%j fails with one line, and leaves nothing', async (args, code, problem) => {
    const result = await run('convert', ...args);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toMatch(/^verbatim: [^\n]*\n$/);
    expect(result.stderr).toContain(problem);
    expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([]);
  });
});
