import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { check } from '#dist/cli/check.js';
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

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Runs the command to its end. */
async function run(args: readonly string[]) {
  const checking = startServer(['check', ...args]);
  const code = await checking.exited;
  return { code, stdout: checking.stdout, stderr: checking.stderr };
}

/** The line that the command prints. */
const lineOf = (path: string) => check(path, NO_PROGRESS);
const NO_PROGRESS = { show: () => {}, end: () => {} };

describe('check, on a file that is valid,', () => {
  it.each([
    ['an array', 'array.json', JSON.stringify([good, good]), '2 conversations, 4 turns'],
    ['an indented array', 'indented.json', JSON.stringify([good], null, 2), '1 conversation, 2 turns'],
    ['JSON lines', 'lines.jsonl', `\ufeff${line}\r\n\r\n${line}\r\n`, '2 conversations, 4 turns'],
    [
      'an array with a record that is no conversation',
      'skipped.json',
      `[\n${line},\n  {"text": "é"}\n]`,
      `1 conversation, 2 turns, 1 record that is no conversation (at line 3, byte ${lineBytes + 6})`,
    ],
    [
      'JSON lines with several of them',
      'skipped.jsonl',
      `${line}\n{}\n${line}\n{"messages": 5}\n{"messages": [1]}`,
      `2 conversations, 4 turns, 3 records that are no conversations (the first at line 2, byte ${lineBytes + 1})`,
    ],
  ])('%s, says what it holds', (_what, name, content, holds) => {
    const path = file(name, content);
    expect(lineOf(path)).toEqual({ isValid: true, line: `${path}: ${holds}` });
  });

  it('counts a record that is too long to look into as no conversation', () => {
    const long = JSON.stringify({ conversations: [{ from: 'human', value: 'x'.repeat(17 * 1024 * 1024) }] });
    const path = file('long.jsonl', `${line}\n${long}\n${line}\n`);
    const holds = `2 conversations, 4 turns, 1 record that is no conversation (at line 2, byte ${lineBytes + 1})`;
    expect(lineOf(path)).toEqual({ isValid: true, line: `${path}: ${holds}` });
  });

  it('prints that, and ends with exit code 0', async () => {
    const path = file('good.json', `[${line}]`);
    const stdout = `${path}: 1 conversation, 2 turns\n`;
    expect(await run([path])).toEqual({ code: 0, stdout, stderr: '' });
  });
});

describe('check, on a file that is not valid,', () => {
  it.each([
    [
      'broken behind text of several bytes a character',
      'broken.json',
      `[\n  ${line},\n  {\n    "ключ 😀": "語", "id" 5\n  }\n]\n`,
      { line: 4, column: 25, before: '5\n', reason: "not valid JSON: expected ':'" },
    ],
    [
      'broken on its first line, behind a byte order mark',
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
        reason: "not valid JSON: expected ',' or the end of the record",
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
      'one with something behind the list',
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
  ])('%s, says where and why', (_what, name, content, expected) => {
    const path = file(name, content);
    const at = Buffer.from(content.slice(0, content.lastIndexOf(expected.before))).length;
    const place = `${path.replace('\n', '\\n')}:${expected.line}:${expected.column}`;
    expect(lineOf(path)).toEqual({ isValid: false, line: `${place}: ${expected.reason} (byte ${at})` });
  });

  it('prints that as an error, and ends with exit code 1', async () => {
    const path = file('bad.json', `[${line},]`);
    const stderr = `${lineOf(path).line}\n`;
    expect(await run([path])).toEqual({ code: 1, stdout: '', stderr });
  });

  it.each([
    ['empty', () => file('empty.json', ''), `at byte 0: the file is empty; expected ${EXPECTED}`],
    ['missing', () => join(folder, 'missing.json'), `there is no such file; expected ${EXPECTED}`],
    ['a folder', () => folder, `it is a folder; expected a file that holds ${EXPECTED}`],
    ['a text', () => file('text.txt', 'Hello'), `at byte 0: expected ${EXPECTED}, found 'H'`],
    [
      'a list without conversations',
      () => file('none.json', '[1, 2]'),
      `at byte 1: found 2 records, and no conversation; expected ${EXPECTED}`,
    ],
  ])('%s, says what a start says', async (_what, pathOf, problem) => {
    const path = pathOf();
    const thrown = expect.objectContaining({ name: 'DatasetError', message: `${path}: ${problem}` });
    expect(() => lineOf(path)).toThrow(thrown);
    await expect(openAndWalk(path)).rejects.toThrow(thrown);
  });

  it('prints that as an error, as a start does', async () => {
    const path = file('gone.json', '[1, 2]');
    const server = startServer([path]);
    expect(await server.exited).toBe(1);
    expect(await run([path])).toEqual({ code: 1, stdout: '', stderr: server.stderr });
  });
});

describe('check', () => {
  it('without a file fails with one line and exit code 2', async () => {
    const stderr = "verbatim: missing required argument 'file'; see --help\n";
    expect(await run([])).toEqual({ code: 2, stdout: '', stderr });
  });

  it('is in the help, its own too', async () => {
    const help = startServer(['--help']);
    expect(await help.exited).toBe(0);
    expect(help.stdout).toMatch(/^ {2}check <file> /m);
    const stdout = expect.stringMatching(/^Usage: verbatim check /);
    expect(await run(['--help'])).toEqual({ code: 0, stdout, stderr: '' });
  });
});
