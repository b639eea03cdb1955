import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { check } from '#dist/cli/check.js';
import { checkFile } from '#dist/cli/check-file.js';
import { checkText } from '#dist/cli/check-text.js';
import { EXPECTED_DATASET as EXPECTED } from '#dist/dataset/dataset-error.js';
import { DEFAULT_SHAPE_OPTIONS } from '#dist/dataset/shapes/shape.js';
import { alone } from '#dist/models/joined-files.js';
import { keepAppending } from '../support/appending.js';
import { poolOf } from '../support/dataset.js';
import { openAndWalk } from '../support/served.js';
import { program, ServerProcess, startServer } from '../support/server-process.js';
import { openPool } from '../support/shared-threads.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
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
async function expectRefusal(path: string, message: string, read = linesOf): Promise<void> {
  const thrown = expect.objectContaining({ name: 'DatasetError', message });
  await expect(read(path)).rejects.toThrow(thrown);
  await expect(openAndWalk(path, { pool: openPool(1) })).rejects.toThrow(thrown);
}

/** Runs the command until it exits. */
async function run(args: readonly string[]) {
  const checking = startServer(['check', ...args]);
  const code = await checking.exited;
  return { code, stdout: checking.stdout, stderr: checking.stderr };
}

const pool = poolOf(1);
/** The lines that the command prints about a dataset. */
const linesOfAny = async (path: string) => checkText(await check(path, OPTIONS, NO_PROGRESS));
/** The same for one file, by a thread that the tests share: `check` starts others. */
const linesOf = async (path: string) => checkText(await checkFile(alone(path), OPTIONS, pool, NO_PROGRESS));
const OPTIONS = { workers: 1, shapes: DEFAULT_SHAPE_OPTIONS, splits: [] };
const lineOf = async (path: string) => (await linesOf(path))[0];
const NO_PROGRESS = { show: () => {}, end: () => {} };

/** The report about a file with one conversation. */
function reportOfGood(path: string, container: string): string {
  const bytes = lineBytes + (container === 'JSON array' ? 2 : 0);
  return [
    `${path}: 1 conversation, 2 turns`,
    `  file        ${container}, ${bytes} bytes, served as it is`,
    '  shape       100 % ShareGPT: the turns in order, system in front',
    '  roles       human 1, gpt 1',
    '  lengths     11 characters on average, 12 at most',
    "  example     '¿Qué tal? 😀' → 'All well.'",
    '',
  ].join('\n');
}

