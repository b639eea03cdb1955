/** Conversations that are spread over several files of a folder. */

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { check } from '#dist/cli/check.js';
import type { FolderReport } from '#dist/cli/check-report.js';
import { checkText } from '#dist/cli/check-text.js';
import { JOINED_BYTES_MAX } from '#dist/core/limits.js';
import { type Query, queryOf, valueQuery } from '#dist/core/query.js';
import { DEFAULT_SHAPE_OPTIONS } from '#dist/dataset/shapes/shape.js';
import { ServedParts } from '#dist/models/served-parts.js';
import { Recorder, replace } from '../support/served.js';
import { openPool } from '../support/shared-threads.js';
import { temporaryFolder } from '../support/temporary.js';
import { WAIT } from '../support/wait.js';

const folder = temporaryFolder();
type Files = Readonly<Record<string, string | Uint8Array>>;

const linesOf = (...records: readonly unknown[]) =>
  records.map((each) => `${JSON.stringify(each)}\n`).join('');
const question = (question_id: number, turns: readonly string[], more: object = {}) => ({
  ...{ question_id, category: 'writing', turns },
  ...more,
});
const answer = (question_id: number, model_id: string, ...turns: readonly string[]) => ({
  ...{ question_id, answer_id: `${model_id}-${question_id}`, model_id },
  choices: [{ index: 0, turns }],
});
const QUESTIONS = [
  question(81, ['What is moss?', 'Does it bloom?']),
  question(82, ['What is fern?', 'Does it sting?'], { reference: ['A recorded fern.', 'No.'] }),
  question(83, ['2 + 2?', 'And 3?'], { reference: ['4', '7'] }),
];
const MT_BENCH: Files = {
  'question.jsonl': linesOf(...QUESTIONS),
  'model_answer/vicuna.jsonl': linesOf(answer(81, 'vicuna', 'Vicuna: a plant.', 'Vicuna: no.')),
  'model_answer/alpaca.jsonl': linesOf(answer(81, 'alpaca', 'Alpaca: a plant.', 'Alpaca: never.')),
  'reference_answer/gpt-4.jsonl': linesOf(answer(82, 'gpt-4', 'GPT: a plant.', 'GPT: no.')),
  'model_judgment/gpt-4_single.jsonl': linesOf({
    question_id: 81,
    model: 'vicuna',
    judge: ['gpt-4'],
    score: 9,
  }),
  'other/notes.csv': 'question,answer\nWho wrote this?,I did.\n',
  'README.md': '# Notes\n',
};

