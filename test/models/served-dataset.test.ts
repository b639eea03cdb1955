import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { AppError } from '#dist/core/errors.js';
import { FILE_CHECK_MS } from '#dist/core/limits.js';
import { type Query, queryOf, valueQuery } from '#dist/core/query.js';
import { DatasetError } from '#dist/dataset/dataset-error.js';
import { indexPaths } from '#dist/index/paths.js';
import { nearestIn } from '#dist/lookup/nearest-layers.js';
import type { ServedDataset } from '#dist/models/served-dataset.js';
import { plainFind, plainMatch } from '../support/plain-lookup.js';
import { appendRecord, open, openAndWalk, type Recorder, replace } from '../support/served.js';
import { temporaryFolder } from '../support/temporary.js';
import { WAIT } from '../support/wait.js';

const folder = temporaryFolder();
const ENGINES = ['auto', 'sweep', 'index'] as const;
const RECORDS = 40;

/** A record whose replies contain a version; `padding` makes it long. */
const record = (i: number, version: string, padding = '') => ({
  ...(i % 2 === 0 && { id: `id ${i}` }),
  conversations: ['hi', `hello ${i}`, `prompt ${i}`, `${version} reply ${i}`, 'continue', padding].map(
    (value, turn) => ({ from: turn % 2 === 0 ? 'human' : 'gpt', value }),
  ),
});
const listOf = (version: string, count = RECORDS, padding = '') =>
  Array.from({ length: count }, (_, i) => record(i, version, padding));
const contentOf = (...args: Parameters<typeof listOf>) => JSON.stringify(listOf(...args));

/** Long enough that the server answers before the walk is complete. */
const LONG = 'é\\"long '.repeat(40_000);
const longList = listOf('v1', RECORDS, LONG);

const questions = [['hi'], ['hi', 'hello 7', 'prompt 7'], ['continue'], ['prompt  39'], ['hello 3'], ['no']];
const queries = questions.map(
  (texts) => queryOf(texts.map((text) => ({ role: 'user', text }))) as NonNullable<Query>,
);

function fileOf(content: string): string {
  const path = join(mkdtempSync(join(folder, 'of-')), 'dataset.json');
  writeFileSync(path, content);
  return path;
}

// The tests control when the server checks the file.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

/** Triggers the server's check of the file, and lets pending work continue. */
async function look(): Promise<void> {
  vi.advanceTimersByTime(FILE_CHECK_MS);
  await setImmediate();
}

async function lookUntil(recorder: Recorder, text: string): Promise<void> {
  while (!recorder.notices.some((notice) => notice.includes(text))) await look();
}

async function expectPlainAnswers(served: ServedDataset, list: readonly unknown[]): Promise<void> {
  for (const query of queries)
    expect(plainMatch(await served.lookup.find(query))).toEqual(plainFind(list, query));
}

/** The reply to a prompt, `missing`, or `unavailable`; fails on any other result. */
async function ask(served: ServedDataset, prompt: string): Promise<string> {
  try {
    return (await served.lookup.find(valueQuery(prompt)))?.reply.value ?? 'missing';
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect(['dataset_changed', 'dataset_unreadable']).toContain((error as AppError).code);
    return 'unavailable';
  }
}

/** Repeats the request until it gets the answer; fails if an earlier one isn't in `before`. */
async function askUntil(
  served: ServedDataset,
  prompt: string,
  answer: string,
  ...before: string[]
): Promise<void> {
  for (;;) {
    const got = await ask(served, prompt);
    expect([answer, 'unavailable', ...before]).toContain(got);
    if (got === answer) return;
    await look();
  }
}