describe('check, on a file that is valid,', () => {
  it('reads JSON lines to which others are appended', async () => {
    const path = file('growing.jsonl', `${line}\n`.repeat(20_000));
    await keepAppending(path, `${line}\n`);
    const [summary = ''] = await linesOf(path);
    expect(summary).toMatch(/ 20,\d{3} conversations, /);
  });

  it.each([
    ['an array', 'array.json', JSON.stringify([good, good]), '2 conversations, 4 turns'],
    ['an indented array', 'indented.json', JSON.stringify([good], null, 2), '1 conversation, 2 turns'],
    ['an array with CR line ends', 'cr.json', `[\r${line},\r${line}\r]\r`, '2 conversations, 4 turns'],
    ['an array with a comma after its last record', 'comma.json', `[${line}, ]`, '1 conversation, 2 turns'],
    [
      'the words that Python writes',
      'words.json',
      `[{"a": NaN, ${line.slice(1, -1)}, "b": [-Infinity, Infinity]}]`,
      '1 conversation, 2 turns',
    ],
    [
      'elements that are not turns',
      'turns.jsonl',
      `{"messages": [5, {"role": "user", "content": "a"}, {"role": "user", "content": 5}]}\n${line}`,
      '2 conversations, 4 turns',
    ],
    ['JSON lines', 'lines.jsonl', `\ufeff${line}\r\n\r\n${line}\r\n`, '2 conversations, 4 turns'],
    [
      'an array with a record that is not a conversation',
      'skipped.json',
      `[\n${line},\n  {"text": "é"}\n]`,
      '1 conversation, 2 turns, 1 record skipped',
    ],
    [
      'JSON lines with several of them',
      'skipped.jsonl',
      `${line}\n{}\n${line}\n{"messages": 5}\n{"messages": [1]}`,
      '2 conversations, 4 turns, 3 records skipped',
    ],
    ['JSON lines with CR alone', 'cr.jsonl', `${line}\r${line}\r`, '2 conversations, 4 turns'],
    ['an object over several lines', 'object.json', JSON.stringify(good, null, 2), '1 conversation, 2 turns'],
    ['gzip', 'data.json.gz', gzipSync(`[${line},${line}]`), '2 conversations, 4 turns'],
    [
      'gzip with a record skipped',
      'a.gz',
      gzipSync(`[${line},5]`),
      '1 conversation, 2 turns, 1 record skipped',
    ],
    ['CSV', 'data.csv', 'question,answer\r\na,b\r\nc,d\r\n', '2 conversations, 4 turns'],
    ['CSV with an index', 'index.csv', ',question,answer\n0,a,b\n1,c,d\n', '2 conversations, 4 turns'],
    ['CSV with semicolons', 'half.csv', 'question;answer\na, b;c, d\n', '1 conversation, 2 turns'],
  ])('%s, prints its counts', async (_what, name, content, holds) => {
    const path = file(name, content);
    expect(await lineOf(path)).toBe(`${path}: ${holds}`);
  });

  const unmapped = 'no record has the fields of --map prompt=a,reply=b: other shapes fit';
  it.each([
    ['a map that no record needs', line, ['--map', 'prompt=a,reply=b'], unmapped],
    [
      'a map that no converted record needs',
      '{"prompt": "c", "response": "d"}\n',
      ['--map', 'prompt=a,reply=b'],
      unmapped,
    ],
    [
      'bytes that are not UTF-8',
      Buffer.from('prompt,reply\ncaf\xe9,b\nc,d\n', 'latin1'),
      [],
      "1 row with bytes that aren't UTF-8, which are read as U+FFFD; if the file is in Windows-1252, convert it: iconv -f WINDOWS-1252 -t UTF-8",
    ],
    [
      'columns of one name',
      'prompt,reply,prompt\na,b,c\n',
      ['--map', 'prompt=prompt,reply=reply'],
      'of several columns with the same name, the last counts: "prompt"',
    ],
  ])('warns of %s', async (_what, content, args, warning) => {
    const { code, stdout } = await run([file('warned', content), ...args]);
    expect(stdout.split('\n').filter((each) => each.startsWith('  warning'))).toEqual([
      `  warning     ${warning}`,
    ]);
    expect(code).toBe(0);
  });

  const CUT_OFF: readonly (readonly [string, string | Buffer, string])[] = [
    ['lines', `${line}\n{"messages": [{"ro`, `FILE:2:1 (byte ${lineBytes + 1}): '{"messages": [{"ro'`],
    [
      'lines that are converted',
      '{"prompt": "a", "response": "b"}\n{"prompt": "c',
      `record 1: '{"prompt": "c'`,
    ],
    ['objects', '{\n"prompt": "a",\n"response": "b"\n}\n{\n"prompt": "c', `record 1: '{\\n"prompt": "c'`],
    [
      'gzip',
      gzipSync(`${line}\n{"messages": [{"ro`),
      `FILE:2:1 (byte ${lineBytes + 1}): '{"messages": [{"ro'`,
    ],
  ];

  it.each(CUT_OFF)(
    'skips a last record that the end of the file cuts off: %s',
    async (_what, content, place) => {
      const path = file('cut-off', content);
      expect(await linesOf(path)).toEqual(
        expect.arrayContaining([
          `${path}: 1 conversation, 2 turns, 1 record skipped`,
          '  skipped     1 cut off by the end of the file',
          `  skipped     the first at ${place.replace('FILE', path)}`,
        ]),
      );
    },
  );

  it('prints these records of several files, and exits with code 3', async () => {
    const paths = CUT_OFF.map(([_what, content], i) => file(`cut-off-${i}`, content));
    const { code, stdout } = await run(paths);
    expect(code).toBe(3);
    for (const path of paths) {
      expect(stdout).toContain(`${path}: 1 conversation, 2 turns, 1 record skipped\n`);
    }
    expect(stdout.match(/ {2}skipped {5}1 cut off by the end of the file\n/g)).toHaveLength(paths.length);
  });

  it.each([
    ['an array', `[\n${line},\n  {"text": "é"}\n]`, `FILE:3:3 (byte ${lineBytes + 6}): '{"text": "é"}'`],
    ['lines', `${line}\n{}\n${line}\n[]\n`, `FILE:2:1 (byte ${lineBytes + 1}): '{}'`],
    ['gzip', gzipSync(`\ufeff[${line},\n5]`), `FILE:2:1 (byte ${lineBytes + 6}): '5'`],
    ['what is converted', `[{"prompt": "a", "response": "b"}, {"text": "x"}]`, `record 1: '{"text": "x"}'`],
  ])('prints where the first record is that is skipped: %s', async (_what, content, place) => {
    const path = file('skipped', content);
    expect(await linesOf(path)).toContain(`  skipped     the first at ${place.replace('FILE', path)}`);
  });

  it('does not count a record that is too long to read as a conversation', async () => {
    const long = JSON.stringify({ conversations: [{ from: 'human', value: 'x'.repeat(17 * 1024 * 1024) }] });
    const path = file('long.jsonl', `${line}\n${long}\n${line}\n`);
    const lines = await linesOf(path);
    expect(lines[0]).toBe(`${path}: 2 conversations, 4 turns, 1 record skipped`);
    expect(lines).toContain('  skipped     1 longer than 16 MiB, or nested too deep');
    expect(lines.join('\n')).toContain(`the first at ${path}:2:1 (byte ${lineBytes + 1}): `);
  });

  it('prints the beginning of a record that is too long, also if the others are converted', async () => {
    const long = JSON.stringify({ prompt: 'x'.repeat(17 * 1024 * 1024), response: 'y' });
    const path = file('long-converted.jsonl', `{"prompt": "a", "response": "b"}\n${long}\n`);
    expect((await linesOf(path)).join('\n')).toContain(`the first at record 1: '{"prompt":"xxxxx`);
  });

  it('prints what it is, and exits with code 0', async () => {
    const path = file('good.json', `[${line}]`);
    expect(await run([path])).toEqual({ code: 0, stdout: reportOfGood(path, 'JSON array'), stderr: '' });
  });

  it('prints the first row that has another number of fields, and exits with code 3', async () => {
    const path = file(
      'ragged.csv',
      'prompt,reply\r\n"a\r\né",b\r\n\r\nc\r\nd,"e, f",g\r\n\r\nh,\r\ni,j\r\nk\r\n',
    );
    const { code, stdout } = await run([path]);
    expect(code).toBe(3);
    const lines = stdout.split('\n');
    expect(lines[0]).toBe(`${path}: 2 conversations, 4 turns, 4 records skipped`);
    const reasons =
      '2 a row with 1 field, not 2, 1 a row with 3 fields, not 2, 1 a question without an answer';
    expect(lines).toContain(`  skipped     ${reasons}`);
    expect(lines).toContain(`  skipped     the first at record 1: '["c"]'`);
  });

  it('exits with code 3 if a record is skipped', async () => {
    const path = file('part.json', `[${line}, 5]`);
    expect(await run([path])).toMatchObject({ code: 3, stderr: '' });
    const packed = file('part.json.gz', gzipSync(`[${line}, 5]`));
    expect(await run([packed, '--json'])).toMatchObject({ code: 3, stderr: '' });
  });

  it('prints a line of JSON for each file, on request', async () => {
    const paths = [file('a.jsonl', line), file('b.csv', 'prompt,response\na,b\n')];
    const { code, stdout } = await run(['--json', ...paths]);
    expect(code).toBe(0);
    const reports = stdout
      .trimEnd()
      .split('\n')
      .map((each) => JSON.parse(each));
    expect(reports).toEqual([
      expect.objectContaining({
        path: paths[0],
        container: 'JSON lines',
        conversations: 1,
        turns: 2,
        skipped: 0,
      }),
      expect.objectContaining({ path: paths[1], container: 'CSV', shapes: { 'prompt/response': 1 } }),
    ]);
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
      'broken after the words that Python writes',
      'python.json',
      `[\n{"a": NaN, "b": [-Infinity], "c": tru}\n]`,
      { line: 2, column: 35, before: 'tru', reason: 'not valid JSON: expected a value' },
    ],
    [
      'broken in such a word',
      'nan.json',
      `[\n{"a": Nan}\n]`,
      { line: 2, column: 7, before: 'Nan', reason: 'not valid JSON: expected a value' },
    ],
    [
      'broken in JSON lines that end with CR alone',
      'cr.jsonl',
      `${line}\r{"id" 2}\r`,
      { line: 1, column: lineCharacters + 8, before: '2}', reason: "not valid JSON: expected ':'" },
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
      `[${line},,]`,
      { line: 1, column: lineCharacters + 3, before: ',]', reason: 'not valid JSON: expected a value' },
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
      'one with something between two objects',
      'objects.json',
      `{\n "id": 1\n}\n, {\n "id": 2\n}\n`,
      { line: 4, column: 1, before: ', {', reason: 'not valid JSON: expected an object or a list' },
    ],
    [
      'a quote in CSV that does not end',
      'quote.csv',
      'prompt,reply\na,b\nc,"d\ne,f\n',
      { line: 3, column: 1, before: 'c,"d', reason: 'expected the end of a quoted field in this row' },
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
    ['not a regular file', () => '/dev/null', `it is not a regular file; expected ${EXPECTED}`],
    ['a text', () => file('text.txt', 'Hello'), `found 'H' at its start; expected ${EXPECTED}`],
    ['empty, compressed', () => file('none.gz', gzipSync('')), `the file is empty; expected ${EXPECTED}`],
    [
      'a text, compressed',
      () => file('a.gz', gzipSync('Hi')),
      `found 'H' at its start; expected ${EXPECTED}`,
    ],
    [
      'compressed twice',
      () => file('b.gz', gzipSync(gzipSync(line))),
      'packed twice; unpack it once yourself',
    ],
    ['CSV without rows', () => file('no.csv', 'prompt,reply\n'), 'no conversation in 0 records'],
  ])('%s, prints the same line as a start', async (_what, pathOf, problem) => {
    const path = pathOf();
    await expectRefusal(path, `${path}: ${problem}`, linesOfAny);
  });

  it('compressed and broken, prints the position in its text, as a start does', async () => {
    const path = file('broken.gz', gzipSync(`\ufeff[${line},\n{"é" 5}]`));
    const at = lineBytes + 6 + Buffer.from('{"é" ').length;
    await expectRefusal(path, `${path}:2:6 (byte ${at}): not valid JSON: expected ':'`);
  });

  it('prints the line on standard error, as a start does', async () => {
    const path = file('gone.json', '[1, 2]');
    const server = startServer([path]);
    expect(await server.exited).toBe(1);
    expect(await run([path])).toEqual({ code: 1, stdout: '', stderr: server.stderr });
  });
});

