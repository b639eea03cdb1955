/** `verbatim show`, `verbatim search` and `verbatim stats`. */

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const spools = join(folder, 'spools');
mkdirSync(spools);

const turn = (from: string, value: string) => ({ from, value });
const records = [
  { id: 'a', lang: 'en', conversations: [turn('human', 'Hi\u001b[31m\nthere'), turn('gpt', 'Hello.')] },
  { nothing: 1 },
  ...[1, 2, 3].map((i) => ({
    messages: [
      { role: 'user', content: 'continue' },
      {
        role: 'assistant',
        content: null,
        reasoning_content: 'hm\nso',
        tool_calls: [{ function: { name: 'f', arguments: `{"i":${i}}` } }],
      },
    ],
  })),
];
const text = records.map((record) => JSON.stringify(record)).join('\n');
const path = join(folder, 'talks.jsonl');
writeFileSync(path, text);
const packed = join(folder, 'packed.jsonl.gz');
writeFileSync(packed, gzipSync(text));
const several = join(folder, 'several');
mkdirSync(several);
for (const name of ['1.jsonl', '2.jsonl']) writeFileSync(join(several, name), text);

async function run(...args: readonly string[]) {
  const command = startServer(args, { TMPDIR: spools, FORCE_COLOR: '0' });
  const code = await command.exited;
  return { code, stdout: command.stdout, stderr: command.stderr };
}

/** Expects success with nothing on standard error, and no temporary file that is left. */
async function linesOf(...args: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await run(...args);
  expect([code, stderr]).toEqual([0, '']);
  expect(readdirSync(spools)).toEqual([]);
  return stdout.trimEnd().split('\n');
}

describe('verbatim show', () => {
  it('prints a conversation as text, with its control characters escaped', async () => {
    expect(await linesOf('show', path, '0')).toEqual([
      `${path} #0: id a, 2 turns, ${JSON.stringify(records[0]).length} bytes`,
      '  other       {"lang":"en"}',
      '',
      '[0] user (human)',
      'Hi\\u001b[31m',
      'there',
      '',
      '[1] assistant (gpt)',
      'Hello.',
    ]);
  });

  it('prints reasoning, function calls, and records that are no conversations', async () => {
    expect((await linesOf('show', path, '3')).slice(2)).toEqual([
      '[0] user',
      'continue',
      '',
      '[1] assistant',
      '> hm',
      '> so',
      'calls f {"i":2}',
    ]);
    expect(await linesOf('show', path, '1')).toEqual([
      `${path} #1: not a conversation, 13 bytes`,
      '  other       {"nothing":1}',
    ]);
  });

  it('prints the JSON of the API, or the record as it is', async () => {
    const [line = ''] = await linesOf('show', path, '0', '--json');
    expect(JSON.parse(line)).toMatchObject({ number: 0, id: 'a', model: 'talks' });
    expect(await linesOf('show', '--raw', path, '0')).toEqual([JSON.stringify(records[0])]);
  });

  it('takes whatever is served: a compressed file, a folder', async () => {
    expect((await linesOf('show', packed, '0')).slice(2)).toContain('Hi\\u001b[31m');
    expect((await linesOf('show', several, '5'))[0]).toBe(
      `${several} #5: id a, 2 turns, ${JSON.stringify(records[0]).length} bytes`,
    );
  });

  it.each([
    [['show', path, '5'], 1, `verbatim: ${path}: no conversation 5; expected a number from 0 to 4\n`],
    [['show', join(folder, 'no.json'), '0'], 1, expect.stringContaining('there is no such file')],
    [['show', path, 'x'], 2, "verbatim: expected the number of a conversation, from 0, got 'x'\n"],
    [['show', path, '1e3'], 2, "verbatim: expected the number of a conversation, from 0, got '1e3'\n"],
    [['show', path], 2, "verbatim: missing required argument 'number'; see --help\n"],
    [['show', path, '0', '--raw', '--json'], 2, 'verbatim: --json and --raw given; expected one of both\n'],
  ])('%j fails with one line', async (args, code, line) => {
    expect(await run(...args)).toEqual({ code, stdout: '', stderr: line });
  });
});