describe('a dataset that is served', () => {
  it('by auto is answered by sweeps until the index is ready, and then equally by the index', async () => {
    const { served, recorder } = await open(fileOf(JSON.stringify(longList)));
    const { walked } = await served.start();
    expect(served.status).toMatchObject({ isAvailable: true, engine: 'sweep' });
    expect(served.status.progress).toBeGreaterThan(0);
    expect(recorder.notices).not.toContain('walked');
    await expectPlainAnswers(served, longList);
    await walked;
    const counts = { conversations: RECORDS, turns: 6 * RECORDS };
    expect(served.status).toMatchObject({ isAvailable: true, engine: 'index', progress: 1, counts });
    await expectPlainAnswers(served, longList);
    expect(recorder.progresses.length).toBeGreaterThan(1);
    expect(recorder.progresses).toEqual(recorder.progresses.toSorted((a, b) => a - b));
    expect(recorder.progresses.at(-1)).toBe(1);
    expect(recorder.progresses.every((progress) => progress > 0)).toBe(true);
  });

  it('has a fingerprint of its content', async () => {
    const { served } = await open(fileOf(contentOf('v1')));
    expect(served.fingerprint).toMatch(/^fp_[0-9a-f]{10}$/);
    expect((await open(fileOf(contentOf('v1')))).served.fingerprint).toBe(served.fingerprint);
    expect((await open(fileOf(contentOf('v2')))).served.fingerprint).not.toBe(served.fingerprint);
  });

  it('by index is answered only when the index is ready', async () => {
    const { served } = await open(fileOf(JSON.stringify(longList)), { engine: 'index' });
    const starting = served.start();
    expect(await ask(served, 'prompt 1')).toBe('unavailable');
    expect(served.status).toMatchObject({ isAvailable: false, progress: 0 });
    await starting;
    expect(served.status).toMatchObject({ isAvailable: true, engine: 'index', progress: 1 });
    await expectPlainAnswers(served, longList);
  });

  it('by sweep has no index, and saves none', async () => {
    const path = fileOf(JSON.stringify(longList));
    const { served, recorder } = await openAndWalk(path, { engine: 'sweep', indexDir: undefined });
    expect(served.status).toMatchObject({ isAvailable: true, engine: 'sweep', progress: 1 });
    await expectPlainAnswers(served, longList);
    await served.close();
    expect(recorder.notices).toEqual(['walked', 'info dataset read']);
    expect(readdirSync(join(path, '..'))).toEqual(['dataset.json']);
  });

  it('can be closed before it has begun to answer, without waiting', async () => {
    const { served } = await open(fileOf(contentOf('v1')));
    const starting = served.start();
    await Promise.all([served.close(), expect(starting).rejects.toBeInstanceOf(DatasetError)]);
  });
});

describe('a dataset whose index is saved', () => {
  const content = contentOf('v1');
  /** The dataset, with the index that a first start has saved. */
  const indexed = async (
    indexDir: string | undefined = join(mkdtempSync(join(folder, 'in-')), 'indexes'),
  ) => {
    const path = fileOf(content);
    const { served, recorder } = await openAndWalk(path, { indexDir });
    await served.close();
    const [index = ''] = indexPaths(path, indexDir);
    return { path, index, indexDir, recorder };
  };

  it.each(['auto', 'index'] as const)('is answered from it at the next start (%s)', async (engine) => {
    const { path, indexDir, recorder } = await indexed();
    expect(recorder.notices).toEqual(['walked', 'info index ready', 'info index saved']);
    const { served, recorder: again } = await open(path, { engine, indexDir });
    await served.start();
    expect(served.status).toMatchObject({ engine: 'index', progress: 1, counts: { turns: 6 * RECORDS } });
    expect(again.notices).toEqual(['info saved index loaded']);
    expect(again.progresses).toEqual([]);
    await expectPlainAnswers(served, listOf('v1'));
  });

  it.each([
    ['cut', 'truncated', (path: string) => truncateSync(path, 2000)],
    ['emptied', 'not an index file', (path: string) => truncateSync(path)],
    [
      'damaged',
      'damaged',
      (path: string) => {
        const bytes = readFileSync(path);
        bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
        writeFileSync(path, bytes);
      },
    ],
  ])('rebuilds it, and logs why, if it was %s', async (_what, why, spoil) => {
    const { path, index, indexDir } = await indexed();
    spoil(index);
    const { served, recorder } = await openAndWalk(path, { indexDir });
    await recorder.waitFor('index saved');
    expect(recorder.notices[0]).toBe(`warn saved index rejected, building it again: ${why}`);
    await expectPlainAnswers(served, listOf('v1'));
    const { recorder: third } = await openAndWalk(path, { indexDir });
    expect(third.notices).toEqual(['info saved index loaded']);
  });

  it('is converted at the next start, if it has records of another shape and was not before', async () => {
    const question = 'Only here?';
    const path = fileOf(JSON.stringify([...listOf('v1', 100), { question, answer: 'Yes.' }]));
    const indexDir = mkdtempSync(join(folder, 'in-'));
    const [index = ''] = indexPaths(path, indexDir);
    const kept = `${index}.kept`;
    const first = await openAndWalk(path, { indexDir });
    first.recorder.on('index saved', () => existsSync(kept) || renameSync(index, kept));
    await first.recorder.waitFor('spooled');
    await first.recorder.waitFor('index saved');
    await first.served.close();
    for (const name of readdirSync(indexDir)) if (!name.endsWith('.kept')) rmSync(join(indexDir, name));
    renameSync(kept, index);
    const { served, recorder } = await open(path, { indexDir });
    await served.start();
    expect(recorder.notices[0]).toBe('info saved index loaded');
    await vi.waitFor(async () => {
      const found = await served.lookup.find(valueQuery(question));
      expect(found?.reply.value).toBe('Yes.');
    }, WAIT);
  });

  it('rebuilds it if the dataset has changed between the starts', async () => {
    const { path, indexDir } = await indexed();
    replace(path, contentOf('v2'));
    const { served, recorder } = await openAndWalk(path, { indexDir });
    const why = 'the dataset has changed since it was saved';
    expect(recorder.notices[0]).toBe(`warn saved index rejected, building it again: ${why}`);
    await expectPlainAnswers(served, listOf('v2'));
  });

  it("saves it in the user's cache folder if it can't be saved beside the dataset", async () => {
    vi.stubEnv('XDG_CACHE_HOME', mkdtempSync(join(folder, 'cache-')));
    onTestFinished(() => void vi.unstubAllEnvs());
    const path = fileOf(content);
    const [beside = '', cached = ''] = indexPaths(path, undefined);
    mkdirSync(join(beside, 'taken'), { recursive: true });
    const { recorder } = await openAndWalk(path, { indexDir: undefined });
    await recorder.waitFor('index saved');
    expect(statSync(cached).size).toBeGreaterThan(0);
  });

  it("is served with a warning if it can't be saved anywhere", async () => {
    const path = fileOf(content);
    const { served, recorder } = await openAndWalk(path, { indexDir: join(path, 'indexes') });
    await recorder.waitFor('warn index not saved; the next start builds it again');
    expect(served.status).toMatchObject({ isAvailable: true, engine: 'index' });
    await expectPlainAnswers(served, listOf('v1'));
  });
});