describe('check, on a file that is valid JSON and not a dataset,', () => {
  it.each([
    ['a string', '"x"', `valid JSON, but only a string; expected ${EXPECTED}`],
    ['a number', ' -1.5\n', `valid JSON, but only a number; expected ${EXPECTED}`],
    ['null', 'null', `valid JSON, but only null; expected ${EXPECTED}`],
    ['an empty list', '[]', `valid JSON, but an empty list; expected ${EXPECTED}`],
    ['a list of scalars', '[1, 2]', 'no conversation in 2 records: neither an object nor a list'],
    [
      'a list of texts',
      '[{"text": "a"}, {"text": "b", "id": 1}]',
      'no conversation in 2 records with the key "text": text alone',
    ],
    [
      'lines of other records',
      '{"a": "x", "b": "y"}\n{"a": "x", "b": "y"}\n',
      'no conversation in 2 records with the keys "a", "b": no known shape; if they are a prompt and its reply, serve them with --map prompt=a,reply=b',
    ],
    [
      'lines of different records',
      '{"prompt": "a"}\n{"prompt": "a"}\n{"text": "b"}\n',
      'no conversation in 3 records with the key "prompt": 2 a question without an answer, 1 text alone',
    ],
    [
      'a list of other records with words that Python writes',
      '[{"prompt": NaN, "completion": "NaN"}]',
      'no conversation in 1 record with the keys "prompt", "completion": text alone',
    ],
    [
      'records with many and long keys',
      JSON.stringify([Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`${i}`.repeat(41), i]))]),
      `no conversation in 1 record with the keys ${[0, 1, 2, 3, 4, 5, 6, 7].map((i) => `"${`${i}`.repeat(40)}…", `).join('')}…: no known shape`,
    ],
    [
      'an object on one line',
      '{"data": []}',
      'no conversation in 1 record with the key "data": no known shape',
    ],
    [
      'an object over several lines',
      `\ufeff${JSON.stringify({ data: [5], version: 1 }, null, 2)}`,
      'no conversation in 1 record with the keys "data", "version": no known shape',
    ],
    [
      'several objects, each over several lines',
      `{\n "id": 1\n}\n{\n "id": 2\n}\n`,
      'no conversation in 2 records with the key "id": no known shape',
    ],
  ])('%s, prints what the file is, as a start does', async (_what, content, problem) => {
    const path = file('other.json', content);
    await expectRefusal(path, `${path}: ${problem}`);
  });
});

