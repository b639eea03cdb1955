/** Datasets that are spooled: each container, answered by each engine. */

import { createWriteStream, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { brotliCompressSync, createGzip, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import type { Turn } from '#dist/core/conversation.js';
import { CSV_ROW_BYTES_MAX, RECORD_BYTES_MAX, UNPACKED_BYTES_FREE } from '#dist/core/limits.js';
import { queryOf } from '#dist/core/query.js';
import { JOINED_SHAPES } from '#dist/dataset/shapes/joined.js';
import type { ServedDataset } from '#dist/models/served-dataset.js';
import { IS_LONG, runs } from '../support/factor.js';
import { ROOT } from '../support/project.js';
import { open, openAndWalk } from '../support/served.js';
import { conversationFor } from '../support/shape-conversations.js';
import { WRITERS } from '../support/shape-writers.js';
import { openPool } from '../support/shared-threads.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const ENGINES = ['auto', 'sweep', 'index'] as const;

const pool = openPool(2);

/** A prompt, its reply, and the id of its conversation or the number of its record. */
type Answer = readonly [prompt: string, reply: string, id: string];

const turnsOf = (i: number) => [
  { from: 'human', value: `¿Qué tal ${i}?` },
  { from: 'gpt', value: `Bien ${i} 😀` },
];
const answer = (i: number, id = String(i)): Answer => [`¿Qué tal ${i}?`, `Bien ${i} 😀`, id];
const THREE: readonly Answer[] = [0, 1, 2].map((i) => answer(i));
const records = [0, 1, 2].map((i) => ({ conversations: turnsOf(i) }));
const pairs = [0, 1, 2].map((i) => ({ question: `¿Qué tal ${i}?`, answer: `Bien ${i} 😀` }));
const lists = records.map(({ conversations }) =>
  conversations.map(({ from, value }) => ({ role: from === 'human' ? 'user' : 'assistant', content: value })),
);
const linesOf = (list: readonly unknown[]) => list.map((each) => `${JSON.stringify(each)}\n`).join('');
const native = linesOf(records);

function fileOf(content: string | Uint8Array, name = 'data'): string {
  const path = join(mkdtempSync(join(folder, 'of-')), name);
  writeFileSync(path, content);
  return path;
}

async function ask(served: ServedDataset, ...texts: readonly string[]) {
  const query = queryOf(texts.map((text, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', text })));
  return query && (await served.lookup.find(query));
}

async function answersOf(served: ServedDataset, expected: readonly Answer[]) {
  const answers = [];
  for (const [prompt] of expected) {
    const match = await ask(served, prompt);
    answers.push([prompt, match?.reply.value, match?.conversationId]);
  }
  return answers;
}

let turn = 0;

/**
 * Expects these answers, and none to another prompt. Spools are the same for all engines: in the gate, the engines take turns, and the
 * property below combines engines with containers and shapes.
 */
async function expectAnswers(path: string, expected: readonly Answer[]): Promise<void> {
  const engine = ENGINES[turn++ % ENGINES.length] ?? 'auto';
  for (const each of IS_LONG ? ENGINES : [engine]) await expectAnswersBy(each, path, expected);
}

async function expectAnswersBy(engine: (typeof ENGINES)[number], path: string, expected: readonly Answer[]) {
  const { served } = await openAndWalk(path, { engine, pool });
  expect(await answersOf(served, expected), engine).toEqual(expected);
  expect(await ask(served, 'unheard of')).toBeUndefined();
  await served.close();
}

/** Expects an error that names the file, and that nothing is left. */
async function expectRefusal(path: string, problem: string | RegExp): Promise<void> {
  const indexDir = mkdtempSync(join(folder, 'index-'));
  const message = await openAndWalk(path, { pool, indexDir }).then(
    () => expect.fail('expected an error'),
    (error: unknown) => {
      expect(error, String(error)).toMatchObject({ name: 'DatasetError', isTransient: false });
      return (error as Error).message;
    },
  );
  expect(message.startsWith(path)).toBe(true);
  if (typeof problem === 'string') expect(message.slice(path.length)).toBe(problem);
  else expect(message.slice(path.length)).toMatch(problem);
  expect(readdirSync(indexDir)).toEqual([]);
}

/** The file with noise in place of its footer. */
function withoutFooter(file: Buffer): Buffer {
  const end = file.length - 10;
  return Buffer.from(file).fill(0xff, end - file.readInt32LE(end), end);
}

/** The rows of a tree of messages. */
const TREE_ROWS = [
  ['c', 'b', 'prompter', 'And you?'],
  ['a', null, 'prompter', 'Hello?'],
  ['d', 'c', 'assistant', 'Well.'],
  ['b', 'a', 'assistant', 'Hi.'],
  ['e', 'a', 'assistant', 'Good day.'],
].map(([message_id, parent_id, role, text]) => ({ message_id, parent_id, role, text }));

async function expectTree(path: string): Promise<void> {
  const { served } = await openAndWalk(path, { pool });
  expect((await ask(served, 'Hello?'))?.reply.value).toBe('Hi.');
  expect(await ask(served, 'Hello?', 'Hi.', 'And you?')).toMatchObject({
    rung: 'context',
    reply: { value: 'Well.' },
  });
}

const littleEndian = (text: string) => Buffer.from(text, 'utf16le');
const bigEndian = (text: string) => Buffer.from(text, 'utf16le').swap16();
const data = (name: string) => readFileSync(join(ROOT, 'test/data', name));
const arrow = (name: string) => data(`pyarrow${name === 'arrow' ? '.' : '-'}${name}`);

const rowsOf = (separator: string) =>
  pairs.map(({ question, answer }) => `"${question}"${separator}"${answer}"\n`).join('');

describe('files that were put together are answered as one:', () => {
  it.each([
    ['JSON lines', pairs.map((each) => `\ufeff${JSON.stringify(each)}\n`).join('')],
    ['objects', pairs.map((each) => `\ufeff${JSON.stringify(each, null, 1)}\n`).join('')],
    ['CSV', pairs.map(({ question, answer }) => `\ufeffquestion,answer\n${question},${answer}\n`).join('')],
  ])('%s', async (_what, content) => {
    await expectAnswers(fileOf(content), THREE);
  });
});

it('roles may have the names of what every object has', async () => {
  const turns = ['user', '__proto__', 'constructor', 'assistant'].map((role) => ({
    role,
    text: `from ${role}`,
  }));
  const path = fileOf(JSON.stringify([{ turns }]));
  await expectAnswers(path, [['from constructor', 'from assistant', '0']]);
});

describe('CSV is answered', () => {
  it('with spaces before its quotes', async () => {
    await expectAnswers(fileOf(`"question", "answer"\n${rowsOf(', ')}`), THREE);
    await expectAnswers(fileOf(`question; answer\n${rowsOf(';  ')}`), THREE);
  });

  it('with spaces after its quotes, and around the names of its columns', async () => {
    await expectAnswers(fileOf(`"question" , "answer"\n${rowsOf(' , ')}`), THREE);
    await expectAnswers(fileOf(`question, Answer \r\n${rowsOf(' ,').replaceAll('\n', ' \r\n')}`), THREE);
    await expectAnswers(fileOf(`Question , Answer \n${rowsOf(',')}question,answer\n`), THREE);
  });

  it('without a row that is too long', async () => {
    const long = `"${'x'.repeat(RECORD_BYTES_MAX)}",b\n`;
    const [first = '', ...others] = rowsOf(',').split(/(?<=\n)/);
    const { served } = await openAndWalk(fileOf(`question,answer\n${first}${long}${others.join('')}`), {
      pool,
    });
    expect(await answersOf(served, THREE)).toEqual([answer(0), answer(1, '2'), answer(2, '3')]);
    expect(served.status.counts.skipped).toBe(1);
    await served.close();
  });
});

describe('a table that pandas wrote is answered as its rows:', () => {
  const columns = {
    question: Object.fromEntries(pairs.map(({ question }, i) => [i, question])),
    answer: Object.fromEntries(pairs.map(({ answer }, i) => [i, answer])),
  };
  it.each([
    ['columns', JSON.stringify(columns)],
    ['indented columns', JSON.stringify(columns, null, 1)],
    ['rows by their numbers', JSON.stringify(Object.fromEntries(pairs.map((each, i) => [i, each])))],
    [
      'names of columns, and rows without them',
      JSON.stringify({
        columns: ['question', 'answer'],
        index: pairs.map((_, i) => i),
        data: pairs.map(({ question, answer }) => [question, answer]),
      }),
    ],
    ['columns in gzip', gzipSync(JSON.stringify(columns))],
  ])('%s', async (_what, content) => {
    await expectAnswers(fileOf(content), THREE);
  });
});

describe('a packed file is answered as its content:', () => {
  it.each<[string, Uint8Array, string?]>([
    ['gzip', gzipSync(native)],
    ['gzip of an array after a byte order mark', gzipSync(`\ufeff ${JSON.stringify(records, null, 1)}`)],
    ['gzip of several members', Buffer.concat(records.map((each) => gzipSync(linesOf([each]))))],
    ['gzip with zeros after it', Buffer.concat([gzipSync(native), Buffer.alloc(1000)])],
    ['gzip of other records', gzipSync(linesOf(pairs))],
    ['gzip of an array of lists', gzipSync(JSON.stringify(lists))],
    ['gzip of an object over several lines', gzipSync(JSON.stringify({ train: pairs }, null, 2))],
    ['gzip of CSV', gzipSync(`question,answer\n${pairs.map((p) => `${p.question},${p.answer}\n`).join('')}`)],
    ['zstd', data('conversations.jsonl.zst')],
    ['zstd of several frames', data('frames.jsonl.zst')],
    ['Brotli', brotliCompressSync(native), 'data.jsonl.br'],
    ['Brotli of other records', brotliCompressSync(JSON.stringify(pairs)), 'data.json.br'],
    ['UTF-16LE', littleEndian(native)],
    ['UTF-16BE', bigEndian(native)],
    ['UTF-16LE with a byte order mark', littleEndian(`\ufeff${native}`)],
    ['UTF-16BE with a byte order mark', bigEndian(`\ufeff${JSON.stringify(records)}`)],
    ['UTF-16 of other records', littleEndian(`\ufeff${JSON.stringify(pairs, null, 2)}`)],
    [
      'UTF-16 of CSV',
      littleEndian(`\ufeffquestion,answer\r\n${pairs.map((p) => `${p.question},${p.answer}\r\n`).join('')}`),
    ],
  ])('%s', async (_what, content, name) => {
    await expectAnswers(fileOf(content, name), THREE);
  });

  it('gzip, with the records’ own ids', async () => {
    const content = gzipSync(linesOf(records.map((record, i) => ({ ...record, id: `id ${i}` }))));
    await expectAnswers(
      fileOf(content),
      [0, 1, 2].map((i) => answer(i, `id ${i}`)),
    );
  });
});

describe('a file of JSON is answered:', () => {
  const pretty = (value: unknown) => JSON.stringify(value, null, 2);
  it.each<[string, string]>([
    ['an array of other records', JSON.stringify(pairs)],
    ['lines of other records', linesOf(pairs)],
    ['lines of other records, with CR and LF, and blank ones', linesOf(pairs).replaceAll('\n', '\r\n \r\n')],
    ['lines of other records, with CR alone', linesOf(pairs).replaceAll('\n', '\r')],
    ['an array of other records, with a comma after the last', `[${pairs.map(pretty).join()},\n]`],
    ['an array of lists', JSON.stringify(lists)],
    ['lines of lists', linesOf(lists)],
    ['objects over several lines', pairs.map(pretty).join('\n')],
    ['objects with nothing between them', records.map((each) => JSON.stringify(each)).join('')],
    ['an object that holds a list', pretty({ version: 1, rows: pairs, note: ['x'] })],
    ['an object on one line that holds a list', JSON.stringify({ rows: records })],
    ['an object that holds splits', pretty({ train: pairs.slice(0, 2), test: pairs.slice(2) })],
    ['an object that holds lists', pretty({ train: lists.slice(0, 1), test: lists.slice(1) })],
    [
      'other records with Python’s words',
      JSON.stringify(pairs.map((pair) => ({ score: 1, ...pair }))).replaceAll(':1', ':NaN'),
    ],
    ['records of several shapes', JSON.stringify([records[0], pairs[1], lists[2]])],
    ['lines of several shapes', linesOf([pairs[0], records[1], lists[2]])],
  ])('%s', async (_what, content) => {
    await expectAnswers(fileOf(content), THREE);
    await expectAnswers(fileOf(`\ufeff${content}`), THREE);
  });

  it('one object over several lines, a conversation', async () => {
    await expectAnswers(fileOf(pretty(records[0])), [answer(0)]);
    await expectAnswers(fileOf(pretty({ id: 'own', ...pairs[0] })), [answer(0, 'own')]);
  });

  it('records that are not served have numbers, too', async () => {
    const path = fileOf(JSON.stringify([5, pairs[1], { text: 'x' }, { id: 7, ...pairs[0] }, records[2]]));
    await expectAnswers(path, [answer(1, '1'), answer(0, '7'), answer(2, '4')]);
  });

  it('records after one that is too long', async () => {
    const long = `{"question": "${'x'.repeat(RECORD_BYTES_MAX)}"}\n`;
    await expectAnswers(
      fileOf(long + linesOf(pairs)),
      [0, 1, 2].map((i) => answer(i, String(i + 1))),
    );
  });

  it('rows of a tree, joined', async () => {
    await expectTree(fileOf(linesOf(TREE_ROWS)));
  });
});

describe('a table is answered:', () => {
  it.each<[string, string]>([
    ['CSV', pairs.map((p) => `${p.question},${p.answer}\n`).join('')],
    ['CSV with CR and LF', pairs.map((p) => `${p.question},${p.answer}\r\n`).join('')],
    ['CSV without a last line end', pairs.map((p) => `"${p.question}","${p.answer}"`).join('\n')],
    ['CSV with blank lines', pairs.map((p) => `\n"${p.question}",${p.answer}\n\n`).join('')],
  ])('%s', async (_what, rows) => {
    const end = rows.includes('\r\n') ? '\r\n' : '\n';
    await expectAnswers(fileOf(`question,answer${end}${rows}`), THREE);
    await expectAnswers(fileOf(`\ufeff"question",answer${end}${rows}`), THREE);
  });

  it('CSV with quotes, separators and line ends in its fields', async () => {
    const content = 'prompt,completion\r\n"a ""b"", c","x\r\n\r\ny"\r\n"\t",";\n"\r\n';
    await expectAnswers(fileOf(content), [['a "b", c', 'x\r\n\r\ny', '0']]);
  });

  it('CSV with a list of messages in a field', async () => {
    const quoted = lists.map((list) => `"${JSON.stringify(list).replaceAll('"', '""')}"`);
    await expectAnswers(
      fileOf(`id,messages\n${quoted.map((text, i) => `r${i},${text}\n`).join('')}`),
      [0, 1, 2].map((i) => answer(i, `r${i}`)),
    );
  });

  it.each([
    ['commas', ','],
    ['tabs', '\t'],
    ['semicolons', ';'],
  ])('%s, with a column without a name', async (_what, separator) => {
    const header = ['', 'question', 'answer'].join(separator);
    const rows = pairs.map((p, i) => `${[i, p.question, p.answer].join(separator)}\n`).join('');
    await expectAnswers(fileOf(`${header}\n${rows}`), THREE);
    await expectAnswers(fileOf(`\ufeff\n${header}\r\n${rows.replaceAll('\n', '\r\n')}`), THREE);
  });

  it('a list of messages beside a column without a name', async () => {
    const rows = lists.map((list, i) => `${i}\t"${JSON.stringify(list).replaceAll('"', '""')}"\n`);
    await expectAnswers(fileOf(`\tmessages\n${rows.join('')}`), THREE);
  });

  it.each([
    ['semicolons', 'question;answer\n', ';'],
    ['vertical bars', 'question|answer\n', '|'],
    ['a first line that names a vertical bar', 'sep=|\nquestion|answer\n', '|'],
    ['semicolons, with commas in a name', 'question;"in a, b, c";answer\n', ';x;'],
    ['a first line that names a semicolon', 'sep=;\r\nquestion;answer\n', ';'],
    ['a first line that names a comma', '\ufeffsep=,\nquestion,answer,a;b;c;d\n', ','],
    ['a first line that names a tab', 'sep=\t\nquestion\tanswer\n', '\t'],
  ])('%s', async (_what, header, between) => {
    const extra = header.includes('a;b') ? ',' : '';
    const rows = pairs.map((p) => `${p.question}${between}${p.answer}${extra}\n`).join('');
    await expectAnswers(fileOf(header + rows), THREE);
  });

  it.each(['text', '\ufeff"text"', 'Text '])('CSV with the column %j alone', async (header) => {
    const rows = pairs.map((p) => `"### Human: ${p.question}\n### Assistant: ${p.answer}"\n`);
    await expectAnswers(fileOf(`${header}\n${rows.join('')}`), THREE);
  });

  it('CSV with a column of lists alone', async () => {
    const rows = lists.map((list) => `"${JSON.stringify(list).replaceAll('"', '""')}"\r\n`);
    await expectAnswers(fileOf(`messages\r\n${rows.join('')}`), THREE);
  });

  it('CSV without its rows of another number of fields', async () => {
    const [one, two, three] = pairs.map((p) => `${p.question},${p.answer}\n`);
    await expectAnswers(fileOf(`question,answer\na\n${one}a,b,c\n${two}${three}a,b,\n`), [
      answer(0, '1'),
      answer(1, '3'),
      answer(2, '4'),
    ]);
  });

  it('quotes inside of fields', async () => {
    const content = 'prompt\tcompletion\na 5" pipe\t"b" or c\n"d ""e"""\tf"\n';
    await expectAnswers(fileOf(content), [
      ['a 5" pipe', '"b" or c', '0'],
      ['d "e"', 'f"', '1'],
    ]);
  });

  it('TSV', async () => {
    const rows = pairs.map((p) => `${p.question}\t${p.answer}\n`).join('');
    await expectAnswers(fileOf(`question\tanswer\n${rows}`), THREE);
  });

  it.each(['pyarrow-zstd-columns', 'pyarrow-gzip', 'pyarrow-brotli', 'pyarrow-preference', 'duckdb-lz4'])(
    'Parquet of %s',
    async (name) => {
      await expectAnswers(fileOf(data(`${name}.parquet`)), THREE);
    },
  );

  it.each(['arrow', 'stream.arrow', 'lz4.arrow', 'zstd-stream.arrow', 'dictionaries-stream.arrow'])(
    'Arrow: %s',
    async (name) => {
      await expectAnswers(fileOf(arrow(name)), THREE);
    },
  );

  it('Arrow with lists of structures, and with structures of lists', async () => {
    const large = ['9007199254740993', '9007199254740995', '3'];
    await expectAnswers(
      fileOf(arrow('lists.arrow')),
      large.map((id, i) => answer(i, id)),
    );
    await expectAnswers(
      fileOf(arrow('structs.arrow')),
      [0, 1, 2].map((i) => answer(i, `r${i}`)),
    );
  });

  it('Arrow of Polars, in which the schema is in the footer alone', async () => {
    await expectAnswers(fileOf(data('polars.arrow')), THREE);
  });

  it('Arrow with a text of several blocks of LZ4', async () => {
    await expectAnswers(fileOf(arrow('lz4.arrow')), [['Wie lang?', 'sehr '.repeat(30_000), '3']]);
  });

  it('compressed Parquet and Arrow', async () => {
    const large = ['9007199254740993', '9007199254740995', '3'].map((id, i) => answer(i, id));
    await expectAnswers(fileOf(gzipSync(data('pyarrow-snappy.parquet'))), large);
    await expectAnswers(fileOf(gzipSync(arrow('lists.arrow'))), large);
    await expectAnswers(fileOf(brotliCompressSync(arrow('stream.arrow')), 'data.arrow.br'), THREE);
  });

  it('Parquet with ids of its own', async () => {
    const large = ['9007199254740993', '9007199254740995', '3'];
    await expectAnswers(
      fileOf(data('pyarrow-snappy.parquet')),
      large.map((id, i) => answer(i, id)),
    );
    const rows = [0, 1, 2].map((i) => answer(i, `row ${i}`));
    await expectAnswers(fileOf(data('duckdb-zstd.parquet')), rows);
  });

  it('Parquet of several pages with long heads', async () => {
    await expectAnswers(
      fileOf(data('pyarrow-pages.parquet')),
      [0, 1, 2, 3].map((i) => [
        `Why ${'so '.repeat(360)}long ${i}?`,
        `Because ${'it '.repeat(20)}is ${i}.`,
        String(i),
      ]),
    );
  });

  it('Parquet with groups of rows that are too long for the memory of a task', async () => {
    const count = 4000;
    const padding = 'long '.repeat(1000);
    const columnData = [
      { name: 'question', data: Array.from({ length: count }, (_, i) => `q${i}`) },
      { name: 'answer', data: Array.from({ length: count }, (_, i) => `${padding}${i}`) },
    ];
    const rowGroupSize = count - 5;
    const path = fileOf(new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize })));
    await expectAnswers(
      path,
      [0, 1999, 3990, 3998, 3999].map((i) => [`q${i}`, `${padding}${i}`, String(i)]),
    );
  });

  it('Parquet with many groups of rows', async () => {
    const count = 50;
    const column = (name: string, text: string) => ({
      name,
      data: Array.from({ length: count }, (_, i) => text.replace('#', String(i))),
    });
    const written = parquetWriteBuffer({
      columnData: [column('question', '¿Qué tal #?'), column('answer', 'Bien # 😀')],
      rowGroupSize: 7,
    });
    await expectAnswers(
      fileOf(new Uint8Array(written)),
      Array.from({ length: count }, (_, i) => answer(i)),
    );
  });

  it('Parquet of a tree, whose rows are in several groups', async () => {
    const columnData = (['message_id', 'parent_id', 'role', 'text'] as const).map((name) => ({
      name,
      type: 'STRING' as const,
      data: TREE_ROWS.map((row) => row[name]),
    }));
    await expectTree(fileOf(new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: 2 }))));
  });

  it('Parquet with 10,000 columns', async () => {
    const columns = Array.from({ length: 9998 }, (_, i) => ({ name: `n${i}`, data: [i, i, i] }));
    const texts = (['question', 'answer'] as const).map((name) => ({
      name,
      data: pairs.map((p) => p[name]),
    }));
    const columnData = [...columns, ...texts];
    const { served } = await openAndWalk(fileOf(new Uint8Array(parquetWriteBuffer({ columnData }))), {
      pool,
    });
    expect(await answersOf(served, THREE)).toEqual(THREE);
  });

  it('Parquet in which conversations are JSON', async () => {
    const columnData = [{ name: 'messages', data: lists.map((list) => JSON.stringify(list)) }];
    await expectAnswers(fileOf(new Uint8Array(parquetWriteBuffer({ columnData }))), THREE);
  });
});