describe.each(ENGINES)('a dataset that changes while it is served by %s', (engine) => {
  const start = async (content = contentOf('v1')) => {
    const path = fileOf(content);
    return { path, ...(await openAndWalk(path, { engine })) };
  };

  it('has the fingerprint of the new file after it was replaced', async () => {
    const path = fileOf(contentOf('v1'));
    const { served } = await openAndWalk(path);
    const before = served.fingerprint;
    replace(path, contentOf('v2'));
    await look();
    expect(served.fingerprint).toBe((await open(fileOf(contentOf('v2')))).served.fingerprint);
    expect(served.fingerprint).not.toBe(before);
  });

  it('is answered from the new file after it was replaced', async () => {
    const { path, served, recorder } = await start();
    replace(path, contentOf('v2', RECORDS + 1));
    await askUntil(served, 'prompt 40', 'v2 reply 40', 'missing');
    expect(recorder.notices).toContain('changed');
    await expectPlainAnswers(served, listOf('v2', RECORDS + 1));
    expect(served.status.isAvailable).toBe(true);
  });

  it('is answered from the new file even if it has the same size and time', async () => {
    const { path, served, recorder } = await start();
    // A whole second, which every file system preserves.
    const madeAt = new Date('2026-01-01');
    utimesSync(path, madeAt, madeAt);
    await lookUntil(recorder, 'changed');
    await askUntil(served, 'prompt 7', 'v1 reply 7');
    const { size, mtimeMs } = statSync(path);
    replace(path, contentOf('v2'), madeAt);
    expect(statSync(path)).toMatchObject({ size, mtimeMs });
    await askUntil(served, 'prompt 7', 'v2 reply 7', 'v1 reply 7');
    await expectPlainAnswers(served, listOf('v2'));
  });

  it('is answered from the current file even if it was written in place, and its time reset', async () => {
    const path = fileOf(contentOf('v1'));
    // A whole second, which every file system preserves.
    const madeAt = new Date('2026-01-01');
    utimesSync(path, madeAt, madeAt);
    const { served } = await openAndWalk(path, { engine });
    const { mtimeMs, ino, size } = statSync(path);
    writeFileSync(path, contentOf('v1').replace('"prompt 7"', '"remind 7"'));
    utimesSync(path, madeAt, madeAt);
    expect(statSync(path)).toMatchObject({ ino, size, mtimeMs });
    await askUntil(served, 'remind 7', 'v1 reply 7', 'missing');
    expect(await ask(served, 'prompt 7')).toBe('missing');
  });

  it('is answered while the file is gone', async () => {
    const { path, served } = await start();
    rmSync(path);
    for (let i = 0; i < 3; i++) await look();
    if (engine !== 'sweep') expect(await ask(served, 'prompt 7')).toBe('v1 reply 7');
    writeFileSync(path, contentOf('v2'));
    await askUntil(served, 'prompt 7', 'v2 reply 7', 'v1 reply 7');
  });

  it('is answered with what was appended to it', async () => {
    const { path, served, recorder } = await start();
    appendRecord(path, record(RECORDS, 'more'));
    await askUntil(served, 'prompt 40', 'more reply 40', 'missing');
    expect(recorder.notices).toContain('changed');
    await expectPlainAnswers(served, [...listOf('v1'), record(RECORDS, 'more')]);
  });

  it('is not answered while it is truncated, and again when it is complete', async () => {
    const { path, served, recorder } = await start();
    truncateSync(path, statSync(path).size - 1);
    await lookUntil(recorder, 'warn dataset unavailable');
    expect(await ask(served, 'prompt 7')).toBe('unavailable');
    expect(served.status.isAvailable).toBe(false);
    writeFileSync(path, contentOf('v2'));
    await askUntil(served, 'prompt 7', 'v2 reply 7');
    expect(served.status.isAvailable).toBe(true);
    await expectPlainAnswers(served, listOf('v2'));
  });

  it.each([
    ['is empty', ''],
    ['is not a dataset', '\n Dear Sir'],
    ['is broken after its start', contentOf('v2').replace('"prompt 30"', '"prompt 30')],
  ])('is not answered while it %s, and again when it is restored', async (_what, content) => {
    const { path, served, recorder } = await start();
    replace(path, content);
    await lookUntil(recorder, 'warn dataset unavailable');
    await expect((async () => served.lookup.find(valueQuery('prompt 7')))()).rejects.toMatchObject({
      code: 'dataset_changed',
    });
    replace(path, contentOf('v1'));
    await askUntil(served, 'prompt 7', 'v1 reply 7');
    await expectPlainAnswers(served, listOf('v1'));
  });

  it.each([
    ['when it is opened', ''],
    ['when it is walked', contentOf('v2').slice(0, -1)],
  ])(
    'is answered again even if it becomes complete just when it is found broken, %s',
    async (_when, broken) => {
      const { path, served, recorder } = await start();
      recorder.on('dataset unavailable', () => writeFileSync(path, contentOf('v3')));
      replace(path, broken);
      // Sweeps answer from the valid part of the broken file until the damage is detected.
      await askUntil(served, 'prompt 7', 'v3 reply 7', 'v1 reply 7', 'v2 reply 7');
    },
  );

  it('reports no miss based on the previous file, or on one that is still being written', async () => {
    const { path, served } = await start();
    // The file hasn't been checked since.
    writeFileSync(path, contentOf('v2', RECORDS + 1));
    expect(['v2 reply 40', 'unavailable']).toContain(await ask(served, 'prompt 40'));
    for (const begun of ['', '[', '[\n ', '[{}', contentOf('v3').slice(0, 1000)]) {
      writeFileSync(path, begun);
      for (let i = 0; i < 3; i++) {
        expect(await ask(served, 'prompt 40')).toBe('unavailable');
        await look();
      }
    }
    writeFileSync(path, contentOf('v4', RECORDS + 1));
    await askUntil(served, 'prompt 40', 'v4 reply 40');
    expect(await ask(served, 'prompt 41')).toBe('missing');
  });

  it('has shorter answers after lines are cut from its end', async () => {
    const lines = listOf('v1').map((each) => `${JSON.stringify(each)}\n`);
    const { path, served } = await start(lines.join(''));
    truncateSync(path, Buffer.byteLength(lines.slice(0, 30).join('')));
    await askUntil(served, 'prompt 39', 'missing', 'v1 reply 39');
    await expectPlainAnswers(served, listOf('v1', 30));
  });

  it('is answered from the last of many files', async () => {
    const { path, served, recorder } = await start();
    for (let version = 2; version < 40; version++) {
      replace(path, contentOf(`v${version}`, RECORDS + version));
      await ask(served, 'prompt 7');
    }
    await askUntil(served, 'prompt 78', 'v39 reply 78', 'missing');
    expect(recorder.notices.filter((notice) => notice.startsWith('warn'))).toEqual([]);
    await expectPlainAnswers(served, listOf('v39', RECORDS + 39));
  });

  it('answers, or is reported unavailable, at any moment', async () => {
    const { path, served, recorder } = await start();
    const told: Promise<unknown>[] = [];
    recorder.on('', () => {
      const { isAvailable } = served.status;
      told.push(ask(served, 'hi').then((answer) => [isAvailable, answer]));
    });
    replace(path, JSON.stringify(longList));
    await lookUntil(recorder, 'changed');
    await askUntil(served, 'prompt 7', 'v1 reply 7');
    // Waits for the second walk: no notice, and so no request, may come after the test.
    while (recorder.notices.filter((notice) => notice === 'walked').length < 2) await look();
    for (const each of await Promise.all(told)) {
      expect([
        [true, 'hello 0'],
        [false, 'unavailable'],
      ]).toContainEqual(each);
    }
  });
});

