import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Query, queryOf, valueQuery } from '#dist/core/query.js';
import { DEFAULT_SHAPE_OPTIONS } from '#dist/dataset/shapes/shape.js';
import type { Engine } from '#dist/models/build.js';
import { ServedDataset } from '#dist/models/served-dataset.js';
import { ServedParts } from '#dist/models/served-parts.js';
import { ROOT } from '../support/project.js';
import { Recorder, replace } from '../support/served.js';
import { openPool } from '../support/shared-threads.js';
import { temporaryFolder } from '../support/temporary.js';
import { WAIT } from '../support/wait.js';

const folder = temporaryFolder();
const pair = (question: string, answer: string) => `${JSON.stringify({ question, answer })}\n`;

async function serve(path: string, splits: readonly string[] = [], engine: Engine = 'index') {
  const recorder = new Recorder();
  const served = await ServedParts.open(path, {
    engine,
    pool: openPool(1),
    shapes: DEFAULT_SHAPE_OPTIONS,
    splits,
    indexDir: 'none',
    tokens: 'o200k_base',
    countsAhead: false,
    notices: recorder,
  });
  onTestFinished(() => served.close());
  await (await served.start()).walked;
  const ask = async (prompt: string) => (await served.lookup.find(valueQuery(prompt)))?.reply.value;
  return { served, recorder, ask };
}

function folderOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const path = mkdtempSync(join(folder, 'of-'));
  mkdirSync(join(path, 'deep'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  return path;
}

it('a folder is one dataset: its files in the order of their names, the better match first', async () => {
  const path = folderOf({
    'b.jsonl': pair('both', 'second') + pair('only b', 'b'),
    'a.csv': 'question,answer\nboth,first\nonly  spaced,loose\n',
    'c.jsonl': pair('only spaced', 'exact'),
    'deep/d.jsonl.gz': gzipSync(pair('deep', 'down')),
    'README.md': '# Notes',
    '.hidden.jsonl': pair('hidden', 'no'),
  });
  symlinkSync('..', join(path, 'deep', 'loop'));
  const { served, ask } = await serve(path);
  const prompts = ['both', 'only b', 'only spaced', 'deep', 'hidden'];
  expect(await Promise.all(prompts.map(ask))).toEqual(['first', 'b', 'exact', 'down', undefined]);
  expect(served.status).toMatchObject({
    isAvailable: true,
    engine: 'index',
    progress: 1,
    counts: { conversations: 6 },
  });
});

it('a folder of twelve parts answers the prompts of each, by both engines', async () => {
  const lines = (part: number) =>
    Array.from({ length: 40 }, (_, i) => pair(`part ${part}, question ${i}`, `reply ${part}/${i}`)).join('');
  const parts = Array.from({ length: 12 }, (_, part) => part);
  const path = folderOf(
    Object.fromEntries(parts.map((part) => [`part-${String(part).padStart(2, '0')}.jsonl`, lines(part)])),
  );
  for (const engine of ['index', 'sweep'] as const) {
    const { served, ask } = await serve(path, [], engine);
    expect(served.status.counts).toMatchObject({ conversations: 480, turns: 960, replies: 480 });
    const prompts = parts.flatMap((part) => [0, 39].map((i) => `part ${part}, question ${i}`));
    const replies = parts.flatMap((part) => [0, 39].map((i) => `reply ${part}/${i}`));
    expect(await Promise.all(prompts.map(ask))).toEqual(replies);
    expect(await ask('part 12, question 0')).toBeUndefined();
    await served.close();
  }
});

it('a folder that `datasets` saved is its Arrow files', async () => {
  const path = folderOf({
    'data-00000-of-00001.arrow': readFileSync(join(ROOT, 'test/data/pyarrow-stream.arrow')),
    'dataset_info.json': '{"features": {"question": {"dtype": "string", "_type": "Value"}}}',
    'state.json': '{"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}',
  });
  const { served, ask } = await serve(path);
  expect(await ask('¿Qué tal 1?')).toBe('Bien 1 😀');
  expect(served.status.counts.conversations).toBe(3);
});

describe('the splits of a folder', () => {
  const files = {
    'train-00000-of-00002.jsonl': pair('one', 'train'),
    'train-00001-of-00002.jsonl': pair('two', 'train'),
    'deep/my_dev.jsonl': pair('one', 'dev') + pair('three', 'dev'),
    'eval.jsonl': pair('four', 'eval'),
    'notes.jsonl': pair('five', 'notes'),
  };
  const answers = async (path: string, splits: readonly string[]) => {
    const { ask, served } = await serve(path, splits);
    const found = await Promise.all(['one', 'two', 'three', 'four', 'five'].map(ask));
    await served.close();
    return found.map((each) => each ?? '-').join(' ');
  };

  it('are all served by default', async () => {
    expect(await answers(folderOf(files), [])).toBe('dev train dev eval notes');
  });

  it('are known by the names of files and folders', async () => {
    const path = folderOf(files);
    expect(await answers(path, ['train'])).toBe('train train - - -');
    expect(await answers(path, ['validation'])).toBe('dev - dev - -');
    expect(await answers(path, ['dev', 'test'])).toBe('dev - dev eval -');
    expect(await answers(join(path, '**/*.jsonl'), ['test'])).toBe('- - - eval -');
  });

  it('that are not there are an error that names those that are', async () => {
    const path = folderOf(files);
    await expect(serve(path, ['train', 'dev', 'x'])).rejects.toThrow(
      `${path}: there is no split 'x'; it has validation, test, train`,
    );
  });

  it('may be lists in its files', async () => {
    const lists = {
      train: [{ question: 'one', answer: 'train' }],
      test: [{ question: 'one', answer: 'test' }],
    };
    const path = folderOf({ 'a.json': JSON.stringify(lists) });
    expect(await answers(path, ['test'])).toBe('test - - - -');
  });
});

describe('a folder with a card', () => {
  const card = (yaml: string) => `---\nlicense: mit\n${yaml}---\n\n# A dataset\n`;
  const files = {
    'a.jsonl': pair('a', 'a'),
    'b.jsonl': pair('b', 'b'),
    'deep/c.jsonl': pair('c', 'c'),
    'deep/d.jsonl': pair('d', 'd'),
  };
  it.each<[string, string, readonly string[], string]>([
    ['a pattern', 'configs:\n- config_name: default\n  data_files: "deep/*"\n', [], 'c d'],
    ['a list of patterns', 'configs:\n- config_name: x\n  data_files: [a.jsonl, deep/d.*]\n', [], 'a d'],
    [
      'splits',
      'configs:\n- config_name: x\n  data_files:\n  - split: one\n    path: [a.jsonl, b.jsonl]\n  - split: two\n    path: "**/c.jsonl"\n',
      [],
      'a b c',
    ],
    [
      'splits, one of them wanted',
      'configs:\n- config_name: x\n  data_files:\n  - split: one\n    path: [a.jsonl, b.jsonl]\n  - split: two\n    path: "**/c.jsonl"\n',
      ['two'],
      'c',
    ],
    [
      'a default configuration',
      'configs:\n- config_name: x\n  data_files: a.jsonl\n- config_name: y\n  data_files: b.jsonl\n  default: true\n',
      [],
      'b',
    ],
    [
      'a configuration called default',
      'configs:\n- config_name: x\n  data_files: a.jsonl\n- config_name: default\n  data_files: b.jsonl\n',
      [],
      'b',
    ],
    ['a folder', 'configs:\n- config_name: x\n  data_dir: deep\n', [], 'c d'],
    ['no files', 'configs:\n- config_name: x\n', [], 'a b c d'],
    ['no configuration', 'language: [en]\n', [], 'a b c d'],
  ])('that has %s is the files that it names', async (_what, yaml, splits, served) => {
    const { ask } = await serve(folderOf({ ...files, 'README.md': card(yaml) }), splits);
    const found = await Promise.all(['a', 'b', 'c', 'd'].map(ask));
    expect(found.filter((each) => each !== undefined).join(' ')).toBe(served);
  });

  it('that is wrong is refused', async () => {
    const broken = folderOf({ ...files, 'README.md': card('configs: [a, b: {\n') });
    await expect(serve(broken)).rejects.toThrow(`${broken}/README.md: its YAML is not valid: `);
    const other = folderOf({ ...files, 'README.md': card('configs:\n- data_files: x/*.parquet\n') });
    await expect(serve(other)).rejects.toThrow(`${other}: no file that its README.md names`);
  });
});

it("an assistant's reply in a later file goes before a user's in an earlier one", async () => {
  const turns = (...list: readonly [string, string][]) =>
    `${JSON.stringify({ messages: list.map(([role, content]) => ({ role, content })) })}\n`;
  const path = folderOf({
    'a.jsonl': turns(['user', 'Thanks!'], ['user', 'One more.']),
    'b.jsonl': turns(['user', 'Hi'], ['assistant', 'Hello'], ['user', 'Thanks!'], ['assistant', 'Any time.']),
  });
  const { served } = await serve(path);
  const found = await served.lookup.find(queryOf([{ role: 'user', text: 'Thanks!' }]) as Query);
  expect(found?.reply.value).toBe('Any time.');
  // The legacy API answers with the first turn, whatever the role of its reply.
  expect((await served.lookup.find(valueQuery('Thanks!')))?.reply.value).toBe('One more.');
});

it('a pattern names files', async () => {
  const path = folderOf({ 'a.jsonl': pair('a', '1'), 'b.txt': pair('b', '2'), 'deep/c.txt': pair('c', '3') });
  const { ask } = await serve(join(path, '**/?.txt'));
  expect(await Promise.all(['a', 'b', 'c'].map(ask))).toEqual([undefined, '2', '3']);
  await expect(serve(join(path, '*.none'))).rejects.toThrow('*.none: no file matches');
  await expect(serve(mkdtempSync(join(folder, 'empty-')))).rejects.toThrow('no file of JSON');
});

it('files that are added or removed are noticed', async () => {
  const path = folderOf({ 'a.jsonl': pair('a', '1'), 'b.jsonl': pair('b', '2') });
  const { recorder, ask } = await serve(path);
  writeFileSync(join(path, 'c.new'), pair('c', '3'));
  renameSync(join(path, 'c.new'), join(path, 'c.jsonl'));
  rmSync(join(path, 'a.jsonl'));
  await recorder.waitFor('dataset has other files now');
  expect(await Promise.all(['a', 'b', 'c'].map(ask))).toEqual([undefined, '2', '3']);
});

const ALONE = '{"text": "alone"}\n{"text": "alone"}\n';
const TALK = JSON.stringify({ messages: [{ role: 'user', content: 'g' }] });
const LEFT_OUT = 'warn a file of the dataset is not served';

it('files that cannot be served are left out, with a warning for each', async () => {
  const path = folderOf({
    'a.jsonl': '{"text": "alone"}\n',
    'b.jsonl': pair('b', '2'),
    'c.csv': 'question,answer\nc\n',
    'd.json': `[${pair('d', '4')}, 5`,
    'e.json': '',
    // The next two look like datasets that are served as they are.
    'f.jsonl': ALONE,
    'g.json': `[${TALK}, ${TALK}`,
  });
  const { served, recorder, ask } = await serve(path);
  expect(await Promise.all(['b', 'd'].map(ask))).toEqual(['2', undefined]);
  expect(served.status).toMatchObject({ isAvailable: true, progress: 1, counts: { conversations: 1 } });
  expect(recorder.notices.filter((notice) => notice === LEFT_OUT)).toHaveLength(6);
});

it('a file whose last record is invalid is left out, even if that is found after the start', async () => {
  const long = JSON.stringify({ messages: [{ role: 'user', content: 'x'.repeat(1_000_000) }] });
  const path = folderOf({ 'a.json': `[${`${long},`.repeat(12)} 5`, 'b.jsonl': pair('b', '2') });
  const { served, recorder, ask } = await serve(path, [], 'auto');
  expect(await ask('b')).toBe('2');
  expect(served.status).toMatchObject({ isAvailable: true, progress: 1, counts: { conversations: 1 } });
  expect(recorder.notices.filter((notice) => notice === LEFT_OUT)).toHaveLength(1);
});

it('a dataset of which no file can be served is an error that names the first', async () => {
  const reason = 'no conversation in 2 records with the key "text": text alone';
  const two = folderOf({ 'a.jsonl': ALONE, 'b.jsonl': ALONE });
  await expect(serve(two)).rejects.toThrow(
    `${two}: none of its 2 files can be served; the first: ${join(two, 'a.jsonl')}: ${reason}`,
  );
  const one = folderOf({ 'a.jsonl': ALONE });
  await expect(serve(one)).rejects.toThrow(`${join(one, 'a.jsonl')}: ${reason}`);
  const empty = folderOf({ 'a.csv': '', 'b.csv': '' });
  await expect(serve(empty)).rejects.toThrow(`${empty}: none of its 2 files can be served`);
});

it('a file that was left out is tried again when it changes, and not before', async () => {
  const path = folderOf({ 'a.jsonl': ALONE, 'b.jsonl': pair('b', '2') });
  const { recorder, ask } = await serve(path);
  const warnings = () => recorder.notices.filter((notice) => notice === LEFT_OUT).length;
  writeFileSync(join(path, 'c.jsonl'), ALONE);
  await vi.waitUntil(() => warnings() === 2, WAIT);
  const read = recorder.progresses.length;
  replace(join(path, 'd.jsonl'), `${JSON.stringify({ messages: [{ role: 'user', content: 'd' }] })}\n`);
  await recorder.waitFor('dataset has other files now');
  // Only the new file was read.
  expect(recorder.progresses.length).toBe(read + 1);
  replace(join(path, 'a.jsonl'), pair('a', '1'));
  await vi.waitUntil(async () => (await ask('a')) === '1', WAIT);
  expect(await ask('b')).toBe('2');
  expect(warnings()).toBe(2);
});

it('a file that cannot be read is tried again, but ever more rarely', async () => {
  const path = folderOf({ 'b.jsonl': pair('b', '2') });
  const target = join(path, 'deep', 'target');
  symlinkSync(target, join(path, 'a.jsonl'));
  const { served, recorder, ask } = await serve(path);
  const open = vi.spyOn(ServedDataset, 'open');
  onTestFinished(() => open.mockRestore());
  for (let looks = 0; looks < 50; looks++) {
    served.lookAtFile();
    await setTimeout(5);
  }
  expect(open.mock.calls.length).toBeLessThan(5);
  writeFileSync(target, pair('a', '1'));
  await vi.waitUntil(async () => (await ask('a')) === '1', WAIT);
  expect(recorder.notices.filter((notice) => notice === LEFT_OUT)).toHaveLength(1);
});
