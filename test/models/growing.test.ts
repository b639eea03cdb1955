import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FILE_CHECK_MS, INDEX_SEGMENTS_MAX } from '#dist/core/limits.js';
import { type Query, queryOf, valueQuery } from '#dist/core/query.js';
import { parseRule } from '#dist/core/rules.js';
import { nearestIn } from '#dist/lookup/nearest-layers.js';
import type { ServedDataset } from '#dist/models/served-dataset.js';
import { keepAppending } from '../support/appending.js';
import { chance } from '../support/chance.js';
import { plainFind, plainMatch } from '../support/plain-lookup.js';
import { open, openAndWalk, type Recorder } from '../support/served.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const READ_AGAIN = 'info dataset changed; reading it again';

/** A conversation whose texts others have, too, and one of its own. */
const record = (i: number, version = 'v1') => ({
  ...(i % 2 === 0 && { id: `id ${i}` }),
  conversations: [
    'hi',
    `hello ${i % 7}`,
    `prompt ${i}`,
    `${version} reply ${i}`,
    `continue ${i % 5}`,
    'so be it',
  ].map((value, turn) => ({ from: turn % 2 === 0 ? 'human' : 'gpt', value })),
});
const recordsOf = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => record(from + i));
const line = (value: unknown, end = '\n') => `${JSON.stringify(value)}${end}`;
const linesOf = (records: readonly unknown[], end = '\n') => records.map((each) => line(each, end)).join('');

const ask = async (served: ServedDataset, prompt: string) =>
  (await served.lookup.find(valueQuery(prompt)))?.reply.value;

function fileOf(content: string): string {
  const path = join(mkdtempSync(join(folder, 'of-')), 'dataset.jsonl');
  writeFileSync(path, content);
  return path;
}

const queriesOf = (count: number) =>
  [
    ['hi'],
    ['hello 3'],
    ['continue 4'],
    ['hi', 'hello 2', 'prompt 2', 'v1 reply 2', 'continue 2'],
    ['so be it'],
    ['prompt  1'],
    ...Array.from({ length: count }, (_, i) => [`prompt ${i}`]),
    [`prompt ${count}`],
  ].map((texts) => queryOf(texts.map((text) => ({ role: 'user', text }))) as Query);

/** Fails unless all answers are those of the records, and the dataset has them all. */
async function expectRecords(served: ServedDataset, records: readonly unknown[]): Promise<void> {
  for (const query of queriesOf(records.length))
    expect(plainMatch(await served.lookup.find(query))).toEqual(plainFind(records, query));
  expect(served.status.counts).toMatchObject({ records: records.length, turns: 6 * records.length });
  expect(served.figures).toMatchObject({ indexRows: 6 * records.length, sweeps: 0 });
  expect(served.corpus.total).toBe(records.length);
  const { lines } = await served.corpus.conversations(0, records.length);
  expect(lines.map(({ prompt }) => prompt)).toEqual(records.map(() => 'hi'));
  const last = records.length - 1;
  for (const number of [0, last >> 1, last])
    expect((await served.corpus.conversation(number, true))?.raw).toBe(JSON.stringify(records[number]));
}

const counted = (recorder: Recorder, text: string) =>
  recorder.notices.filter((notice) => notice.includes(text)).length;

// The tests control when the server checks the file.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

async function look(): Promise<void> {
  vi.advanceTimersByTime(FILE_CHECK_MS);
  await setImmediate();
}