describe('a dataset that changes before all of it was walked', () => {
  it('is answered from the new file, and never reported as invalid', async () => {
    const path = fileOf(JSON.stringify(longList));
    const { served, recorder } = await open(path);
    const { walked } = await served.start();
    replace(path, contentOf('v2'));
    await askUntil(served, 'prompt 7', 'v2 reply 7', 'v1 reply 7');
    await walked;
    expect(recorder.notices.filter((notice) => notice.startsWith('warn'))).toEqual([]);
    await expectPlainAnswers(served, listOf('v2'));
  });

  it('lets the server go on, even if it was invalid', async () => {
    const path = fileOf(JSON.stringify(longList).slice(0, -1));
    const { served } = await open(path);
    const { walked } = await served.start();
    replace(path, contentOf('v2'));
    await walked;
    await askUntil(served, 'prompt 7', 'v2 reply 7');
  });

  it('is unavailable, and causes no defect, if a sweep finds it broken before the walk does', async () => {
    const path = fileOf(contentOf('v1'));
    const { served, recorder } = await openAndWalk(path, { engine: 'sweep' });
    const answers: Promise<string>[] = [];
    recorder.on('changed', () => void setImmediate().then(() => answers.push(ask(served, 'nowhere'))));
    replace(path, JSON.stringify(longList).slice(0, -1));
    await lookUntil(recorder, 'warn dataset unavailable');
    expect(await Promise.all(answers)).toContain('unavailable');
    rmSync(path);
  });
});

