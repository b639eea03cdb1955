import { describe, expect, it } from 'vitest';
import { byteCount } from '#dist/core/bytes.js';
import { type Query, queryOf, valueQuery } from '#dist/core/query.js';
import { Cache, CachedLookup } from '#dist/lookup/cache.js';
import type { Lookup, Match } from '#dist/lookup/lookup.js';
import { datasetWriter, enginesOf, poolOf } from '../support/dataset.js';
import { plainMatch } from '../support/plain-lookup.js';

const write = datasetWriter();
const pool = poolOf(2);
const content = JSON.stringify(
  Array.from({ length: 20 }, (_, i) => ({
    conversations: [
      { from: 'human', value: `prompt ${i}` },
      { from: 'gpt', value: `${i}`.repeat(1000) },
    ],
  })),
);

/** The real engine, with the queries that reach it. */
async function watched(): Promise<{ lookup: Lookup; asked: Query[] }> {
  const { index: lookup } = await enginesOf(write(content), pool);
  const asked: Query[] = [];
  const find = async (query: Query): Promise<Match | undefined> => {
    asked.push(query);
    return lookup.find(query);
  };
  return { lookup: { find, isImmediate: false }, asked };
}

const chat = (...texts: string[]) => queryOf(texts.map((text) => ({ role: 'user', text }))) as Query;

describe('a cached lookup', () => {
  it('answers like the engine, and the second time without it', async () => {
    const { lookup, asked } = await watched();
    const cached = new CachedLookup(lookup, new Cache(byteCount(100_000)));
    const first = await cached.find(chat('prompt 3'));
    expect(plainMatch(first)).toEqual(plainMatch(await lookup.find(chat('prompt 3'))));
    expect(await cached.find(chat('prompt 3'))).toBe(first);
    expect(asked).toHaveLength(2);
  });

  it('distinguishes similar queries', async () => {
    const { lookup } = await watched();
    const cached = new CachedLookup(lookup, new Cache(byteCount(100_000)));
    expect((await cached.find(valueQuery('prompt 3')))?.rung).toBe('prompt');
    expect((await cached.find(chat('prompt 3')))?.rung).toBe('context');
    expect((await cached.find(chat('x', 'prompt 3')))?.rung).toBe('prompt');
    expect(await cached.find(chat('prompt', '3'))).toBeUndefined();
  });

  it('asks the engine again after a miss', async () => {
    const { lookup, asked } = await watched();
    const cached = new CachedLookup(lookup, new Cache(byteCount(100_000)));
    expect(await cached.find(chat('nowhere'))).toBeUndefined();
    expect(await cached.find(chat('nowhere'))).toBeUndefined();
    expect(asked).toHaveLength(2);
  });

  it('evicts the least recently used match when it is full', async () => {
    const { lookup, asked } = await watched();
    const cached = new CachedLookup(lookup, new Cache(byteCount(8000)));
    for (const prompt of ['prompt 1', 'prompt 2', 'prompt 1', 'prompt 3', 'prompt 4', 'prompt 1', 'prompt 2'])
      await cached.find(chat(prompt));
    const reached = asked.map(({ histories }) => histories[0]?.[0]);
    expect(reached).toEqual(['prompt 1', 'prompt 2', 'prompt 3', 'prompt 4', 'prompt 2']);
  });

  it('forgets everything on clear(), including lookups in progress', async () => {
    const { lookup, asked } = await watched();
    const cached = new CachedLookup(lookup, new Cache(byteCount(100_000)));
    await cached.find(chat('prompt 1'));
    const asking = cached.find(chat('prompt 2'));
    cached.clear();
    await asking;
    await cached.find(chat('prompt 1'));
    await cached.find(chat('prompt 2'));
    expect(asked).toHaveLength(4);
  });

  it('does not store a match larger than its limit', async () => {
    const { lookup, asked } = await watched();
    const cached = new CachedLookup(lookup, new Cache(byteCount(1000)));
    await cached.find(chat('prompt 3'));
    expect((await cached.find(chat('prompt 3')))?.reply.value).toBe('3'.repeat(1000));
    expect(asked).toHaveLength(2);
  });

  it('passes on a query whose texts would make a cache key longer than a string may be', async () => {
    const { lookup, asked } = await watched();
    const cached = new CachedLookup(lookup, new Cache(byteCount(100_000)));
    const call = { id: 'a', name: 'f', arguments: '{"a" :1}' };
    const query = queryOf([
      { role: 'system', text: 's' },
      ...[1, 2, 3].map((i) => ({ role: 'user', text: `${i}`.repeat(9_000_000) })),
      { role: 'assistant', text: '', calls: [call] },
      { role: 'tool', text: '{ "a" :1}' },
      { role: 'user', text: 'prompt 3' },
    ]) as Query;
    expect(query.histories.length).toBeGreaterThan(20);
    expect((await cached.find(query))?.rung).toBe('prompt');
    await cached.find(query);
    expect(asked).toHaveLength(2);
  });
});