describe('check, on a folder,', () => {
  const pair = (prompt: string, response: string) => `${JSON.stringify({ prompt, response })}\n`;

  function folderOf(files: Readonly<Record<string, string | Buffer>>): string {
    const path = mkdtempSync(join(folder, 'of-'));
    mkdirSync(join(path, 'deep'));
    for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
    return path;
  }

  it('prints a line for each file, and the total', async () => {
    const path = folderOf({
      'b.jsonl': line,
      'a.jsonl': `${pair('¿Qué tal?', 'Bien')}{"text": "alone"}\n`,
      'deep/c.jsonl.gz': gzipSync(`${line}\n${line}\n`),
      'notes.txt': 'Hello',
    });
    const { code, stdout } = await run([path]);
    expect(stdout.replace(/, \d+ bytes/, ', N bytes')).toBe(
      [
        'a.jsonl: 1 conversation, 2 turns, 1 record skipped, prompt/response',
        'b.jsonl: 1 conversation, 2 turns, ShareGPT',
        'deep/c.jsonl.gz: 2 conversations, 4 turns, ShareGPT',
        `${path}: 4 conversations, 8 turns, 1 record skipped`,
        '  file        67 % JSON lines; 33 % gzip, JSON lines; 3 files of 284 bytes, 2 of them converted once, to 327 bytes of JSON lines',
        '  shape       60 % ShareGPT: the turns in order, system in front',
        '  shape       20 % prompt/response: prompt → response',
        '  skipped     1 text alone',
        `  skipped     the first at ${path}/a.jsonl, record 1: '{"text": "alone"}'`,
        '  roles       human 3, gpt 3, user 1, assistant 1',
        '  lengths     10 characters on average, 12 at most',
        "  example     '¿Qué tal?' → 'Bien'",
        '',
      ].join('\n'),
    );
    expect(code).toBe(3);
  });

  it('names files that cannot be served, and checks the others; a pattern works as a folder', async () => {
    const path = folderOf({ 'a.csv': 'prompt,reply\n', 'b.jsonl': line, 'deep/c.json': '[5' });
    const first = `${path}/a.csv: no conversation in 0 records`;
    const { code, stdout, stderr } = await run(['--json', path, `${path}/*.csv`, `${path}/**/?.jsonl`]);
    const [all, one] = stdout
      .trimEnd()
      .split('\n')
      .map((each) => JSON.parse(each));
    expect(all).toMatchObject({
      path,
      containers: { 'JSON lines': 1 },
      conversations: 1,
      parts: [
        { path: 'a.csv', error: first },
        { path: 'b.jsonl', container: 'JSON lines', conversations: 1 },
        { path: 'deep/c.json', error: expect.stringContaining('cut off') },
      ],
    });
    expect(one).toMatchObject({ path: `${path}/**/?.jsonl`, parts: [{ path: 'b.jsonl' }] });
    expect({ code, stderr }).toEqual({ code: 1, stderr: `verbatim: ${first}\n` });
    expect((await run([path])).code).toBe(3);
    expect(await linesOfAny(path)).toContain(`${path}: 1 conversation, 2 turns, 2 files not served`);
  });

  it('of which no file can be served, ends as a start does', async () => {
    const path = folderOf({ 'a.csv': 'prompt,reply\n', 'b.csv': 'prompt,reply\n' });
    const server = startServer([path, '--log-level', 'silent']);
    expect(await server.exited).toBe(1);
    expect(await run([path])).toEqual({ code: 1, stdout: '', stderr: server.stderr });
  });
});

