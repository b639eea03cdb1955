/** Tokens counted into an index, ahead and on demand, and saved with it. */

import { copyFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { encode } from 'gpt-tokenizer/encoding/o200k_base';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { GROWTH_READ_BYTES, IDLE_MS } from '#dist/core/limits.js';
import { valueQuery } from '#dist/core/query.js';
import type { TokenizerFile } from '#dist/core/tokens.js';
import { openDataset } from '#dist/dataset/dataset.js';
import { FileChangedError, type FileIdentity } from '#dist/dataset/file.js';
import { indexPaths } from '#dist/index/paths.js';
import { loadIndex, type SavedIndex, saveIndex } from '#dist/index/saved-index.js';
import type { IndexTable } from '#dist/index/table.js';
import { Kernel, kernelModule } from '#dist/kernel/kernel.js';
import { NamedTokenizer } from '#dist/lookup/named-tokenizer.js';
import { ThreadTokenizer } from '#dist/lookup/thread-tokenizer.js';
import { countersOf, countRows, uncountedRows } from '#dist/models/counting.js';
import { CountingAhead } from '#dist/models/counting-ahead.js';
import { readTokenizer } from '#dist/settings/tokenizer-file.js';
import { newStopFlag } from '#dist/workers/stop-flag.js';
import { TokenPool } from '#dist/workers/token-pool.js';
import { TurnCounter } from '#dist/workers/turn-counter.js';
import { vocabularyOf } from '#dist/workers/vocabulary.js';
import { enginesOf, poolOf } from '../support/dataset.js';
import { open, Recorder } from '../support/served.js';
import { openPool } from '../support/shared-threads.js';
import { temporaryFolder } from '../support/temporary.js';
import { type Kind, tokenizerFile, tokenizerPath } from '../support/tokenizers.js';

const folder = temporaryFolder();
const workers = poolOf(2);
const tokens = 'o200k_base';
const tokenizer = new NamedTokenizer(tokens);

const textOf = (i: number) => (i % 7 === 6 ? '' : `turn ${i}: ${'日本 word\n'.repeat(i % 5)}`);
const listOf = (conversations: number) =>
  Array.from({ length: conversations }, (_, c) => ({
    messages: [0, 1, 2].map((t) => ({ role: 'user', content: textOf(3 * c + t) })),
  }));

function fileOf(conversations: number): string {
  const path = join(mkdtempSync(join(folder, 'of-')), 'dataset.json');
  writeFileSync(path, JSON.stringify(listOf(conversations)));
  return path;
}

const tokensOf = (table: IndexTable) =>
  Array.from({ length: table.size.turns }, (_, row) => table.tokensOf(row));
const setAllTokens = (table: IndexTable, count: number) => {
  for (let row = 0; row < table.size.turns; row++) table.setTokens(row, count);
};

const countsOf = (conversations: number) =>
  Array.from({ length: 3 * conversations }, (_, i) => encode(textOf(i)).length);

async function indexOf(conversations: number) {
  const dataset = openDataset(fileOf(conversations));
  return { dataset, ...(await enginesOf(dataset, workers)) };
}

describe('counting ahead', () => {
  // The tests control the clock.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  /** Counts ahead; `done` resolves when all is counted. */
  function aheadOf(file: FileIdentity, tables: readonly IndexTable[], busyMs = Number.NEGATIVE_INFINITY) {
    let onDone = () => {};
    const done = new Promise<void>((resolve) => {
      onDone = resolve;
    });
    const ahead = new CountingAhead(
      { tokens, pool: openPool(2), notices: new Recorder() },
      file,
      tables,
      busyMs,
      onDone,
    );
    onTestFinished(() => ahead.stop());
    return { ahead, done };
  }

  it.each([
    ['a few turns', 20],
    ['many turns', 8000],
  ])('counts %s at once, without a request', async (_what, conversations) => {
    const { dataset, table } = await indexOf(conversations);
    expect(table.uncounted).toBeGreaterThan(0);
    await aheadOf(dataset.file, [table]).done;
    expect(tokensOf(table)).toEqual(countsOf(conversations));
    expect(table.uncounted).toBe(0);
  });

  it('begins only after no request came for a while', async () => {
    const { dataset, table } = await indexOf(20);
    const { uncounted } = table;
    const { ahead, done } = aheadOf(dataset.file, [table], performance.now());
    for (let i = 0; i < 20; i++) {
      vi.advanceTimersByTime(IDLE_MS / 2);
      ahead.pauseBackgroundWork();
      await setImmediate();
    }
    expect(table.uncounted).toBe(uncounted);
    vi.advanceTimersByTime(IDLE_MS);
    await done;
    expect(table.uncounted).toBe(0);
  });

  it.each([
    ['the threads of the pool', 8000],
    ['the calling thread', 2000],
  ])('by %s pauses for a request, and continues after it', async (_who, conversations) => {
    const { dataset, table } = await indexOf(conversations);
    const { uncounted } = table;
    const { ahead, done } = aheadOf(dataset.file, [table]);
    while (table.uncounted === uncounted) await setImmediate();
    ahead.pauseBackgroundWork();
    // No task counts on once those that have begun are stopped.
    const before = await steady(() => table.uncounted);
    expect(before).toBeGreaterThan(0);
    vi.advanceTimersByTime(IDLE_MS);
    await done;
    expect(tokensOf(table)).toEqual(countsOf(conversations));
  });

  it('counts turns of unusual shapes like all others', async () => {
    const said: unknown[] = [
      ...['plain', 'caf\u00e9 \ud83d lone', ' \u2028 line \u0085 ends \u0000', 'z'.repeat(3000)],
      [
        { type: 'text', text: 'in' },
        { type: 'text', text: ' parts' },
      ],
      'x y '.repeat(600_000),
      'last',
    ];
    const records = [
      { messages: said.map((content) => ({ role: 'user', content })) },
      {
        conversations: [
          { from: 'human', value: 'called' },
          { from: 'function_call', value: '{"name":"f","arguments":{}}' },
          { role: 'assistant', content: 'text', tool_calls: [] },
          { from: 'gpt', value: 'bytes that are no text: \ufffd', weight: Number.NaN },
        ],
      },
    ];
    const path = join(mkdtempSync(join(folder, 'of-')), 'dataset.json');
    // Other spellings of the same texts, and a byte that isn't UTF-8.
    const json = JSON.stringify(records)
      .replace('"plain"', '"pl\\u0061in"')
      .replace('"value":"called"', '"v\\u0061lue":"called"')
      .replace('null', 'NaN');
    const bytes = Buffer.from(json.replace('\ufffd', '\x00'));
    bytes[bytes.lastIndexOf(0)] = 0xff;
    writeFileSync(path, bytes);
    const dataset = openDataset(path);
    const { table } = await enginesOf(dataset, workers);
    await aheadOf(dataset.file, [table]).done;
    const expected = [
      ...said.map((text) => (typeof text === 'string' ? text : 'in parts')),
      'called',
      '{"name":"f","arguments":{}}',
      'text',
      'bytes that are no text: \ufffd',
    ];
    expect(tokensOf(table)).toEqual(expected.map((text) => encode(text).length));
  });

  it('stores nothing of a file that changes meanwhile', async () => {
    const { dataset, table } = await indexOf(20);
    const { uncounted } = table;
    const { size, buffer } = table;
    const { file } = dataset;
    const vocabulary = vocabularyOf(tokens);
    const task = { file, table: { size, buffer }, from: 0, to: size.turns, stop: newStopFlag(), vocabulary };
    const counting = new TurnCounter().count(task, new Kernel(kernelModule(), 2 * GROWTH_READ_BYTES));
    counting.next();
    writeFileSync(file.path, JSON.stringify(listOf(20)).replace('turn 8', 'text 8'));
    expect(() => [...counting]).toThrow(FileChangedError);
    expect(table.uncounted).toBe(uncounted);
  });

  it('ends when the file is replaced', async () => {
    const { dataset, table } = await indexOf(20);
    writeFileSync(dataset.file.path, JSON.stringify(listOf(21)));
    const { uncounted } = table;
    const { ahead } = aheadOf(dataset.file, [table]);
    await ahead.stop();
    expect(table.uncounted).toBe(uncounted);
  });
});

/** A number once it has stayed the same for many turns of the event loop. */
async function steady(read: () => number): Promise<number> {
  let last = read();
  for (let turns = 0; turns < 200; turns++) {
    await setImmediate();
    if (read() !== last) turns = 0;
    last = read();
  }
  return last;
}

describe('counted tokens', () => {
  const load = async (path: string, tokenizer: 'o200k_base' | 'cl100k_base' = 'o200k_base') =>
    (await loadIndex(indexPaths(path, undefined)[0] as string, openDataset(path), tokenizer)) as SavedIndex;

  it('are saved with the index when all are counted', async () => {
    const path = fileOf(20);
    const { served, recorder } = await open(path, { indexDir: undefined, tokens, countsAhead: true });
    await (await served.start()).walked;
    while (!recorder.notices.includes('info tokens counted')) await setImmediate();
    await served.close();
    // The log says once where the index is.
    expect(recorder.notices.filter((notice) => notice === 'info index saved')).toHaveLength(1);
    expect(tokensOf((await load(path)).table)).toEqual(countsOf(20));

    // At the next start, nothing is left to count.
    const next = await open(path, { indexDir: undefined, tokens, countsAhead: true });
    await next.served.start();
    const match = await next.served.lookup.find(valueQuery(textOf(0)));
    const counts = match?.tokens?.messages().map(({ tokens }) => tokens);
    expect(counts).toEqual([encode(textOf(0)).length]);
  });

  it('are saved with the index at the end, if requests needed some', async () => {
    const path = fileOf(20);
    const { served } = await open(path, { indexDir: undefined, tokens, countsAhead: false });
    await (await served.start()).walked;
    const [kept] = (await served.lookup.find(valueQuery(textOf(4))))?.tokens?.messages() ?? [];
    if (kept === undefined) throw new Error('it is not found by the index');
    await tokenizer.count([{ text: textOf(4), kept }]);
    await served.close();
    const saved = (await load(path)).table;
    expect(saved.tokensOf(4)).toBe(encode(textOf(4)).length);
    expect(tokensOf(saved).filter((count) => count > 0)).toHaveLength(1);
  });

  it('are discarded with another tokenizer, and the index is kept', async () => {
    const { dataset, table, census } = await indexOf(20);
    const path = indexPaths(dataset.file.path, undefined)[0] as string;
    setAllTokens(table, 5);
    await saveIndex(
      path,
      dataset,
      { table, marks: census.marks, counts: census.counts, checksum: 0, recordsBefore: 0 },
      'o200k_base',
    );
    expect(tokensOf((await load(dataset.file.path)).table)).toEqual(tokensOf(table));
    const other = (await load(dataset.file.path, 'cl100k_base')).table;
    expect(tokensOf(other).every((count) => count === 0)).toBe(true);
    expect([...other.order]).toEqual([...table.order]);
  });

  it('are discarded if the file of the tokenizer has changed', async () => {
    const path = fileOf(20);
    const file = join(dirname(path), 'tokenizer.json');
    /** The count of a turn in the saved index, and what the tokenizer counts. */
    const countsOfTurn = async (kind: Kind) => {
      copyFileSync(tokenizerPath(kind), file);
      const pool = new TokenPool(readTokenizer({ file }) as TokenizerFile);
      const { served } = await open(path, { indexDir: undefined, tokens: pool, countsAhead: false });
      await (await served.start()).walked;
      const [kept] = (await served.lookup.find(valueQuery(textOf(4))))?.tokens?.messages() ?? [];
      const saved = kept?.tokens;
      await new ThreadTokenizer(pool).count([{ text: textOf(4), kept }]);
      await served.close();
      await pool.close();
      return { saved, counted: kept?.tokens };
    };
    const first = await countsOfTurn('byte-level');
    expect(await countsOfTurn('byte-level')).toEqual({ saved: first.counted, counted: first.counted });
    const other = await countsOfTurn('unigram');
    expect(other.saved).toBe(0);
    expect(other.counted).not.toBe(first.counted);
  });

  it('may be counted while they are saved', async () => {
    const { dataset, table, census } = await indexOf(2000);
    const path = join(dirname(dataset.file.path), 'index');
    let isSaved = false;
    const saving = saveIndex(
      path,
      dataset,
      { table, marks: census.marks, counts: census.counts, checksum: 0, recordsBefore: 0 },
      'o200k_base',
    ).finally(() => {
      isSaved = true;
    });
    for (let i = 1; !isSaved; i++) {
      setAllTokens(table, i);
      await setImmediate();
    }
    await saving;
    expect(loadIndex(path, dataset, 'o200k_base')).toBeTypeOf('object');
  });

  it('of a `tokenizer.json`, of a text in many simultaneous requests, are counted once', async () => {
    const threads = new TokenPool(tokenizerFile('byte-level'));
    onTestFinished(() => threads.close());
    const asked: (readonly string[])[] = [];
    const pool = new Proxy(threads, {
      get: (target, name) =>
        name === 'count'
          ? (texts: readonly string[]) => {
              asked.push(texts);
              return target.count(texts);
            }
          : Reflect.get(target, name, target),
    });
    const counter = new ThreadTokenizer(pool);
    const texts = [{ text: 'one' }, { text: 'two words' }, { text: 'one' }, { text: '' }];
    const [one, other] = await Promise.all([counter.count(texts), counter.count(texts)]);
    expect(one).toEqual(other);
    await counter.count(texts);
    expect(asked.flat()).toEqual(['one', 'two words']);
  });

  it('of simultaneous texts of all lengths are each correct', async () => {
    const texts = Array.from(
      { length: 200 },
      (_, i) => `${i} ${'word '.repeat(i % 9 === 8 ? 20_000 : 10 * i)}`,
    );
    const counts = await Promise.all(texts.map((text) => tokenizer.count([{ text }, { text: 'same' }])));
    expect(counts).toEqual(texts.map((text) => [encode(text).length, 1]));
  });

  it('of texts that an index keeps are the same before, while and after all are counted', async () => {
    const { dataset, table, index } = await indexOf(8000);
    const counted = async (i: number) => {
      const found = await index.find(valueQuery(textOf(i)));
      return tokenizer.count((found?.tokens?.messages() ?? []).map((kept) => ({ text: textOf(i), kept })));
    };
    const asked = [0, 3000, 12_000, 23_998].filter((i) => i % 7 !== 6 && i % 3 < 2);
    const expected = asked.map((i) => [encode(textOf(i)).length]);
    const all = () => Promise.all(asked.map(counted));
    expect(await all()).toEqual(expected);
    const rows = uncountedRows(table);
    const counters = countersOf(tokens, openPool(2), dataset.file.size);
    const counting = countRows(counters, dataset.file, rows, newStopFlag());
    expect(await all()).toEqual(expected);
    expect(await counting).toBeUndefined();
    counters.release(false);
    expect(await all()).toEqual(expected);
    expect(tokensOf(table)).toEqual(countsOf(8000));
  });
});