describe('a split of one file', () => {
  const other = pairs.map(({ question }) => ({ question, answer: 'another' }));
  const lists = { test: other, train: pairs, note: 'x' };

  it.each<[string, Uint8Array | string]>([
    ['an object', JSON.stringify(lists, null, 1)],
    ['a compressed object', gzipSync(JSON.stringify(lists))],
  ])('is a list of %s', async (_what, content) => {
    const path = fileOf(content);
    const indexDir = mkdtempSync(join(folder, 'index-'));
    for (const [splits, reply] of [
      [['train'], 'Bien 0 😀'],
      [['test'], 'another'],
      [[], 'another'],
      [['test', 'train'], 'another'],
    ] as const) {
      const { served } = await openAndWalk(path, { pool, splits, indexDir });
      expect((await ask(served, '¿Qué tal 0?'))?.reply.value).toBe(reply);
      await served.close();
    }
    await expect(openAndWalk(path, { pool, splits: ['dev'] })).rejects.toThrow(
      `${path}: there is no split 'dev'; it has test, train`,
    );
  });

  it.each<[string, string | Uint8Array, string?]>([
    ['conversations', native],
    ['other records', linesOf(pairs)],
    ['compressed records', gzipSync(linesOf(pairs))],
    ['a list in an object', JSON.stringify({ rows: pairs })],
    ['one object', JSON.stringify({ ...pairs[0] }, null, 1)],
  ])('is train, unless its name says another: %s', async (_what, content) => {
    for (const [name, split, isThere] of [
      ['data', 'train', true],
      ['data', 'test', false],
      ['my-test.json', 'test', true],
      ['my-test.json', 'train', false],
    ] as const) {
      const opening = openAndWalk(fileOf(content, name), { pool, splits: [split] });
      if (isThere) expect(await answersOf((await opening).served, [answer(0)])).toEqual([answer(0)]);
      else await expect(opening).rejects.toThrow(`there is no split '${split}'; it has `);
    }
  });
});

