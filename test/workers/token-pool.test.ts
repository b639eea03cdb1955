import { expect, it, onTestFinished, vi } from 'vitest';
import { TOKENIZED_AT_ONCE_MAX, TOKENIZER_KEPT_MS } from '#dist/core/limits.js';
import { TokenPool } from '#dist/workers/token-pool.js';
import { tokenizerFile } from '../support/tokenizers.js';

const tokenizer = tokenizerFile('byte-level');

/** Random letters, in words of the maximum length: they take a tokenizer seconds. */
function hardText(length: number): string {
  let state = 1;
  return Array.from({ length }, () => {
    state = (state * 48_271) % 0x7fff_ffff;
    return String.fromCharCode(97 + (state % 26));
  }).join('');
}

it.each([
  ['ends its thread when it is not used', false, 2],
  ['keeps its thread after it was started ahead', true, 1],
])('a token pool %s', async (_what, isStarted, threads) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  let started = 0;
  const onWorker = () => void started++;
  process.on('worker', onWorker);
  onTestFinished(() => {
    vi.useRealTimers();
    process.off('worker', onWorker);
  });
  const pool = new TokenPool(tokenizer);
  if (isStarted) pool.start();
  for (let i = 0; i < 2; i++) {
    expect(await pool.count(['one two'])).toEqual({ kind: 'done', value: [2] });
    vi.advanceTimersByTime(TOKENIZER_KEPT_MS);
  }
  await pool.close();
  expect(started).toBe(threads);
});

it('a token pool that is closed waits for no text', async () => {
  const pool = new TokenPool(tokenizer);
  expect(await pool.count(['one two'])).toEqual({ kind: 'done', value: [2] });
  const counting = pool.count([hardText(3_000_000)]);
  await pool.close();
  expect((await counting).kind).toBe('failed');
  expect((await pool.count(['one'])).kind).toBe('failed');
});

it('a token pool may be closed while it loads', async () => {
  const pool = new TokenPool(tokenizer);
  const counting = pool.count(['one two']);
  await pool.close();
  expect(['done', 'failed']).toContain((await counting).kind);
});

it('a token pool may be closed at any moment of a short task', async () => {
  for (let i = 0; i < 8; i++) {
    const pool = new TokenPool(tokenizer);
    pool.start();
    await pool.count(['loaded']);
    const counting = pool.count([hardText(1000 * i)]);
    await pool.close();
    expect(['done', 'failed']).toContain((await counting).kind);
  }
});

it('a token pool accepts one text of any length, and rejects others while too much waits', async () => {
  const pool = new TokenPool(tokenizer);
  const large = 'x '.repeat(TOKENIZED_AT_ONCE_MAX / 3);
  const first = pool.count([large]);
  expect(await pool.count([large])).toMatchObject({ kind: 'failed', code: 'overloaded' });
  await pool.close();
  expect((await first).kind).toBe('failed');
});