function folderOf(files: Files): string {
  const path = mkdtempSync(join(folder, 'of-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), content);
  }
  return path;
}

/** @param isKept true if spools are beside the dataset */
async function serve(path: string, { isKept = false, splits = [] as readonly string[] } = {}) {
  const recorder = new Recorder();
  const served = await ServedParts.open(path, {
    engine: 'index',
    pool: openPool(1),
    shapes: DEFAULT_SHAPE_OPTIONS,
    splits,
    indexDir: isKept ? undefined : 'none',
    tokens: 'o200k_base',
    countsAhead: false,
    notices: recorder,
  });
  onTestFinished(() => served.close());
  await (await served.start()).walked;
  const ask = async (prompt: string) => (await served.lookup.find(valueQuery(prompt)))?.reply.value;
  const askAll = async (...prompts: readonly string[]) => {
    const replies: (string | undefined)[] = [];
    for (const prompt of prompts) replies.push(await ask(prompt));
    return replies;
  };
  /** Resolves when a prompt has that reply. Until the new state of a file is read, the dataset may be unavailable. */
  const waitFor = (prompt: string, reply: string) =>
    vi.waitFor(async () => expect(await ask(prompt)).toBe(reply), WAIT);
  return { served, recorder, ask, askAll, waitFor };
}

async function checked(path: string): Promise<FolderReport> {
  const options = { workers: 1, shapes: DEFAULT_SHAPE_OPTIONS, splits: [] };
  return (await check(path, options, { show: () => {}, end: () => {} })) as FolderReport;
}

const PROMPTS = ['What is moss?', 'Does it bloom?', 'What is fern?', '2 + 2?', 'And 3?', 'Who wrote this?'];
const REPLIES = ['Alpaca: a plant.', 'Alpaca: never.', 'GPT: a plant.', '4', '7', 'I did.'];

it('the questions of MT-Bench have the answers of all models, the first by name first', async () => {
  const path = folderOf(MT_BENCH);
  const { served, ask, askAll } = await serve(path);
  expect(await askAll(...PROMPTS)).toEqual(REPLIES);
  // The context decides between models.
  const messages = [
    { role: 'user', text: 'What is moss?' },
    { role: 'assistant', text: 'Vicuna: a plant.' },
    { role: 'user', text: 'Does it bloom?' },
  ];
  const found = await served.lookup.find(queryOf(messages) as Query);
  expect(found?.reply.value).toBe('Vicuna: no.');
  expect(await ask('gpt-4')).toBeUndefined();
  const { counts } = served.status;
  const report = await checked(path);
  expect(report).toMatchObject({ conversations: 5, turns: 18, skipped: 0 });
  expect(counts).toMatchObject({ conversations: 5, turns: 18, skipped: 0 });
});

it('check has a line for each part, which names its files', async () => {
  const path = folderOf(MT_BENCH);
  const report = await checked(path);
  const [first, judgments, notes, sum, kinds] = checkText(report);
  const files =
    'model_answer/alpaca.jsonl, model_answer/vicuna.jsonl, question.jsonl, reference_answer/gpt-4.jsonl';
  expect(first).toBe(`${files}: 4 conversations, 16 turns, MT-Bench`);
  expect(judgments).toContain('model_judgment/gpt-4_single.jsonl: not served: ');
  expect(notes).toBe('other/notes.csv: 1 conversation, 2 turns, question/answer');
  expect(sum).toBe(`${path}: 5 conversations, 18 turns, 1 file not served`);
  expect(kinds).toMatch(/80 % JSON objects and JSON lines; 20 % CSV; 5 files of /);
  expect(report.parts.map((part) => part.files?.join(', '))).toEqual([files, undefined, undefined]);
});

it('a FIFO among the files is left out', async () => {
  const path = folderOf(MT_BENCH);
  expect(spawnSync('mkfifo', [join(path, 'model_answer/a.jsonl')]).status).toBe(0);
  const { askAll } = await serve(path);
  expect(await askAll(...PROMPTS)).toEqual(REPLIES);
});

it('a pattern names such files, too', async () => {
  const { askAll } = await serve(join(folderOf(MT_BENCH), '**/*.jsonl'));
  expect(await askAll(...PROMPTS)).toEqual(REPLIES.with(-1, undefined as never));
});

describe('the files may be', () => {
  const question81 = { ...QUESTIONS[0] };
  const answers = [answer(81, 'm', 'A plant.', 'Never.'), answer(82, 'm', 'Another.', 'No.')];
  it.each<[string, Files]>([
    ['JSON arrays', { 'a.json': JSON.stringify(answers), 'q.json': JSON.stringify(QUESTIONS, null, 1) }],
    [
      'single records',
      { 'a.json': JSON.stringify(answers[0]), 'q.json': JSON.stringify(question81, null, 2) },
    ],
    [
      'with a byte order mark',
      { 'a.jsonl': `\ufeff${linesOf(...answers)}`, 'q.jsonl': linesOf(...QUESTIONS) },
    ],
    ['with blank lines', { 'a.jsonl': linesOf(...answers), 'q.jsonl': `\n${linesOf(...QUESTIONS)}` }],
    [
      'gzip',
      { 'a.jsonl.gz': gzipSync(linesOf(...answers)), 'q.json.gz': gzipSync(JSON.stringify(QUESTIONS)) },
    ],
    ['Brotli', { 'a.jsonl.br': brotliCompressSync(linesOf(...answers)), 'q.jsonl': linesOf(...QUESTIONS) }],
    [
      'UTF-16',
      {
        'a.json': Buffer.from(`\ufeff${JSON.stringify(answers)}`, 'utf16le'),
        'q.jsonl': linesOf(...QUESTIONS),
      },
    ],
  ])('%s', async (_what, files) => {
    const path = folderOf(files);
    const { served, askAll } = await serve(path, { isKept: true });
    expect(await askAll('What is moss?', 'Does it bloom?')).toEqual(['A plant.', 'Never.']);
    expect((await checked(path)).conversations).toBe(served.status.counts.conversations);
    // What is temporary is removed.
    const left = readdirSync(path).filter((name) => name.includes('unfinished') || name.includes('unpacked'));
    expect(left).toEqual([]);
  });
});

const request = (custom_id: string, content: string) => ({
  ...{ custom_id, method: 'POST', url: '/v1/chat/completions' },
  body: { model: 'm', messages: [{ role: 'user', content }] },
});
const response = (custom_id: string, content: string) => ({
  ...{ id: `r-${custom_id}`, custom_id, error: null },
  response: { status_code: 200, body: { choices: [{ message: { role: 'assistant', content } }] } },
});

it('the input and the output of a batch are joined', async () => {
  const path = folderOf({
    'batch_input.jsonl': linesOf(request('1', 'One?'), request('2', 'Two?')),
    'batch_output.jsonl': linesOf(response('2', 'Two.'), response('1', 'One.')),
  });
  const { askAll } = await serve(path);
  expect(await askAll('One?', 'Two?')).toEqual(['One.', 'Two.']);
});

it('requests of several batches that have the same id have no reply: it may be that of the other', async () => {
  const path = folderOf({
    'a_input.jsonl': linesOf(request('1', 'One?'), request('2', 'Two?'), request('3', 'Three?')),
    'a_output.jsonl': linesOf(response('1', 'One.'), response('2', 'Two.'), response('3', 'Three.')),
    'b_input.jsonl': linesOf(request('1', 'Other?'), request('3', 'Three?')),
    'b_output.jsonl': linesOf(response('1', 'Other.'), response('3', 'Third.')),
  });
  const { askAll } = await serve(path);
  expect(await askAll('One?', 'Other?', 'Two?', 'Three?')).toEqual([undefined, undefined, 'Two.', 'Three.']);
});

it('a message of OASST may have its parent in another file', async () => {
  const message = (message_id: string, parent_id: string | null, role: string, text: string) => ({
    ...{ message_id, parent_id, role, text },
  });
  const path = folderOf({
    'part-0.jsonl': linesOf(
      message('b', 'a', 'assistant', 'A small plant.'),
      message('c', 'b', 'prompter', 'Big?'),
    ),
    'part-1.jsonl': linesOf(
      message('a', null, 'prompter', 'What is moss?'),
      message('d', 'c', 'assistant', 'No.'),
    ),
  });
  const { served, askAll } = await serve(path);
  expect(await askAll('What is moss?', 'Big?')).toEqual(['A small plant.', 'No.']);
  expect(served.status.counts.conversations).toBe(1);
});

it('messages, one a line, are conversations of their own in each file', async () => {
  const said = (role: string, content: string) => ({ role, content });
  const path = folderOf({
    'a.jsonl': linesOf(said('user', 'One?'), said('assistant', 'One.')),
    'b.jsonl': linesOf(said('user', 'Two?'), said('assistant', 'Two.')),
  });
  const { served } = await serve(path);
  expect(served.status.counts.conversations).toBe(2);
});

it('records of another shape in one of the files are served, too', async () => {
  const { askAll } = await serve(
    folderOf({
      'a.jsonl': linesOf(answer(81, 'm', 'A plant.', 'Never.'), { question: 'Odd?', answer: 'Even.' }),
      'q.jsonl': linesOf(...QUESTIONS),
    }),
  );
  expect(await askAll('What is moss?', 'Odd?')).toEqual(['A plant.', 'Even.']);
});

it('the splits of a folder are joined by themselves', async () => {
  const path = folderOf({
    'train_q.jsonl': linesOf(question(81, ['Train?'])),
    'train_a.jsonl': linesOf(answer(81, 'm', 'Train.')),
    'test_q.jsonl': linesOf(question(82, ['Test?'])),
    'test_a.jsonl': linesOf(answer(82, 'm', 'Test.')),
  });
  const { askAll } = await serve(path, { splits: ['test'] });
  expect(await askAll('Train?', 'Test?')).toEqual([undefined, 'Test.']);
});

describe('while the server runs,', () => {
  it('answers are added and removed, and the questions replaced', async () => {
    const { 'model_answer/alpaca.jsonl': alpaca = '', ...files } = MT_BENCH;
    const path = folderOf(files);
    const { ask, askAll, waitFor } = await serve(path);
    expect(await ask('What is moss?')).toBe('Vicuna: a plant.');
    replace(join(path, 'model_answer/alpaca.jsonl'), alpaca as string);
    await waitFor('What is moss?', 'Alpaca: a plant.');
    replace(join(path, 'question.jsonl'), linesOf(question(81, ['What is a moss?', 'Does it bloom?'])));
    await waitFor('What is a moss?', 'Alpaca: a plant.');
    expect(await askAll('What is moss?', 'Who wrote this?')).toEqual([undefined, 'I did.']);
    rmSync(join(path, 'model_answer/alpaca.jsonl'));
    await waitFor('What is a moss?', 'Vicuna: a plant.');
  });

  it('the answers to questions alone are added', async () => {
    const path = folderOf({ 'question.jsonl': linesOf(...QUESTIONS) });
    const { ask, askAll, waitFor } = await serve(path);
    expect(await askAll('2 + 2?', 'What is moss?')).toEqual(['4', undefined]);
    replace(join(path, 'answer.jsonl'), linesOf(answer(81, 'm', 'A plant.', 'Never.')));
    await waitFor('What is moss?', 'A plant.');
    expect(await ask('2 + 2?')).toBe('4');
  });

  it('a file that has become one of another shape is served by itself', async () => {
    const path = folderOf({ ...MT_BENCH, 'model_answer/alpaca.jsonl': 'question,answer\nYes?,No.\n' });
    const { askAll, waitFor } = await serve(path);
    expect(await askAll('What is moss?', 'Yes?')).toEqual(['Vicuna: a plant.', 'No.']);
    replace(join(path, 'model_answer/vicuna.jsonl'), 'question,answer\nWhat?,That.\n');
    await waitFor('What?', 'That.');
    expect(await askAll('What is moss?', 'What is fern?')).toEqual([undefined, 'GPT: a plant.']);
  });

  it('a file that is not valid leaves out itself alone, until it is', async () => {
    const path = folderOf({
      ...MT_BENCH,
      'model_answer/alpaca.jsonl': `${linesOf(answer(81, 'a', 'x'))}{"question_id"\n`,
    });
    const { recorder, askAll, waitFor } = await serve(path);
    expect(await askAll(...PROMPTS)).toEqual(REPLIES.with(0, 'Vicuna: a plant.').with(1, 'Vicuna: no.'));
    expect(
      recorder.notices.filter((notice) => notice === 'warn a file of the dataset is not served'),
    ).toHaveLength(2);
    const report = await checked(path);
    expect(report.parts.map(({ path: name }) => name)).toEqual([
      'model_answer/alpaca.jsonl',
      'model_answer/vicuna.jsonl',
      'model_judgment/gpt-4_single.jsonl',
      'other/notes.csv',
    ]);
    expect(report.parts[0]).toMatchObject({
      error: expect.stringMatching(/^\S*\/model_answer\/alpaca\.jsonl:2:\d+ \(byte \d+\): /),
    });
    replace(join(path, 'model_answer/alpaca.jsonl'), MT_BENCH['model_answer/alpaca.jsonl'] as string);
    await waitFor('What is moss?', 'Alpaca: a plant.');
  });
});

describe('the spool of several files', () => {
  const spoolsIn = (path: string) =>
    readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('-spool'));

  it('is used by the next start, and has the permissions that all files have', async () => {
    const path = folderOf(MT_BENCH);
    chmodSync(join(path, 'question.jsonl'), 0o600);
    const first = await serve(path, { isKept: true });
    await first.served.close();
    expect(first.recorder.notices).toContain('spooled');
    const next = await serve(path, { isKept: true });
    expect(next.recorder.notices).not.toContain('spooled');
    expect(await next.askAll(...PROMPTS)).toEqual(REPLIES);
    const spool = 'model_answer/alpaca.jsonl.verbatim-spool';
    expect(spoolsIn(path)).toContain(spool);
    expect(statSync(join(path, spool)).mode & 0o777).toBe(0o600);
  });

  it('is made again when one of them has changed, and the one that is not needed is removed', async () => {
    const path = folderOf({ 'q.jsonl': linesOf(...QUESTIONS) });
    await (await serve(path, { isKept: true })).served.close();
    expect(spoolsIn(path)).toEqual(['q.jsonl.verbatim-spool']);
    writeFileSync(join(path, 'a.jsonl'), linesOf(answer(81, 'm', 'A plant.', 'Never.')));
    await (await serve(path, { isKept: true })).served.close();
    expect(spoolsIn(path)).toEqual(['a.jsonl.verbatim-spool']);
    replace(join(path, 'q.jsonl'), linesOf(question(81, ['Moss?', 'Bloom?'])));
    const { askAll } = await serve(path, { isKept: true });
    expect(await askAll('What is moss?', 'Moss?')).toEqual([undefined, 'A plant.']);
  });
});