it('a dataset in which no turn has a reply is served with a warning', async () => {
  const path = fileOf('[{"messages": [{"role": "user", "content": "Anyone?"}]}]');
  for (const engine of ENGINES) {
    const { recorder } = await openAndWalk(path, { engine, pool });
    expect(recorder.notices, engine).toContain('warn no turn of the file has a reply: it answers no prompt');
  }
});

it('records whose fields are named are converted, whatever kind of list they are in', async () => {
  const map = { prompt: 'a', reply: 'b', system: undefined };
  const named = [0, 1, 2].map((i) => ({ a: `¿Qué tal ${i}?`, b: `Bien ${i} 😀`, messages: lists[2 - i] }));
  for (const content of [linesOf(named), JSON.stringify(named), gzipSync(linesOf(named))]) {
    const { served } = await openAndWalk(fileOf(content), { pool, shapes: { prefers: 'chosen', map } });
    expect(await answersOf(served, THREE)).toEqual(THREE);
  }
});

it('one object whose fields are named is a record, even if it has lists of objects', async () => {
  const map = { prompt: 'a', reply: 'b', system: undefined };
  const record = { a: '¿Qué tal 0?', b: 'Bien 0 😀', sources: [{ question: 'x', answer: 'y' }] };
  const content = JSON.stringify(record, undefined, 2);
  const { served } = await openAndWalk(fileOf(content), { pool, shapes: { prefers: 'chosen', map } });
  expect(await answersOf(served, [answer(0)])).toEqual([answer(0)]);
});

