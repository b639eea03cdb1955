import { describe, expect, it } from 'vitest';
import { byteCount } from '#dist/core/bytes.js';
import { REMEMBERED_BODY_BYTES_MAX, UNSEEN_CACHED_SHARE } from '#dist/core/limits.js';
import { AnswerCache } from '#dist/http/answer-cache.js';
import type { Answered } from '#dist/http/endpoint.js';
import { Cache } from '#dist/lookup/cache.js';

const CACHE_BYTES = byteCount(1 << 20);
const model = { generation: 1 };
const answered = {
  content: { kind: 'json', spelled: 'x'.repeat(2000) },
  origin: { match: 'prompt', source: 'a#1', dataset: 'm' },
  asOf: { model, generation: 1 },
} as unknown as Answered;

const bodyOf = (number: number) =>
  Buffer.from(JSON.stringify({ messages: [`message ${number} `.repeat(20)] }));

/** Sends a body: true if its answer was cached. It is cached now, if it may be. */
function isCached(answers: AnswerCache, body: Buffer): boolean {
  const key = answers.keyOf(0, '/v1/chat/completions', body);
  if (key === undefined) return false;
  const known = answers.get(key);
  if (known === undefined) answers.set(key, body, answered);
  return known !== undefined;
}

/** A cache that many different bodies have filled as far as they may. */
function filled(): { cache: Cache; answers: AnswerCache } {
  const cache = new Cache(CACHE_BYTES);
  const answers = new AnswerCache(cache);
  for (let i = 0; i < 2000; i++) isCached(answers, bodyOf(i));
  return { cache, answers };
}

describe('the cache of answers', () => {
  it('has each answer from the first request on while it is nearly empty', () => {
    const answers = new AnswerCache(new Cache(CACHE_BYTES));
    expect([1, 2, 1, 2].map((number) => isCached(answers, bodyOf(number)))).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  it('is not filled by answers that are requested once', () => {
    const { cache } = filled();
    expect(cache.share).toBeGreaterThan(UNSEEN_CACHED_SHARE);
    expect(cache.share).toBeLessThan(UNSEEN_CACHED_SHARE + 0.01);
  });

  it('has an answer from its second request on once it has many', () => {
    const { answers } = filled();
    expect([1, 2, 3].map(() => isCached(answers, bodyOf(-1)))).toEqual([false, false, true]);
  });

  it('distinguishes bodies of the same length that differ in a byte that is not looked at', () => {
    const { answers } = filled();
    const long = (at: number) => Buffer.alloc(8000, 'z').fill('a', at, at + 1);
    for (let i = 0; i < 3; i++) isCached(answers, long(1001));
    expect(isCached(answers, long(1001))).toBe(true);
    expect(isCached(answers, long(1002))).toBe(false);
  });

  it.each([0, 3, 63, 64, REMEMBERED_BODY_BYTES_MAX])('takes a body of %d bytes', (length) => {
    const { answers } = filled();
    const sent = [1, 2, 3].map(() => isCached(answers, Buffer.alloc(length, 'b')));
    expect(sent.at(-1)).toBe(true);
  });

  it('has no answer to a longer body', () => {
    const answers = new AnswerCache(new Cache(CACHE_BYTES));
    expect(answers.keyOf(0, '/', Buffer.alloc(REMEMBERED_BODY_BYTES_MAX + 1))).toBeUndefined();
  });
});
