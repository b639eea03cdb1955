import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { check } from '#dist/cli/check.js';
import { WORKERS_DEFAULT } from '#dist/settings/table.js';
import { openAndWalk } from '../support/served.js';
import { startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const EXPECTED = 'a JSON array of conversations, or JSON lines with one conversation a line';
const good = {
  id: 'a',
  conversations: [
    { from: 'human', value: '¿Qué tal? 😀' },
    { from: 'gpt', value: 'All well.' },
  ],
};
const line = JSON.stringify(good);
const lineCharacters = [...line].length;
const lineBytes = Buffer.from(line).length;

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Expects `check` and a start to reject a file with the same message. */
async function expectRefusal(path: string, message: string): Promise<void> {
  const thrown = expect.objectContaining({ name: 'DatasetError', message });
  await expect(lineOf(path)).rejects.toThrow(thrown);
  await expect(openAndWalk(path)).rejects.toThrow(thrown);
}

/** Runs the command until it exits. */
async function run(args: readonly string[]) {
  const checking = startServer(['check', ...args]);
  const code = await checking.exited;
  return { code, stdout: checking.stdout, stderr: checking.stderr };
}

/** The line that the command prints. */
const lineOf = (path: string) => check(path, WORKERS_DEFAULT, NO_PROGRESS);
const NO_PROGRESS = { show: () => {}, end: () => {} };

describe('check, on a file that is valid,', () => {
  it.each([
    ['an array', 'array.json', JSON.stringify([good, good]), '2 conversations, 4 turns'],
    ['an indented array', 'indented.json', JSON.stringify([good], null, 2), '1 conversation, 2 turns'],
    ['JSON lines', 'lines.jsonl', `\ufeff${line}\r\n\r\n${line}\r\n`, '2 conversations, 4 turns'],
    [
      'an array with a record that is not a conversation',
      'skipped.json',
      `[\n${line},\n  {"text": "é"}\n]`,
      `1 conversation, 2 turns, 1 record that is not a conversation, at FILE:3:3 (byte ${lineBytes + 6})`,
    ],
    [
      'JSON lines with several of them',
      'skipped.jsonl',
      `${line}\n{}\n${line}\n{"messages": 5}\n{"messages": [1]}`,
      `2 conversations, 4 turns, 3 records that are not conversations, the first at FILE:2:1 (byte ${lineBytes + 1})`,
    ],
  ])('%s, prints its counts', async (_what, name, content, holds) => {
    const path = file(name, content);
    expect(await lineOf(path)).toBe(`${path}: ${holds.replace('FILE', path)}`);
  });

  it('does not count a record that is too long to read as a conversation', async () => {
    const long = JSON.stringify({ conversations: [{ from: 'human', value: 'x'.repeat(17 * 1024 * 1024) }] });
    const path = file('long.jsonl', `${line}\n${long}\n${line}\n`);
    const holds = `2 conversations, 4 turns, 1 record that is not a conversation, at ${path}:2:1 (byte ${lineBytes + 1})`;
    expect(await lineOf(path)).toBe(`${path}: ${holds}`);
  });

  it('prints its counts, and exits with code 0', async () => {
    const path = file('good.json', `[${line}]`);
    const stdout = `${path}: 1 conversation, 2 turns\n`;
    expect(await run([path])).toEqual({ code: 0, stdout, stderr: '' });
  });
});

describe('check, on a file that is not valid,', () => {
  it.each([
    [
      'broken after text of several bytes a character',
      'broken.json',
      `[\n  ${line},\n  {\n    "ключ 😀": "語", "id" 5\n  }\n]\n`,
      { line: 4, column: 25, before: '5\n', reason: "not valid JSON: expected ':'" },
    ],
    [
      'broken on its first line, after a byte order mark',
      'mark.json',
      `\ufeff[tru, ${line}]`,
      { line: 1, column: 2, before: 'tru', reason: 'not valid JSON: expected a value' },
    ],
    [
      'broken in JSON lines',
      'broken.jsonl',
      `${line}\r\n\r\n{"é": tru}\r\n${line}\r\n`,
      { line: 3, column: 7, before: 'tru', reason: 'not valid JSON: expected a value' },
    ],
    [
      'broken in JSON lines, with two records on a line',
      'pair.jsonl',
      `${line}\n${line} {}\n`,
      {
        line: 2,
        column: lineCharacters + 2,
        before: '{}',
        reason: 'not valid JSON: expected the end of the line after the record',
      },
    ],
    [
      'cut off in a record',
      'cut.json',
      `[\n${line.slice(0, 30)}`,
      {
        line: 2,
        column: 31,
        before: '',
        reason: "the file is cut off; expected ',' or ']' and the end of the list",
      },
    ],
    [
      'cut off in JSON lines',
      'cut.jsonl',
      `${line}\n${line.slice(0, 30)}`,
      { line: 2, column: 31, before: '', reason: 'the file is cut off; expected a string value' },
    ],
    [
      'cut off after a record',
      'list.json',
      `[\n${line}\n`,
      {
        line: 3,
        column: 1,
        before: '',
        reason: "the file is cut off; expected ',' or ']' and the end of the list",
      },
    ],
    [
      'cut off after a comma',
      'comma.json',
      `[\n${line},`,
      { line: 2, column: lineCharacters + 2, before: '', reason: 'the file is cut off; expected a record' },
    ],
    [
      'one with something after the list',
      'two.json',
      `[\n${line}\n]\n []`,
      { line: 4, column: 2, before: '[]', reason: 'expected nothing after the end of the list' },
    ],
    [
      'one with a name of two lines',
      'a\nb.json',
      `[${line},]`,
      { line: 1, column: lineCharacters + 3, before: ']', reason: 'not valid JSON: expected a value' },
    ],
    [
      'an object over several lines that is broken',
      'object.json',
      `{\n "data": [],\n "x" 5\n}\n`,
      { line: 3, column: 6, before: '5\n', reason: "not valid JSON: expected ':'" },
    ],
    [
      'an object over several lines that is cut off',
      'cut-object.json',
      `{\n "data": [],\n`,
      { line: 3, column: 1, before: '', reason: 'the file is cut off; expected an object key' },
    ],
    [
      'several objects, each over several lines',
      'objects.json',
      `{\n "id": 1\n}\n{\n "id": 2\n}\n`,
      {
        line: 4,
        column: 1,
        before: '{\n "id": 2',
        reason:
          'expected nothing after an object over several lines; JSON lines have one conversation a line',
      },
    ],
  ])('%s, prints the position and the reason, as a start does', async (_what, name, content, expected) => {
    const path = file(name, content);
    const at = Buffer.from(content.slice(0, content.lastIndexOf(expected.before))).length;
    const place = `${path.replace('\n', '\\n')}:${expected.line}:${expected.column} (byte ${at})`;
    await expectRefusal(path, `${place}: ${expected.reason}`);
  });

  it.each([
    ['empty', () => file('empty.json', ''), `the file is empty; expected ${EXPECTED}`],
    ['missing', () => join(folder, 'missing.json'), `there is no such file; expected ${EXPECTED}`],
    ['a folder', () => folder, `it is a folder; expected a file that holds ${EXPECTED}`],
    ['a text', () => file('text.txt', 'Hello'), `found 'H' at its start; expected ${EXPECTED}`],
    [
      'compressed',
      () => file('data.json.gz', gzipSync(line)),
      `found gzip data; decompress it: gunzip -k ${join(folder, 'data.json.gz')}`,
    ],
  ])('%s, prints the same line as a start', async (_what, pathOf, problem) => {
    const path = pathOf();
    await expectRefusal(path, `${path}: ${problem}`);
  });

  it('prints the line on standard error, as a start does', async () => {
    const path = file('gone.json', '[1, 2]');
    const server = startServer([path]);
    expect(await server.exited).toBe(1);
    expect(await run([path])).toEqual({ code: 1, stdout: '', stderr: server.stderr });
  });
});

describe('check, on a file that is valid JSON and not a dataset,', () => {
  const object = { data: [{ prompt: 'a', completion: 'b' }], version: 1 };
  const pairs = [
    { prompt: 'a', completion: 'b' },
    { prompt: 'c', completion: 'd', weight: 1 },
  ];

  it.each([
    ['a string', '"x"', `: valid JSON, but only a string; expected ${EXPECTED}`],
    ['a number', ' -1.5\n', `: valid JSON, but only a number; expected ${EXPECTED}`],
    ['null', 'null', `: valid JSON, but only null; expected ${EXPECTED}`],
    ['an empty list', '[]', `: valid JSON, but an empty list; expected ${EXPECTED}`],
    [
      'a list of scalars',
      '[1, 2]',
      ': valid JSON, but no conversation in 2 records: found no keys; expected "conversations" or "messages"',
    ],
    [
      'a list of other records',
      JSON.stringify(pairs),
      ': valid JSON, but no conversation in 2 records: found the keys "prompt", "completion", "weight"; expected "conversations" or "messages"',
    ],
    [
      'a list of lists',
      JSON.stringify([good.conversations, good.conversations]),
      ': valid JSON, but no conversation in 2 records: the first record is a list; expected an object with the list as its "conversations" or "messages"',
    ],
    [
      'lines of other records',
      pairs.map((pair) => JSON.stringify(pair)).join('\n'),
      ': valid JSON lines, but no conversation in 2 records: found the keys "prompt", "completion", "weight"; expected "conversations" or "messages"',
    ],
    [
      'a list of records with other turns',
      '[{"id": 5, "messages": ["a", "b"]}]',
      ': valid JSON, but no conversation in 1 record: found the keys "id", "messages"; expected "messages" to be a list of objects with "from" and "value", or "role" and "content"',
    ],
    [
      'records with many and long keys',
      JSON.stringify([Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`${i}`.repeat(41), i]))]),
      `: valid JSON, but no conversation in 1 record: found the keys ${[0, 1, 2, 3, 4, 5, 6, 7].map((i) => `"${`${i}`.repeat(40)}…", `).join('')}…; expected "conversations" or "messages"`,
    ],
    [
      'an object on one line',
      JSON.stringify(object),
      ': valid JSON, but no conversation in 1 record: found the keys "data", "version"; expected "conversations" or "messages"',
    ],
    [
      'an object over several lines',
      `\ufeff${JSON.stringify(object, null, 2)}`,
      `:1:1 (byte 3): valid JSON, but one object over several lines, with the keys "data", "version"; expected ${EXPECTED}`,
    ],
    [
      'a longer object over several lines',
      `{\n"data": [\n${'"x",\n'.repeat(300_000)}5]}`,
      `:1:1 (byte 0): found an object over several lines, with the key "data"; expected ${EXPECTED}`,
    ],
  ])('%s, prints what the file is, as a start does', async (_what, content, problem) => {
    const path = file('other.json', content);
    await expectRefusal(path, `${path}${problem}`);
  });
});