it('the rejected reply is served if it is preferred, even beside a list that could be served as it is', async () => {
  const [user, chosen] = lists[0] as (typeof lists)[number];
  const record = {
    messages: [user, chosen],
    chosen: [user, chosen],
    rejected: [user, { ...chosen, content: 'Go' }],
  };
  const shapes = { prefers: 'rejected', map: undefined } as const;
  const { served } = await openAndWalk(fileOf(JSON.stringify([record])), { pool, shapes });
  expect((await ask(served, '¿Qué tal 0?'))?.reply.value).toBe('Go');
});

it('records that a file skips when it is converted are in its status, also at the next start', async () => {
  const path = fileOf(`${linesOf(pairs)}{"text": "alone"}\n`);
  const indexDir = mkdtempSync(join(folder, 'index-'));
  for (const start of ['first', 'next']) {
    const { served } = await openAndWalk(path, { pool, indexDir });
    expect(served.status.counts, start).toMatchObject({ conversations: 3, turns: 6, skipped: 1 });
    await served.close();
  }
});

it('an error about compressed JSON names the dataset, not its spool', async () => {
  await expectRefusal(fileOf(gzipSync('[]')), /^: valid JSON, but an empty list/);
});

describe('a list of pairs under another name', () => {
  it.each(['data', 'items', 'rows'])('holds records: %s', async (key) => {
    const path = fileOf(JSON.stringify({ version: 1, [key]: pairs }, null, 1));
    await expectAnswers(path, THREE);
  });
});

