/** Tokens counted into an index, ahead and on demand, and saved with it. */

import { copyFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { encode } from 'gpt-tokenizer/encoding/o200k_base';
import { afterAll, afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { IDLE_MS } from '#dist/core/limits.js';
import { valueQuery } from '#dist/core/query.js';
import { openDataset } from '#dist/dataset/dataset.js';
import { indexPaths } from '#dist/index/paths.js';
import { loadIndex, type SavedIndex, saveIndex } from '#dist/index/saved-index.js';
import type { IndexTable } from '#dist/index/table.js';
import { RealCounter } from '#dist/lookup/token-counter.js';
import { CountingAhead } from '#dist/models/counting-ahead.js';
import { readTokenizer } from '#dist/settings/tokenizer-file.js';
import { TokenPool } from '#dist/workers/token-pool.js';
import { enginesOf, poolOf } from '../support/dataset.js';
import { open } from '../support/served.js';
import { temporaryFolder } from '../support/temporary.js';
import { type Kind, tokenizerPath } from '../support/tokenizers.js';

const folder = temporaryFolder();
const workers = poolOf(2);
const tokens = new TokenPool('o200k_base');
afterAll(() => tokens.close());

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
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  it('counts every turn once the server is idle', async () => {
    const { dataset, table } = await indexOf(20);
    const done = new Promise<void>((resolve) => {
      const ahead = new CountingAhead(tokens, dataset.file, [table], resolve);
      onTestFinished(() => ahead.stop());
    });
    expect(table.uncounted).toBeGreaterThan(0);
    vi.advanceTimersByTime(2 * IDLE_MS);
    await done;
    expect(tokensOf(table)).toEqual(countsOf(20));
    expect(table.uncounted).toBe(0);
  });

  it('begins only after no request came for a while', async () => {
    const { dataset, table } = await indexOf(20);
    const { uncounted } = table;
    const ahead = new CountingAhead(tokens, dataset.file, [table], () => {});
    for (let i = 0; i < 20; i++) {
      vi.advanceTimersByTime(IDLE_MS / 2);
      ahead.pauseBackgroundWork();
      // Waits for a batch that has begun.
      await tokens.count(['asked']);
    }
    vi.advanceTimersByTime(IDLE_MS - 1);
    // Anything due by then has been counted.
    await tokens.count(['asked']);
    await ahead.stop();
    expect(table.uncounted).toBe(uncounted);
  });

  it('pauses for a request, and continues after it', async () => {
    // Fewer than one task counts.
    const { dataset, table } = await indexOf(1300);
    const { uncounted } = table;
    let isDone = false;
    const ahead = new CountingAhead(tokens, dataset.file, [table], () => {
      isDone = true;
    });
    onTestFinished(() => ahead.stop());
    vi.advanceTimersByTime(2 * IDLE_MS);
    while (table.uncounted === uncounted) await setImmediate();
    ahead.pauseBackgroundWork();
    // A request then takes the next turn, before the rest of the turns are counted.
    await tokens.count(['asked']);
    expect(table.uncounted).toBeGreaterThan(0);
    while (!isDone) {
      vi.advanceTimersByTime(IDLE_MS);
      await setImmediate();
    }
    expect(tokensOf(table)).toEqual(countsOf(1300));
  });

  it('ends when the file is replaced', async () => {
    const { dataset, table } = await indexOf(20);
    writeFileSync(dataset.file.path, JSON.stringify(listOf(21)));
    const { uncounted } = table;
    const ahead = new CountingAhead(tokens, dataset.file, [table], () => {});
    vi.advanceTimersByTime(2 * IDLE_MS);
    await ahead.stop();
    expect(table.uncounted).toBe(uncounted);
  });
});

describe('counted tokens', () => {
  const load = async (path: string, tokenizer: 'o200k_base' | 'cl100k_base' = 'o200k_base') =>
    (await loadIndex(indexPaths(path, undefined)[0] as string, openDataset(path), tokenizer)) as SavedIndex;

  it('are saved with the index when all are counted', async () => {
    const path = fileOf(20);
    const { served, recorder } = await open(path, { indexDir: undefined, tokens, countsAhead: true });
    await (await served.start()).walked;
    const saves = () => recorder.notices.filter((notice) => notice.includes('index saved'));
    while (saves().length < 2) await setImmediate();
    // The log says once where the index is.
    expect(saves()).toEqual(['info index saved', 'debug index saved']);
    expect(tokensOf((await load(path)).table)).toEqual(countsOf(20));
    await served.close();

    // At the next start, nothing is left to count.
    const closed = new TokenPool('o200k_base');
    await closed.close();
    const next = await open(path, { indexDir: undefined, tokens: closed, countsAhead: true });
    await next.served.start();
    const match = await next.served.lookup.find(valueQuery(textOf(0)));
    const [kept] = match?.tokens?.messages() ?? [];
    const counter = new RealCounter(closed);
    expect(await counter.count([{ text: textOf(0), kept }])).toEqual([encode(textOf(0)).length]);
  });

  it('are saved with the index at the end, if requests needed some', async () => {
    const path = fileOf(20);
    const { served } = await open(path, { indexDir: undefined, tokens, countsAhead: false });
    await (await served.start()).walked;
    const [kept] = (await served.lookup.find(valueQuery(textOf(4))))?.tokens?.messages() ?? [];
    if (kept === undefined) throw new Error('it is not found by the index');
    await new RealCounter(tokens).count([{ text: textOf(4), kept }]);
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
      const pool = new TokenPool(readTokenizer({ file }));
      const { served } = await open(path, { indexDir: undefined, tokens: pool, countsAhead: false });
      await (await served.start()).walked;
      const [kept] = (await served.lookup.find(valueQuery(textOf(4))))?.tokens?.messages() ?? [];
      const saved = kept?.tokens;
      await new RealCounter(pool).count([{ text: textOf(4), kept }]);
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

  it('of a text in many simultaneous requests are counted once', async () => {
    const asked: (readonly string[])[] = [];
    const pool = new Proxy(tokens, {
      get: (target, name) =>
        name === 'count'
          ? (texts: readonly string[]) => {
              asked.push(texts);
              return target.count(texts);
            }
          : Reflect.get(target, name, target),
    });
    const counter = new RealCounter(pool);
    const texts = [{ text: 'one' }, { text: 'two words' }, { text: 'one' }, { text: '' }];
    const counts = await Promise.all([counter.count(texts), counter.count(texts)]);
    expect(counts).toEqual([
      [1, 2, 1, 0],
      [1, 2, 1, 0],
    ]);
    await counter.count(texts);
    expect(asked.flat()).toEqual(['one', 'two words']);
  });

  it('of simultaneous texts of all lengths are each correct', async () => {
    const texts = Array.from(
      { length: 200 },
      (_, i) => `${i} ${'word '.repeat(i % 9 === 8 ? 20_000 : 10 * i)}`,
    );
    const counter = new RealCounter(tokens);
    const counts = await Promise.all(texts.map((text) => counter.count([{ text }, { text: 'same' }])));
    expect(counts).toEqual(texts.map((text) => [encode(text).length, 1]));
  });
});