describe('check', () => {
  it('reports every file, and ends with exit code 1 if one is not valid', async () => {
    const [one, two] = [file('one.json', `[${line}]`), file('two.jsonl', line)];
    const [text, missing] = [file('text.txt', 'Hello'), join(folder, 'missing.json')];
    expect(await run([one, text, `gpt-4o=${missing}`, `m=${two}`])).toEqual({
      code: 1,
      stdout: `${one}: 1 conversation, 2 turns\n${two}: 1 conversation, 2 turns\n`,
      stderr: `verbatim: ${text}: found 'H' at its start; expected ${EXPECTED}\nverbatim: ${missing}: there is no such file; expected ${EXPECTED}\n`,
    });
  });

  it('without a file fails with one line and exit code 2', async () => {
    const stderr = "verbatim: missing required argument 'file'; see --help\n";
    expect(await run([])).toEqual({ code: 2, stdout: '', stderr });
  });

  it('is in the help, and has its own', async () => {
    const help = startServer(['--help']);
    expect(await help.exited).toBe(0);
    expect(help.stdout).toMatch(/^ {2}check <file...> /m);
    const stdout = expect.stringMatching(/^Usage: verbatim check /);
    expect(await run(['--help'])).toEqual({ code: 0, stdout, stderr: '' });
  });
});