describe('a file that begins as conversations', () => {
  it('is spooled after the walk if a later record has another shape', async () => {
    const many = Array.from({ length: 100 }, (_, i) => ({ conversations: turnsOf(i) }));
    const later = { question: 'Later?', answer: 'Yes.' };
    for (const engine of ENGINES) {
      const path = fileOf(JSON.stringify([...many, later]));
      const { served, recorder } = await open(path, { engine, pool });
      await served.start();
      expect(await answersOf(served, [answer(99)])).toEqual([answer(99)]);
      // The file is answered as it is until its spool is.
      await recorder.waitFor('changed');
      const all: Answer[] = [answer(0), answer(99), ['Later?', 'Yes.', '100']];
      expect(await answersOf(served, all)).toEqual(all);
      await served.close();
    }
  });

  it('is served as it is if its spool cannot be written', async () => {
    const path = fileOf(
      JSON.stringify([...Array.from({ length: 100 }, (_, i) => ({ conversations: turnsOf(i) })), pairs[0]]),
    );
    const { served, recorder } = await openAndWalk(path, { pool, indexDir: join(path, 'no-folder') });
    await recorder.waitFor('warn records of other shapes are not served');
    expect(await answersOf(served, [answer(99)])).toEqual([answer(99)]);
    expect(served.status.isAvailable).toBe(true);
  });

  it('is served as it is if the others have no shape', async () => {
    const path = fileOf(JSON.stringify([...records, { text: 'x' }, 5]));
    const { served, recorder } = await openAndWalk(path, { pool });
    expect(recorder.notices).not.toContain('spooled');
    expect(recorder.counts).toMatchObject({ conversations: 3, skipped: 2 });
    expect(await answersOf(served, THREE)).toEqual(THREE);
  });
});