it('files without the other half are refused together', async () => {
  const path = folderOf({
    'a.jsonl': linesOf(answer(81, 'a', 'x')),
    'b.jsonl': linesOf(answer(81, 'b', 'y')),
  });
  const message = `${join(path, 'a.jsonl')} and 1 other file: no conversation in 2 records`;
  await expect(serve(path)).rejects.toThrow(message);
  await expect(checked(path)).rejects.toThrow(message);
});

it('more bytes than fit into memory are refused', async () => {
  const path = folderOf({ 'a.jsonl': linesOf(answer(81, 'a', 'x')), 'q.jsonl': linesOf(...QUESTIONS) });
  for (const name of ['a.jsonl', 'q.jsonl']) truncateSync(join(path, name), JOINED_BYTES_MAX / 2 + 1);
  await expect(serve(path)).rejects.toThrow(
    `${join(path, 'a.jsonl')} and 1 other file: its conversations are spread over several records: all of them together may have ${JOINED_BYTES_MAX} bytes`,
  );
});

it('spools and indexes of files that are no longer the first of a part are removed', async () => {
  const path = folderOf({
    'm.jsonl': linesOf(answer(81, 'm', 'M.')),
    'question.jsonl': linesOf(question(81, ['What is moss?'])),
  });
  const { recorder, waitFor } = await serve(path, { isKept: true });
  const besides = () => readdirSync(path).filter((name) => name.includes('.verbatim-'));
  const spooled = (name: string) => [`${name}.verbatim-spool`, `${name}.verbatim-spool.verbatim-index`];
  const waitForOnly = (name: string) => vi.waitFor(() => expect(besides()).toEqual(spooled(name)), WAIT);
  await waitForOnly('m.jsonl');
  writeFileSync(join(path, 'a.jsonl'), linesOf(answer(81, 'a', 'A.')));
  await waitFor('What is moss?', 'A.');
  await waitForOnly('a.jsonl');
  rmSync(join(path, 'a.jsonl'));
  await waitFor('What is moss?', 'M.');
  await waitForOnly('m.jsonl');
  expect(recorder.notices.filter((notice) => notice.includes('index not saved'))).toEqual([]);
});