describe('the settings that a refusal suggests', () => {
  it.each([
    [
      'with dots, spaces and signs of the shell',
      { "it's a $HOME": 'x', 'b.c; `d` "é" \\ *': 'yy', b: { c: 5 } },
    ],
    [
      'beside keys that no setting can have',
      { 'x,y': 'xxx', ' z': 'xxx', 'n\u2028': 'xxx', '': 'xxx', a: 'x', b: 'y' },
    ],
  ])('work when they are pasted into a shell, after check and after a start: %s', async (_what, record) => {
    const path = file('unknown.jsonl', `${JSON.stringify(record)}\n${JSON.stringify(record)}\n`);
    const message = await linesOf(path).then(String, String);
    const [, map] = /serve them with --map (.*)$/.exec(message) ?? [];
    const paste = (words: string) => {
      const command = `exec '${process.execPath}' '${program}' ${words}`;
      return new ServerProcess('sh', ['-c', command], { INDEX_DIR: 'none' });
    };
    const checking = paste(`check '${path}' --map ${map}`);
    expect(await checking.exited).toBe(0);
    expect(checking.stdout).toContain(`${path}: 2 conversations, 4 turns\n`);
    await paste(`'${path}?'${map}`).waitFor(/2 conversations, 4 turns/);
    await paste(`'${path}' --map ${map}`).waitFor(/2 conversations, 4 turns/);
  });
});