describe('verbatim search', () => {
  it('prints the turns that have all words, in one line each, with control characters escaped', async () => {
    expect(await linesOf('search', path, 'THERE hi')).toEqual(['0#0 user: Hi\\u001b[31m there']);
    expect(await linesOf('search', several, '"continue"', '--limit', '4')).toEqual(
      [2, 3, 4, 7].map((number) => `${number}#0 user: continue`),
    );
  });

  it('prints how many turns there are, or the JSON of the API', async () => {
    expect(await linesOf('search', packed, 'continue', '--count')).toEqual(['3']);
    expect(await linesOf('search', path, '--role', 'assistant', '--min-length=1', '--count')).toEqual(['1']);
    const [line = ''] = await linesOf('search', path, 'Hello', '--case-sensitive', '--json');
    expect(JSON.parse(line)).toMatchObject({ number: 0, turn: 1, snippet: { marks: [[0, 5]] } });
  });

  it('says where a file is invalid', async () => {
    const broken = join(folder, 'broken.jsonl');
    writeFileSync(broken, `${JSON.stringify(records[0])}\n{"conversations":[}\n`);
    expect(await run('search', broken, 'Hello', '--workers', '1')).toEqual({
      code: 1,
      stdout: '',
      stderr: `verbatim: ${broken} (byte ${JSON.stringify(records[0]).length + 19}): not valid JSON: expected a value\n`,
    });
  });

  it('has an exit code of its own if nothing is found', async () => {
    expect(await run('search', path, 'hello', '-s')).toEqual({ code: 4, stdout: '', stderr: '' });
  });

  it.each([
    [['search', path], 'expected a text to search for, or another condition'],
    [['search', path, 'a', '--limit', 'x'], "--limit: expected a whole number, got 'x'"],
    [['search', path, 'a', '--json', '--count'], '--json and --count given; expected one of both'],
    [
      ['search', path, Array.from({ length: 17 }, (_, i) => i).join(' ')],
      'text: expected at most 16 words, but got 17 instead. Put words that follow each other in double quotes.',
    ],
  ])('%j fails with one line', async (args, line) => {
    expect(await run(...args)).toEqual({ code: 2, stdout: '', stderr: `verbatim: ${line}\n` });
  });
});

describe('verbatim stats', () => {
  it('prints the counts, roles, histograms and repeated prompts', async () => {
    const lines = await linesOf('stats', path);
    expect(lines.slice(0, 5)).toEqual([
      `${path}: 4 conversations, 8 turns`,
      `  file        ${text.length} bytes`,
      '  replies     4 turns with a reply',
      '  skipped     1 record',
      '  roles       assistant 4, user 4',
    ]);
    const bar = '█'.repeat(40);
    expect(lines).toContain(`               2–3  ${bar} 4`);
    expect(lines).toContain(`                 0  ${bar} 3`);
    expect(lines).toContain(`             16–31  ${'█'.repeat(14)} 1`);
    expect(lines.slice(-2)).toEqual(['Repeated prompts:', "           3  'continue' first in #2, turn 0"]);
  });

  it('prints JSON', async () => {
    const [line = ''] = await linesOf('stats', several, '--json');
    expect(JSON.parse(line)).toMatchObject({
      id: 'several',
      records: 10,
      parts: 2,
      roles: { user: 8, assistant: 8, system: 0, tool: 0 },
      prompts: [{ text: 'continue', count: 6, number: 2, turn: 0 }],
    });
  });

  it('of a file that is invalid fails with the line of a start', async () => {
    const broken = join(folder, 'broken.json');
    writeFileSync(broken, '[{"conversations": [}]');
    const { code, stdout, stderr } = await run('stats', broken);
    expect([code, stdout, stderr.split('\n').length]).toEqual([1, '', 2]);
    expect(stderr).toContain(`${broken}:1:`);
  });
});