describe('the nearest turns', () => {
  const near = queryOf([{ role: 'user', text: 'a prompt 7' }]) as Query;
  const find = async (served: ServedDataset, waits = true) => {
    const limits = { count: 1, scoreMin: 0.5, bytesMax: Infinity, isAnswer: false };
    const [found] = await nearestIn(served, { ...limits, query: near, waits });
    return found?.reply.value;
  };

  it('are those of the new file after it was replaced', async () => {
    const path = fileOf(contentOf('v1'));
    const { served } = await openAndWalk(path);
    expect(await find(served)).toBe('v1 reply 7');
    replace(path, contentOf('v2'));
    served.lookAtFile();
    expect(await find(served)).toBe('v2 reply 7');
    replace(path, contentOf('v3'));
    const asked = find(served);
    served.lookAtFile();
    expect(['v2 reply 7', 'v3 reply 7']).toContain(await asked);
    expect(await find(served)).toBe('v3 reply 7');
  });

  it('are those of the new file after it was written in place', async () => {
    const path = fileOf(contentOf('v1'));
    const { served } = await openAndWalk(path);
    expect(await find(served)).toBe('v1 reply 7');
    writeFileSync(path, contentOf('v2', RECORDS + 1));
    expect(await find(served)).toBe('v2 reply 7');
  });

  it('of a short file are waited for, those of a long one only if that is wanted', async () => {
    const short = await openAndWalk(fileOf(contentOf('v1')));
    expect(await find(short.served, false)).toBe('v1 reply 7');
    const long = await openAndWalk(fileOf(JSON.stringify(longList)));
    expect(await find(long.served, false)).toBeUndefined();
    expect(await find(long.served)).toBe('v1 reply 7');
    expect(await find(long.served, false)).toBe('v1 reply 7');
  });

  it('are waited for while the index is being built, or are made with it', async () => {
    const { served } = await open(fileOf(JSON.stringify(longList)), { sketchesAtOnce: true });
    const { walked } = await served.start();
    expect(await find(served)).toBe('v1 reply 7');
    await walked;
  });

  it('are found by sweeps', async () => {
    const { served } = await openAndWalk(fileOf(contentOf('v1')), { engine: 'sweep' });
    expect(await find(served)).toBe('v1 reply 7');
  });

  it('are not found any more when the dataset is closed', async () => {
    const { served } = await openAndWalk(fileOf(JSON.stringify(longList)));
    const asked = find(served);
    await served.close();
    await expect(asked.catch(() => undefined)).resolves.toSatisfy(
      (reply) => reply === undefined || reply === 'v1 reply 7',
    );
  });
});