describe('a damaged file is refused, and leaves nothing:', () => {
  const noise = Buffer.from(Array.from({ length: 4000 }, (_, i) => (i * i * 7919) % 251));
  const PAGE_DAMAGED = /: not a valid Parquet file: the head of a page is damaged$/;
  const changed = (name: string, at: number, byte: number) => {
    const bytes = data(`${name}.parquet`);
    bytes[at] = byte;
    return bytes;
  };
  const long = gzipSync(linesOf([...records, { noise: noise.toString('base64') }]));

  it.each<[string, Uint8Array, string | RegExp, string?]>([
    ['gzip that ends early', long.subarray(0, -20), /: the gzip data end too early$/],
    ['gzip without its checksum', gzipSync(native).subarray(0, -4), /: the gzip data end too early$/],
    [
      'gzip with a wrong checksum',
      Buffer.concat([gzipSync(native).subarray(0, -8), Buffer.alloc(8, 1)]),
      /: the gzip data are damaged: incorrect data check$/,
    ],
    [
      'gzip with something after it',
      Buffer.concat([gzipSync(native), Buffer.from('more')]),
      /: the gzip data are damaged: incorrect header check$/,
    ],
    [
      'zstd that ends early',
      data('conversations.jsonl.zst').subarray(0, -9),
      /: the zstd data end too early$/,
    ],
    [
      'zstd that is damaged',
      Buffer.concat([data('conversations.jsonl.zst').subarray(0, 12), noise]),
      /: the zstd data are damaged: /,
    ],
    [
      'Brotli that ends early',
      brotliCompressSync(native).subarray(0, -9),
      /: the brotli data end too early$/,
      'x.br',
    ],
    ['a text with a name of Brotli', Buffer.from('Dear Sir, no'), /: the brotli data are damaged: /, 'x.br'],
    [
      'Parquet with a start alone',
      Buffer.from('PAR1'),
      /: not a valid Parquet file: its footer is missing: the file ends too early$/,
    ],
    [
      'Parquet that ends early',
      data('pyarrow-snappy.parquet').subarray(0, -100),
      /: not a valid Parquet file: its footer is missing: the file ends too early$/,
    ],
    [
      'CSV with a row that never seems to end',
      Buffer.from(`prompt,reply\na,"${'x'.repeat(CSV_ROW_BYTES_MAX + 1)}"\n`),
      ':2:1 (byte 13): a row is longer than 64 MiB',
    ],
    [
      'Parquet with a broken footer',
      Buffer.concat([
        data('pyarrow-gzip.parquet').subarray(0, -12),
        Buffer.alloc(4, 0xff),
        data('pyarrow-gzip.parquet').subarray(-8),
      ]),
      /: not a valid Parquet file: /,
    ],
    [
      'Parquet with a footer that is too long',
      Buffer.concat([
        data('pyarrow-gzip.parquet').subarray(0, -8),
        Buffer.from([0xff, 0xff, 0xff, 0x7f]),
        Buffer.from('PAR1'),
      ]),
      /: not a valid Parquet file: /,
    ],
    [
      'encrypted Parquet',
      data('pyarrow-encrypted.parquet'),
      ': found an encrypted Parquet file; write it without encryption',
    ],
    [
      'Parquet with encrypted columns',
      data('pyarrow-encrypted-columns.parquet'),
      /: not a valid Parquet file: its columns are encrypted$/,
    ],
    [
      'Parquet with damaged Brotli',
      changed('pyarrow-brotli', 30, 0),
      /: not a valid Parquet file: column [\w.]+: /,
    ],
    // hyparquet would read such pages without end.
    ['Parquet whose page lacks a number', changed('pyarrow-brotli', 64, 0), PAGE_DAMAGED],
    ['Parquet whose page has a wrong number', changed('pyarrow-brotli', 69, 128), PAGE_DAMAGED],
    [
      'Parquet with a damaged schema',
      changed('pyarrow-snappy', 671, 1),
      /: not a valid Parquet file: its schema is damaged$/,
    ],
    ['Parquet whose page has a wrong kind', changed('pyarrow-brotli', 72, 0), PAGE_DAMAGED],
    ['Arrow with a start alone', Buffer.from('ARROW1'), /: not a valid Arrow file: its footer is missing/],
    [
      'Arrow that ends early',
      arrow('arrow').subarray(0, -20),
      /: not a valid Arrow file: its footer is missing/,
    ],
    ['Arrow with a broken footer', withoutFooter(arrow('arrow')), /: not a valid Arrow file: /],
    [
      'Arrow with a footer that is too long',
      Buffer.concat([
        arrow('arrow').subarray(0, -10),
        Buffer.from([0xff, 0xff, 0xff, 0x7f]),
        Buffer.from('ARROW1'),
      ]),
      /: not a valid Arrow file: its footer is damaged$/,
    ],
    [
      'a stream of Arrow that ends early',
      arrow('stream.arrow').subarray(0, -30),
      /: not a valid Arrow file: a message ends too early$/,
    ],
    [
      'compressed Arrow that ends early',
      gzipSync(arrow('arrow').subarray(0, -20)),
      /: not a valid Arrow file: its footer is missing/,
    ],
    [
      'a table that pandas wrote by columns, and that is too long',
      Buffer.from(`{"question":{"0":"${'x'.repeat(RECORD_BYTES_MAX)}"},"answer":{"0":"b"}}`),
      /^: no conversation in 1 record: a table that pandas wrote, longer than 16 MiB: write it with orient="records", lines=True$/,
    ],
    [
      'an object of other objects',
      Buffer.from('{"question": {"0": "a", "1": "b"}, "answer": {"0": "c"}}'),
      /^: no conversation in 1 record with the keys "question", "answer": a question without an answer$/,
    ],
    [
      'CSV with ragged rows alone',
      Buffer.from('prompt,reply\nc\na,b,c\nd,e,f\n'),
      /^: no conversation in 3 records: 2 a row with 3 fields, not 2, 1 a row with 1 field, not 2$/,
    ],
    [
      'CSV with a quote that does not end',
      Buffer.from('prompt,reply\n"é",b\nc,"d\n'),
      ':3:1 (byte 20): expected the end of a quoted field in this row',
    ],
    [
      'compressed JSON of other records that is broken',
      gzipSync(`${JSON.stringify(pairs[0])}\n{"é" 5}\n`),
      /:2:6 \(byte \d+\): not valid JSON: expected ':'$/,
    ],
    [
      'JSON that is cut off in a wrapped list',
      Buffer.from(`{"rows": [{"question": "a", "answer": "b"}, {"q`),
      /: the file is cut off; expected /,
    ],
    [
      'records of no shape, with very long keys',
      Buffer.from(
        JSON.stringify([{ ['k'.repeat(30_000)]: 'x', ['l'.repeat(30_000)]: 'y' }]).replace('[', '[[],'),
      ),
      /^: no conversation in 2 records/,
    ],
  ])('%s', async (_what, content, problem, name) => {
    await expectRefusal(fileOf(content, name), problem);
  });

  it('gzip of zeros, long before the disk is full', async () => {
    const path = fileOf('', 'bomb.gz');
    const zeros = Buffer.alloc(1 << 20);
    const source = function* () {
      yield '[';
      for (let bytes = 0; bytes < 1.25 * UNPACKED_BYTES_FREE; bytes += zeros.length) yield zeros;
    };
    await pipeline(Readable.from(source()), createGzip(), createWriteStream(path));
    await expectRefusal(
      path,
      /: the first \d+ bytes hold more than 500 times their own length; unpack it yourself$/,
    );
  });

  it('a folder', async () => {
    const path = join(folder, 'folder.gz');
    mkdirSync(path);
    await expectRefusal(path, /^: it is a folder; expected /);
  });

  it('served records beside one with very long keys', async () => {
    const odd = { ['k'.repeat(30_000)]: 'x', ['l'.repeat(30_000)]: 'y' };
    await expectAnswers(fileOf(JSON.stringify([...pairs, odd])), THREE);
  });
});