describe('a file of JSON lines that grows', () => {
  const start = async (content = linesOf(recordsOf(0, 10)), options = {}) => {
    const path = fileOf(content);
    return { path, ...(await openAndWalk(path, { engine: 'index', ...options })) };
  };

  it('answers from what was appended, and is not read again', async () => {
    const { path, served, recorder } = await start();
    const fingerprint = served.fingerprint;
    appendFileSync(path, linesOf(recordsOf(10, 15)));
    expect(await ask(served, 'prompt 12')).toBe('v1 reply 12');
    await expectRecords(served, recordsOf(0, 15));
    expect(recorder.notices).not.toContain(READ_AGAIN);
    expect(counted(recorder, 'debug dataset has grown')).toBe(1);
    expect(served.fingerprint).not.toBe(fingerprint);
    const whole = await openAndWalk(fileOf(readFileSync(path, 'utf8')));
    expect(served.fingerprint).toBe(whole.served.fingerprint);
  });

  it('prefers a better match in what was appended, at once', async () => {
    const { path, served } = await start();
    const messages = ['hi', 'an answer', 'so be it'].map((text) => ({ role: 'user', text }));
    const query = queryOf(messages) as Query;
    const own = ['hi', 'an answer', 'so be it', 'It is.'].map((value, i) => ({
      from: i % 2 === 0 ? 'human' : 'gpt',
      value,
    }));
    appendFileSync(path, line({ conversations: [...own] }));
    expect((await served.lookup.find(query))?.rung).toBe('context');
  });

  it('is answered from what was appended without a request for it', async () => {
    const { path, served } = await start();
    appendFileSync(path, linesOf(recordsOf(10, 12)));
    while (served.corpus.total !== 12) await look();
    await expectRecords(served, recordsOf(0, 12));
  });

  it('makes many misses wait for one growth', async () => {
    const { path, served, recorder } = await start();
    appendFileSync(path, linesOf(recordsOf(10, 400)));
    const asked = Array.from({ length: 390 }, (_, i) => ask(served, `prompt ${10 + i}`));
    expect(await Promise.all(asked)).toEqual(recordsOf(10, 400).map((_, i) => `v1 reply ${10 + i}`));
    expect(counted(recorder, 'debug dataset has grown')).toBe(1);
  });

  it('answers from lines that end with CR LF, and from a last line without an end', async () => {
    const { path, served, recorder } = await start(linesOf(recordsOf(0, 3), '\r\n'));
    appendFileSync(path, linesOf(recordsOf(3, 5), '\r\n'));
    expect(await ask(served, 'prompt 4')).toBe('v1 reply 4');
    appendFileSync(path, line(record(5), ''));
    expect(await ask(served, 'prompt 5')).toBe('v1 reply 5');
    appendFileSync(path, `\r\n\n  \n${line(record(6), '')}`);
    expect(await ask(served, 'prompt 6')).toBe('v1 reply 6');
    await expectRecords(served, recordsOf(0, 7));
    expect(recorder.notices).not.toContain(READ_AGAIN);
  });

  it('answers from a line once all of it is there', async () => {
    const { path, served, recorder } = await start();
    const half = line(record(10));
    for (let at = 0; at < half.length; at += 20) {
      expect(await ask(served, 'prompt 10')).toBeUndefined();
      appendFileSync(path, half.slice(at, at + 20));
    }
    await expectRecords(served, recordsOf(0, 11));
    expect(recorder.notices).not.toContain(READ_AGAIN);
  });

  it('answers from a line that was incomplete when the file was opened', async () => {
    const half = line(record(10));
    const { path, served, recorder } = await start(linesOf(recordsOf(0, 10)) + half.slice(0, 50));
    await expectRecords(served, recordsOf(0, 10));
    appendFileSync(path, half.slice(50));
    await expectRecords(served, recordsOf(0, 11));
    expect(recorder.notices).not.toContain(READ_AGAIN);
  });

  it('is not read again for the end of a line that comes later, or for blank lines', async () => {
    const { path, served, recorder } = await start(linesOf(recordsOf(0, 3)));
    for (const [i, end] of ['\n', '\r\n', '\n\n \n', '\n'].entries()) {
      appendFileSync(path, line(record(3 + i), ''));
      expect(await ask(served, `prompt ${3 + i}`)).toBe(`v1 reply ${3 + i}`);
      appendFileSync(path, end);
      expect(await ask(served, `prompt ${4 + i}`)).toBeUndefined();
    }
    await expectRecords(served, recordsOf(0, 7));
    expect(recorder.notices).not.toContain(READ_AGAIN);
  });

  it('is answered by the segments that were saved after a restart', async () => {
    const indexDir = mkdtempSync(join(folder, 'index-'));
    const { path, served } = await start(linesOf(recordsOf(0, 200)), { indexDir });
    for (let i = 200; i < 230; i++) {
      appendFileSync(path, line(record(i)));
      await ask(served, `prompt ${i}`);
    }
    await served.save(undefined);
    const saved = served.state?.parts.map(({ indexPath, dataset }) => [indexPath, dataset.body.end]);
    expect(saved?.length).toBeGreaterThan(1);
    await served.close();
    const again = await openAndWalk(path, { engine: 'index', indexDir });
    expect(again.served.state?.parts.map(({ indexPath, dataset }) => [indexPath, dataset.body.end])).toEqual(
      saved,
    );
    await expectRecords(again.served, recordsOf(0, 230));
  });

  it('is answered by the saved index if blank lines were appended since', async () => {
    const indexDir = mkdtempSync(join(folder, 'index-'));
    const { path, served } = await start(linesOf(recordsOf(0, 5)) + line(record(5), ''), { indexDir });
    await served.save(undefined);
    await served.close();
    for (const blank of ['\n', '\r\n\n', '  \n', '   ']) {
      appendFileSync(path, blank);
      const again = await openAndWalk(path, { engine: 'index', indexDir });
      await expectRecords(again.served, recordsOf(0, 6));
      expect(again.recorder.notices).toContain('info saved index loaded');
      expect(again.recorder.notices).not.toContain('walked');
      await again.served.close();
    }
  });

  it('can be opened while lines are appended, whatever the engine', async () => {
    const path = fileOf(linesOf(recordsOf(0, 3000)));
    await keepAppending(path, line({ conversations: [] }));
    for (const engine of ['index', 'auto', 'sweep'] as const) {
      const { served, recorder } = await openAndWalk(path, { engine });
      expect(await ask(served, 'prompt 7')).toBe('v1 reply 7');
      expect(recorder.notices).not.toContain('warn dataset unavailable');
      await served.close();
    }
  });

  it('has the conversations that it had when it was opened, if that is wanted', async () => {
    const path = fileOf(linesOf(recordsOf(0, 3000)));
    const { served, recorder } = await openAndWalk(path, { engine: 'sweep', leavesGrowth: true });
    await keepAppending(path, line({ conversations: [] }));
    for (let i = 0; i < 5; i++) {
      await look();
      expect((await served.corpus.conversations(2999, 2)).lines).toHaveLength(1);
    }
    expect(recorder.notices).not.toContain(READ_AGAIN);
  });

  it('answers from a long line without a line feed only once that has come', async () => {
    const long = { conversations: ['long', 'x'.repeat(1 << 20)].map((value) => ({ from: 'human', value })) };
    const { path, served, recorder } = await start();
    const [half, rest] = [line(long, '').slice(0, 1 << 19), line(long, '').slice(1 << 19)];
    for (const piece of [half, rest]) {
      appendFileSync(path, piece);
      expect(await ask(served, 'long')).toBeUndefined();
    }
    appendFileSync(path, '\n');
    expect(await ask(served, 'long')).toHaveLength(1 << 20);
    appendFileSync(path, line(long, '').replace('long', 'more'));
    await served.close();
    const again = await openAndWalk(path, { engine: 'index' });
    expect(await ask(again.served, 'more')).toHaveLength(1 << 20);
    expect(recorder.notices).not.toContain(READ_AGAIN);
  });

  it('is read again if the last line goes on after it was complete', async () => {
    const { path, served, recorder } = await start(linesOf(recordsOf(0, 3)) + line(record(3), ''));
    appendFileSync(path, '   \n');
    while (!recorder.notices.includes(READ_AGAIN)) await look();
    appendFileSync(path, linesOf(recordsOf(4, 5)));
    while (served.corpus.total !== 5) await look();
    await expectRecords(served, recordsOf(0, 5));
    expect(recorder.notices).toContain(READ_AGAIN);
  });

  it.each([
    ['was cut', (path: string) => truncateSync(path, linesOf(recordsOf(0, 5)).length)],
    [
      'was replaced',
      (path: string) => {
        writeFileSync(`${path}.new`, linesOf(recordsOf(0, 5)));
        renameSync(`${path}.new`, path);
      },
    ],
    [
      'was replaced by a longer one with the same start',
      (path: string) => {
        writeFileSync(`${path}.new`, linesOf(recordsOf(0, 20)));
        renameSync(`${path}.new`, path);
      },
    ],
    [
      'was written in place',
      (path: string) => {
        const at = new Date('2026-01-01');
        writeFileSync(path, readFileSync(path, 'utf8').replace('"prompt 7"', '"remind 7"'));
        utimesSync(path, at, at);
      },
    ],
    [
      'was written in place and appended to',
      (path: string) => {
        const edited = readFileSync(path, 'utf8').replace('"prompt 7"', '"remind 7"');
        writeFileSync(path, edited + linesOf(recordsOf(10, 12)));
      },
    ],
  ])('is read again if it %s', async (_what, change) => {
    const { path, served, recorder } = await start();
    appendFileSync(path, linesOf(recordsOf(10, 11)));
    expect(await ask(served, 'prompt 10')).toBe('v1 reply 10');
    change(path);
    await vi.waitFor(async () => {
      vi.advanceTimersByTime(FILE_CHECK_MS);
      expect(counted(recorder, READ_AGAIN)).toBe(1);
      expect(counted(recorder, 'info index ready')).toBe(2);
    });
    const records = readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((each) => JSON.parse(each));
    await expectRecords(served, records);
    if (records.length > 7 && records[7].conversations[2].value === 'remind 7')
      expect(await ask(served, 'remind 7')).toBe('v1 reply 7');
  });

  describe('and was also written in place where the digest leaves bytes out', () => {
    const long = (i: number, word: string) =>
      line({ conversations: [`${word} ${i}`, 'x'.repeat(1000)].map((value) => ({ from: 'human', value })) });
    const longLines = (word: string) =>
      Array.from({ length: 600 }, (_, i) => long(i, i === 200 ? word : 'prompt')).join('');
    /** Writes one word in place, and appends a line. */
    const change = (path: string) => {
      const at = longLines('prompt').indexOf('prompt 200');
      const file = openSync(path, 'r+');
      writeSync(file, 'remind', at);
      closeSync(file);
      appendFileSync(path, long(600, 'prompt'));
    };

    it('is read again after a start', async () => {
      const indexDir = mkdtempSync(join(folder, 'index-'));
      const { path, served } = await start(longLines('prompt'), { indexDir });
      await served.save(undefined);
      await served.close();
      change(path);
      const again = await openAndWalk(path, { engine: 'index', indexDir });
      expect(again.recorder.notices).toContain('info saved index loaded');
      again.served.pauseBackgroundWork();
      await look();
      await again.recorder.waitFor(READ_AGAIN);
      await again.recorder.waitFor('index ready');
      expect(await ask(again.served, 'remind 200')).toHaveLength(1000);
    });

    it('is read again while there are no requests', async () => {
      const indexDir = mkdtempSync(join(folder, 'index-'));
      const { path, served, recorder } = await start(longLines('prompt'), { indexDir });
      await served.save(undefined);
      change(path);
      expect(await ask(served, 'prompt 600')).toHaveLength(1000);
      await look();
      await recorder.waitFor(READ_AGAIN);
      await vi.waitFor(async () => expect(await ask(served, 'remind 200')).toHaveLength(1000));
    });

    it('is not read again if it was only appended to', async () => {
      const indexDir = mkdtempSync(join(folder, 'index-'));
      const { path, served } = await start(longLines('prompt'), { indexDir });
      await served.save(undefined);
      await served.close();
      appendFileSync(path, long(600, 'prompt'));
      const again = await openAndWalk(path, { engine: 'index', indexDir });
      await look();
      await again.served.close();
      expect(again.recorder.notices).not.toContain(READ_AGAIN);
    });
  });

  it('says once that appended records are skipped, and goes on answering', async () => {
    const { path, served, recorder } = await start();
    for (let i = 10; i < 13; i++) {
      appendFileSync(path, `{"foo": 1}\n${line(record(i))}`);
      expect(await ask(served, `prompt ${i}`)).toBe(`v1 reply ${i}`);
    }
    expect(counted(recorder, 'warn appended records that are not conversations are skipped')).toBe(1);
    expect(served.status.counts).toMatchObject({ conversations: 13, skipped: 3 });
    expect(recorder.notices).not.toContain(READ_AGAIN);
  });

  it('is converted if records of another shape are appended, and answers meanwhile', async () => {
    const { path, served, recorder } = await start();
    appendFileSync(path, `{"foo": 1}\n${line({ prompt: 'of another', completion: 'shape' })}`);
    expect(await ask(served, 'of another')).toBeUndefined();
    expect(await ask(served, 'prompt 3')).toBe('v1 reply 3');
    await recorder.waitFor('spooled');
    await vi.waitFor(async () => expect(await ask(served, 'of another')).toBe('shape'));
    expect(await ask(served, 'prompt 3')).toBe('v1 reply 3');
    expect(counted(recorder, 'warn')).toBe(0);
    expect(recorder.notices).not.toContain(READ_AGAIN);
  });

  it('is unavailable while what was appended is invalid, and says where', async () => {
    const { path, served, recorder } = await start();
    appendFileSync(path, '{"conversations": [}\n');
    while (counted(recorder, 'warn dataset unavailable') === 0) await look();
    await expect(ask(served, 'prompt 3')).rejects.toMatchObject({
      code: 'dataset_changed',
      cause: { message: expect.stringContaining('dataset.jsonl:11:') },
    });
    truncateSync(path, linesOf(recordsOf(0, 10)).length);
    await vi.waitFor(async () => {
      vi.advanceTimersByTime(FILE_CHECK_MS);
      expect(await ask(served, 'prompt 3')).toBe('v1 reply 3');
    });
  });

  it('finds the nearest turns in all of it', async () => {
    const { path, served } = await start();
    const nearest = async (text: string) => {
      const query = queryOf([{ role: 'user', text }]) as Query;
      const limits = { count: 1, scoreMin: 0.5, bytesMax: Infinity, isAnswer: false };
      const [found] = await nearestIn(served, { ...limits, query, waits: true });
      return found?.reply.value;
    };
    expect(await nearest('a prompt 7')).toBe('v1 reply 7');
    for (let i = 10; i < 40; i++) {
      appendFileSync(
        path,
        line({
          conversations: [
            { from: 'human', value: `what of the animal number ${i}?` },
            { from: 'gpt', value: `It is ${i}.` },
          ],
        }),
      );
      expect(await ask(served, `what of the animal number ${i}?`)).toBe(`It is ${i}.`);
      expect(await nearest(`what of the animals number ${i}?`)).toBe(`It is ${i}.`);
    }
    expect(await nearest('a prompt 7')).toBe('v1 reply 7');
  });

  it('finds turns by rules in all of it', async () => {
    const rules = [parseRule('/[0-9]+/N/')];
    const { path, served } = await start(undefined, { rules });
    const askChat = async (text: string) =>
      (await served.lookup.find(queryOf([{ role: 'user', text }]) as Query))?.reply.value;
    expect(await askChat('prompt 99')).toBe('v1 reply 0');
    for (let i = 0; i < 30; i++) {
      const name = String.fromCodePoint(97 + i);
      const turns = [
        { from: 'human', value: `${name} is ${i}` },
        { from: 'gpt', value: `Is ${name}.` },
      ];
      appendFileSync(path, line({ conversations: turns }));
      expect(await askChat(`${name} is 1000`)).toBe(`Is ${name}.`);
    }
    expect(await askChat('prompt 99')).toBe('v1 reply 0');
  });

  it('has the same answers as one that was read at once, however it has grown', async () => {
    const random = chance(7);
    for (let round = 0; round < 3; round++) {
      const indexDir = mkdtempSync(join(folder, 'index-'));
      const path = fileOf(linesOf(recordsOf(0, 3)));
      let count = 3;
      let opened = await openAndWalk(path, { engine: 'index', indexDir });
      for (let step = 0; step < 40; step++) {
        const more = 1 + random(random(10) === 0 ? 60 : 4);
        appendFileSync(path, linesOf(recordsOf(count, count + more)));
        count += more;
        if (random(3) > 0)
          expect(await ask(opened.served, `prompt ${count - 1}`)).toBe(`v1 reply ${count - 1}`);
        if (random(12) > 0) continue;
        await opened.served.close();
        opened = await open(path, { engine: 'index', indexDir });
        await (await opened.served.start()).walked;
        expect(opened.recorder.notices).toContain('info saved index loaded');
        expect(opened.recorder.notices).not.toContain('walked');
      }
      await expectRecords(opened.served, recordsOf(0, count));
      expect(opened.recorder.notices).not.toContain(READ_AGAIN);
      await opened.served.save(undefined);
      expect(readdirSync(indexDir).length).toBeLessThanOrEqual(INDEX_SEGMENTS_MAX);
    }
  });
});