describe('check, about the turns of a file,', () => {
  const odd = { conversations: [5, ...good.conversations, { from: 'human', value: true }] };

  it.each([
    ['served as it is', JSON.stringify(odd)],
    ['converted', `${JSON.stringify(odd)}\n{"prompt": "a", "response": "b"}`],
    ['unpacked', gzipSync(JSON.stringify([odd]))],
  ])('counts those that are left out: %s', async (_what, content) => {
    expect(await linesOf(file('odd.jsonl', content))).toContain(
      '  left out    2 turns of these records: no role, or no text',
    );
  });

  it('warns if none has a reply', async () => {
    const path = file('questions.jsonl', '{"messages": [{"role": "user", "content": "Anyone?"}]}');
    expect(await linesOf(path)).toContain('  warning     no turn has a reply: every prompt will be a miss');
  });

  it('says what it counted of roles and lengths: a sample, or all if the file is converted', async () => {
    const many = (record: object) => `${JSON.stringify(record)}\n`.repeat(100);
    expect(await linesOf(file('native.jsonl', many(good)))).toEqual(
      expect.arrayContaining([
        '  roles       human 64, gpt 64, in a sample: the first 64 conversations',
        '  lengths     11 characters on average, 12 at most, in a sample: the first 64 conversations',
      ]),
    );
    const converted = `${many({ prompt: 'ab', response: 'cdef' })}{"prompt": "ab", "response": "cdefgh"}`;
    expect(await linesOf(file('pairs.jsonl', converted))).toEqual(
      expect.arrayContaining([
        '  roles       user 101, assistant 101',
        '  lengths     3 characters on average, 6 at most',
      ]),
    );
  });
});

describe('check', () => {
  it('reports every file, and ends with exit code 1 if one is not valid', async () => {
    const [one, two] = [file('one.json', `[${line}]`), file('two.jsonl', line)];
    const [text, missing] = [file('text.txt', 'Hello'), join(folder, 'missing.json')];
    expect(await run([one, text, `gpt-4o=${missing}`, `m=${two}`])).toEqual({
      code: 1,
      stdout: reportOfGood(one, 'JSON array') + reportOfGood(two, 'JSON lines'),
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
    expect(help.stdout).toMatch(/^ {2}check \[options\] <file...> /m);
    const stdout = expect.stringMatching(/^Usage: verbatim check /);
    expect(await run(['--help'])).toEqual({ code: 0, stdout, stderr: '' });
  });
});