describe('any conversations', () => {
  /** How records are put into a file. */
  const CONTAINERS: Readonly<Record<string, (list: readonly unknown[]) => string | Uint8Array>> = {
    array: (list) => JSON.stringify(list),
    indented: (list) => JSON.stringify(list, null, 1),
    lines: linesOf,
    objects: (list) => list.map((each) => JSON.stringify(each, null, 1)).join(' '),
    wrapped: (list) => JSON.stringify({ rows: list }),
    gzip: (list) => gzipSync(linesOf(list)),
  };
  const joined = new Set(JOINED_SHAPES.map(({ name }) => name));
  const written = fc.constantFrom(...WRITERS).chain((writer) => {
    // The ids of a writer are the same each time: several conversations would be one.
    const maxLength = joined.has(writer.shape) ? 1 : 3;
    return fc.record({
      writer: fc.constant(writer),
      conversations: fc.array(conversationFor(writer), { minLength: 1, maxLength }),
      container: fc.constantFrom(...Object.keys(CONTAINERS)),
      engine: fc.constantFrom(...ENGINES),
    });
  });

  async function repliesOf(path: string, conversations: readonly Turn[][], engine: (typeof ENGINES)[number]) {
    const { served } = await openAndWalk(path, { engine, pool });
    const replies = [];
    for (const turns of conversations) {
      for (const [i, { from }] of turns.entries()) {
        if (from !== 'user') continue;
        const query = queryOf(turns.slice(0, i + 1).map(({ from: role, value: text }) => ({ role, text })));
        replies.push(query && (await served.lookup.find(query))?.reply.value);
      }
    }
    await served.close();
    return replies;
  }

  it('are found in any shape and container as in ShareGPT’s form', async () => {
    await fc.assert(
      fc.asyncProperty(written, async ({ writer, conversations, container, engine }) => {
        const list = conversations.flatMap((turns) => writer.write(turns));
        const content = CONTAINERS[container]?.(JSON.parse(JSON.stringify(list))) ?? '';
        const plain = JSON.stringify(conversations.map((turns) => ({ conversations: turns })));
        const expected = await repliesOf(fileOf(plain), conversations, engine);
        expect(await repliesOf(fileOf(content), conversations, engine)).toEqual(expected);
      }),
      runs(60),
    );
  });
});