describe('a file of recordings', () => {
  const recordings = { isRecordings: true, engine: 'auto' } as const;
  const recorded = (i: number) => ({ ...record(i), id: `rec ${i}` });
  /** The reply to the whole conversation up to a prompt. */
  const ask = async (served: ServedDataset, i: number) => {
    const messages = record(i)
      .conversations.slice(0, 3)
      .map(({ from, value }) => ({ role: from === 'gpt' ? 'assistant' : 'user', text: value }));
    const query = { ...(queryOf(messages) as Query), recordingKeys: () => [`rec ${i}`] };
    return (await served.lookup.find(query))?.reply.value;
  };

  it('may be empty, and answers from what is appended', async () => {
    const indexDir = mkdtempSync(join(folder, 'index-'));
    const path = fileOf('');
    const { served, recorder } = await openAndWalk(path, { ...recordings, indexDir });
    expect(served.status).toMatchObject({ isAvailable: true, engine: 'index', progress: 1 });
    expect(await ask(served, 0)).toBeUndefined();
    for (let i = 0; i < 30; i++) {
      appendFileSync(path, line(recorded(i)));
      expect(await ask(served, i)).toBe(`v1 reply ${i}`);
    }
    expect(served.status.counts).toMatchObject({ records: 30, turns: 180 });
    expect(recorder.notices.filter((notice) => notice.startsWith('warn'))).toEqual([]);
    await served.close();
    const again = await openAndWalk(path, { ...recordings, indexDir });
    for (let i = 0; i < 30; i++) expect(await ask(again.served, i)).toBe(`v1 reply ${i}`);
    expect(again.recorder.notices).not.toContain('walked');
  });

  it('may have nothing but blank lines at first', async () => {
    const path = fileOf('\n \n\r\n');
    const { served } = await openAndWalk(path, recordings);
    expect(await ask(served, 0)).toBeUndefined();
    appendFileSync(path, `\n${line(recorded(0))}`);
    expect(await ask(served, 0)).toBe('v1 reply 0');
    expect(served.status.counts).toMatchObject({ records: 1, skipped: 0 });
  });

  it('skips lines that are not valid, and says so once', async () => {
    const cut = line(recorded(99)).slice(0, 60);
    const path = fileOf(`${line(recorded(0))}${cut}${line(recorded(98))}${line(recorded(1))}nonsense\n`);
    const { served, recorder } = await openAndWalk(path, recordings);
    expect(await ask(served, 1)).toBe('v1 reply 1');
    appendFileSync(path, `${cut}\n{"a":1} trailing\n${line(recorded(2))}${cut}`);
    expect(await ask(served, 2)).toBe('v1 reply 2');
    expect(await ask(served, 98)).toBeUndefined();
    expect(served.status.counts).toMatchObject({ conversations: 3, skipped: 5 });
    expect(counted(recorder, 'warn')).toBe(1);
    appendFileSync(path, `\n${line(recorded(3))}`);
    expect(await ask(served, 3)).toBe('v1 reply 3');
    expect(served.status.counts).toMatchObject({ conversations: 4, skipped: 5 });
    expect(existsSync(path)).toBe(true);
  });
});
