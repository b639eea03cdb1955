/** `check` and a server, on datasets of every kind: the same numbers. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { expect, it, vi } from 'vitest';
import { JOINED_SHAPES } from '#dist/dataset/shapes/joined.js';
import { startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';
import { WAIT } from '../support/wait.js';

const folder = temporaryFolder();

const linesOf = (list: readonly unknown[]) => list.map((each) => `${JSON.stringify(each)}\n`).join('');
const times = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));
const said = (...texts: readonly string[]) =>
  texts.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }));

const native = times(70, (i) => ({ messages: said(`question ${i}`, `answer ${i}`, 'Thanks!') }));
const alpaca = times(5, (i) => ({
  instruction: `Do ${i}.`,
  input: i % 2 === 0 ? 'this' : '',
  output: 'Done.',
}));
const odd = [
  { messages: [5, ...said('a', 'b'), { role: 'user', content: 5 }] },
  { messages: [] },
  { text: 'alone' },
  { messages: [1] },
];
const preference = {
  messages: said('a', 'good'),
  chosen: said('a', 'good'),
  rejected: said('a', 'bad', 'b', 'worse'),
};
const unknown = [{ x: 'a', y: 'b' }, { x: 'c', y: 'd' }, { x: 'e' }];
const inFields = { left: 'a', right: 'b', messages: said('a', 'b', 'c') };
const answer = (question_id: number, model: string) => ({
  question_id,
  model_id: model,
  choices: [{ turns: [`${model} ${question_id}`] }],
});
const columnData = ['question', 'answer'].map((name) => ({
  name,
  data: ['a', 'b', name === 'answer' ? '' : 'c'],
}));

const FILES: Readonly<Record<string, string | Uint8Array>> = {
  'plain.json': JSON.stringify(native),
  'lines.jsonl': linesOf([...native, ...odd]),
  'alpaca.jsonl': linesOf([...alpaca, { text: 'alone' }]),
  'mixed.jsonl': linesOf([...alpaca, ...native, ...odd]),
  'late.jsonl': linesOf([...native, ...alpaca, ...odd]),
  'cut.jsonl': `${linesOf(native)}{"messages": [{"role": "user", "con`,
  'cut-alpaca.jsonl': `${linesOf(alpaca)}{"instruction": "a", "outp`,
  'cut.jsonl.gz': gzipSync(`${linesOf(native)}{"messages": [{"role": "user", "con`),
  'packed.jsonl.gz': gzipSync(linesOf([...native, ...odd])),
  'packed.csv.gz': gzipSync('question,answer\na,b\nc,\n'),
  'table.csv': 'question,answer,system\na,b,s\nc,,s\n',
  'rows.parquet': new Uint8Array(parquetWriteBuffer({ columnData })),
  'objects.json': JSON.stringify({ train: native, test: alpaca, about: 'x' }, null, 1),
  'utf16.json': Buffer.from(`\ufeff${JSON.stringify(alpaca)}`, 'utf16le'),
  'joined.jsonl': JOINED_SHAPES.map(({ example }) => example)[0] as string,
  'preference.json': JSON.stringify([preference, ...native]),
  'fields.json': JSON.stringify([inFields, ...native]),
  'unknown.jsonl': linesOf(unknown),
  'folder/a.jsonl': linesOf([...native, ...odd]),
  'folder/b.csv': 'question,answer\n',
  'folder/c.jsonl.gz': gzipSync(linesOf([...alpaca, ...odd])),
  'folder/d.json': '[{"messages": 5}, ',
  'folder/deep/e.jsonl': linesOf(unknown),
  'joined/answers/one.jsonl': linesOf(times(3, (i) => answer(i, 'one'))),
  'joined/answers/two.jsonl.gz': gzipSync(linesOf([...times(3, (i) => answer(i, 'two')), { text: 'alone' }])),
  'joined/answers/wrong.jsonl': `${JSON.stringify(answer(0, 'wrong'))}\n{"question_id": 1\n`,
  'joined/questions.json': JSON.stringify(
    times(5, (i) => ({ question_id: i, turns: [`Q${i}?`], reference: ['R'] })),
  ),
  'joined/more.jsonl': linesOf(native),
};
for (const name of ['folder/deep', 'joined/answers']) mkdirSync(join(folder, name), { recursive: true });
for (const [name, content] of Object.entries(FILES)) writeFileSync(join(folder, name), content);

const single = Object.keys(FILES).filter((name) => !name.includes('/') && !name.startsWith('unknown'));
const DATASETS = [
  ...single.map((name, i) => `model${i}=${join(folder, name)}`),
  `${join(folder, 'unknown.jsonl')}?prompt=x,reply=y`,
  `named=${join(folder, 'unknown.jsonl')}?reply=x,prompt=y`,
  join(folder, 'folder'),
  join(folder, 'joined'),
  `pattern=${join(folder, '**/*.jsonl')}?prompt=x,reply=y`,
];
const ARGS = [...DATASETS, '--prefer', 'rejected', '--map', 'prompt=left,reply=right'];

interface Counts {
  readonly conversations: number;
  readonly turns: number;
  readonly skipped: number;
}
const countsOf = ({ conversations, turns, skipped }: Counts) => ({ conversations, turns, skipped });

it('check prints the conversations, turns and skipped records that a server has, also at its next start', async () => {
  const checking = startServer(['check', '--json', ...ARGS]);
  expect(await checking.exited, checking.stderr).toBe(3);
  const reports = checking.stdout.trimEnd().split('\n');
  const checked = reports.map((line) => countsOf(JSON.parse(line) as Counts));
  expect(checked).toHaveLength(DATASETS.length);
  const indexDir = join(folder, 'saved');
  for (const start of ['first', 'next']) {
    const server = startServer(ARGS, { INDEX_DIR: indexDir });
    const url = await server.url();
    // A file whose first records are served as they are is converted while it is served.
    await vi.waitFor(async () => {
      const { models } = (await (await fetch(`${url}/ready`)).json()) as { models: Counts[] };
      expect(models.map(countsOf), start).toEqual(checked);
    }, WAIT);
    server.kill('SIGTERM');
    await server.exited;
  }
});

it('check reads the splits that are wanted', async () => {
  const path = join(folder, 'objects.json');
  const conversations = async (...args: readonly string[]) => {
    const checking = startServer(['check', '--json', ...args]);
    await checking.exited;
    return checking.stdout === '' ? checking.stderr : (JSON.parse(checking.stdout) as Counts).conversations;
  };
  expect(await conversations(path, '--split', 'train')).toBe(native.length);
  expect(await conversations(join(folder, 'plain.json'), '--split', 'train')).toBe(native.length);
  expect(await conversations(join(folder, 'plain.json'), '--split', 'test')).toMatch(
    /there is no split 'test'/,
  );
});
