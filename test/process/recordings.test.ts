/** `verbatim prune` and `verbatim convert`. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startServer } from '../support/server-process.js';
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

  it.each([
    [['prune', join(folder, 'none')], 1, `verbatim: ${join(folder, 'none')}: there is no such file\n`],
    [
      ['prune', path, '--before', '3.11.2026'],
      2,
      "verbatim: --before: expected a date, such as 2026-11-28, got '3.11.2026'\n",
    ],
    [['prune'], 2, "verbatim: missing required argument 'file'; see --help\n"],
  ])('%j fails with one line', async (args, code, stderr) => {
    expect(await run(...args)).toEqual({ code, stdout: '', stderr });
  });
});
