import { describe, expect, it, vi } from 'vitest';
import { byteCount } from '#dist/core/bytes.js';
import { MemoryStore } from '#dist/store/memory-store.js';
import type { CountKind, ListKind, Lists, ObjectKind, Store } from '#dist/store/store.js';
import { RedisCluster, RedisServer } from '../support/redis.js';
import { openStore } from '../support/store.js';
import { WAIT } from '../support/wait.js';

interface Thing {
  readonly name: string;
  readonly text: string;
}

const THINGS: ObjectKind<Thing> = {
  name: 'thing',
  lifeMs: 60_000,
  isRenewed: true,
  countMax: 1000,
  bytesMax: byteCount(10_000_000),
};

const LISTED: ObjectKind<Thing, { readonly name: string }> = {
  ...THINGS,
  name: 'listed',
  isRenewed: false,
  listed: ({ name }) => ({ name }),
};

const VISITS: CountKind = {
  name: 'visit',
  lifeMs: 60_000,
  isRenewed: false,
  isSecret: false,
  countMax: 1000,
};
/** Longer than the pauses of `waitUntil`. */
const BRIEF: CountKind = { ...VISITS, name: 'brief', lifeMs: 300 };
const NOTES: ListKind = { name: 'note', lifeMs: 60_000, itemsMax: 3, lengthMax: 100, listsMax: 100 };

/** Opens a store. Stores of Redis share what they have: each test has names of its own. */
const STORES: readonly (readonly [string, () => Promise<Store>])[] = [
  ['memory', async () => new MemoryStore()],
  ['Redis', once(async () => openStore((await RedisServer.start()).url))],
  ['a cluster', once(async () => openStore((await RedisCluster.start(0)).url))],
];

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

async function itemsOf(lists: Lists<string>, list: string): Promise<[string, string][]> {
  return [...(await lists.of(list)).items];
}

describe.each(STORES)('a store in %s', (_, open) => {
  it('returns an object until it is deleted', async () => {
    const things = (await open()).objects(THINGS);
    await things.set('a', { name: 'a', text: 'one' });
    await things.set('b', { name: 'b', text: 'é😀\u0000"' });
    await things.set('a', { name: 'a', text: 'two' });
    expect(await things.get('a')).toEqual({ name: 'a', text: 'two' });
    expect(await things.get('b')).toEqual({ name: 'b', text: 'é😀\u0000"' });
    expect([await things.delete('a'), await things.delete('a')]).toEqual([true, false]);
    expect([await things.get('a'), await things.get('never')]).toEqual([undefined, undefined]);
  });

  it('keeps objects of different kinds apart', async () => {
    const store = await open();
    await store.objects(THINGS).set('same', { name: 'thing', text: '' });
    await store.objects({ ...THINGS, name: 'other' }).set('same', { name: 'other', text: '' });
    expect(await store.objects(THINGS).get('same')).toEqual({ name: 'thing', text: '' });
  });

  it('says how much memory the JSON of an object takes at most', async () => {
    const things = (await open()).objects(THINGS);
    const thing = { name: 'long', text: 'é"'.repeat(1000) };
    await things.set('long', thing);
    const found = (await things.get('long')) as Thing;
    expect(things.jsonBytesOf('long', found)).toBeGreaterThanOrEqual(JSON.stringify(thing).length);
  });

  it('lists objects in the order in which they were first stored, however they are used and replaced', async () => {
    const things = (await open()).objects(LISTED);
    for (const name of ['b', 'a', 'c']) await things.set(name, { name, text: 'first' });
    await things.get('b');
    await things.set('a', { name: 'a', text: 'another' });
    const names = async () => (await things.list()).map(({ name }) => name);
    expect(await names()).toEqual(['b', 'a', 'c']);
    await things.delete('b');
    await things.set('b', { name: 'b', text: 'again' });
    expect(await names()).toEqual(['a', 'c', 'b']);
  });

  it('lists no more objects than their kind may have, without the oldest', async () => {
    const things = (await open()).objects({ ...LISTED, name: 'few', countMax: 10 });
    for (let i = 0; i < 25; i++) await things.set(`${i}`, { name: `${i}`, text: '' });
    const names = (await things.list()).map(({ name }) => Number(name));
    expect(names.length).toBeLessThanOrEqual(10);
    expect(names).toEqual(Array.from(names, (_, i) => 25 - names.length + i));
    expect(names.length).toBeGreaterThanOrEqual(8);
    expect([await things.get('0'), await things.get('24')]).toEqual([undefined, { name: '24', text: '' }]);
  });

  it('counts from 1, each id by itself, even if many count at once', async () => {
    const visits = (await open()).counts(VISITS);
    const counted = await Promise.all(Array.from({ length: 100 }, () => visits.count('a')));
    expect(counted.map(({ count }) => count).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
    expect((await visits.count('b')).count).toBe(1);
  });

  it('counts within a window that begins with the first', async () => {
    const store = await open();
    const visits = store.counts(VISITS);
    const first = await visits.count('window');
    expect(first.endsInMs).toBeLessThanOrEqual(60_000);
    expect(first.endsInMs).toBeGreaterThan(50_000);
    await vi.waitUntil(async () => (await visits.count('window')).endsInMs < first.endsInMs, WAIT);
    const brief = store.counts(BRIEF);
    await brief.count('a');
    await vi.waitUntil(async () => (await brief.count('a')).count === 1, WAIT);
  });

  it('has the items of a list in the order in which they were added, until they are removed', async () => {
    const notes = (await open()).lists<string>(NOTES);
    for (const id of ['b', 'a', 'c']) expect(await notes.add('x', id, `${id}1`)).toBe(true);
    expect(await notes.add('x', 'a', 'a2')).toBe(true);
    expect(await itemsOf(notes, 'x')).toEqual([
      ['b', 'b1'],
      ['a', 'a2'],
      ['c', 'c1'],
    ]);
    expect([await notes.remove('x', 'b'), await notes.remove('x', 'b')]).toEqual([true, false]);
    expect(await notes.add('x', 'b', 'b2')).toBe(true);
    expect((await itemsOf(notes, 'x')).map(([id]) => id)).toEqual(['a', 'c', 'b']);
    expect(await itemsOf(notes, 'y')).toEqual([]);
  });

  it('keeps the order of many items', async () => {
    const notes = (await open()).lists<string>({
      ...NOTES,
      name: 'many',
      itemsMax: 1000,
      lengthMax: 100_000,
    });
    const ids = Array.from({ length: 300 }, (_, i) => `${(i * 7919) % 300}`);
    await Promise.all(ids.map((id) => notes.add('many', id, 'x'.repeat(100))));
    expect([...(await notes.of('many')).items.keys()]).toEqual(ids);
  });

  it('adds no item to a list that is full, but replaces those that it has', async () => {
    const notes = (await open()).lists<string>(NOTES);
    for (const id of ['a', 'b', 'c']) await notes.add('full', id, '1');
    await notes.use('full', 'a', 10);
    expect([await notes.add('full', 'd', '1'), await notes.add('full', 'c', '2')]).toEqual([false, true]);
    await notes.remove('full', 'a');
    expect(await notes.add('full', 'd', '1')).toBe(true);
  });

  it('adds no item that makes a list too long', async () => {
    const notes = (await open()).lists<string>(NOTES);
    expect(await notes.add('long', 'a', 'x'.repeat(99))).toBe(false);
    expect(await notes.add('long', 'a', 'é'.repeat(40))).toBe(true);
    expect(await notes.add('long', 'b', 'x'.repeat(20))).toBe(false);
    expect(await notes.add('long', 'a', 'x'.repeat(70))).toBe(true);
    expect(await notes.add('long', 'b', 'x'.repeat(20))).toBe(true);
    await notes.remove('long', 'a');
    expect(await notes.add('long', 'c', 'x'.repeat(70))).toBe(true);
  });

  it('returns the same listing until the list changes', async () => {
    const notes = (await open()).lists<string>(NOTES);
    const empty = await notes.of('v');
    expect(empty.version).toBe('');
    await notes.add('v', 'a', '1');
    const first = await notes.of('v', empty);
    expect(await notes.of('v', first)).toBe(first);
    await notes.use('v', 'a', 2);
    expect(await notes.of('v', first)).toBe(first);
    await notes.add('v', 'a', '1');
    expect(await notes.of('v', first)).toBe(first);
    await notes.add('v', 'a', '2');
    const second = await notes.of('v', first);
    expect(second.version).not.toBe(first.version);
    expect([[...first.items], [...second.items]]).toEqual([[['a', '1']], [['a', '2']]]);
    // A list that has the same number of changes isn't the same list.
    await notes.remove('v', 'a');
    expect((await notes.of('v', second)).items.size).toBe(0);
    await notes.add('v', 'a', '3');
    await notes.add('v', 'a', '4');
    expect([...(await notes.of('v', second)).items]).toEqual([['a', '4']]);
  });

  it('uses an item as often as it may be used, even if several use it at the same time', async () => {
    const notes = (await open()).lists<string>(NOTES);
    await notes.add('used', 'a', '1');
    await notes.add('used', 'b', '1');
    const uses = await Promise.all(Array.from({ length: 10 }, () => notes.use('used', 'a', 4)));
    expect(uses.filter((used) => used !== undefined).sort()).toEqual([0, 1, 2, 3]);
    expect((await itemsOf(notes, 'used')).map(([id]) => id)).toEqual(['b']);
    await notes.add('used', 'a', '1');
    expect(await notes.use('used', 'a', 4)).toBe(0);
    await notes.remove('used', 'b');
    expect(await notes.use('used', 'b', 4)).toBeUndefined();
  });
});

describe('a store in Redis', () => {
  it('has a prefix and a life for each key, and keys that show no secret', async () => {
    const server = await RedisServer.start();
    const store = await openStore(server.url);
    await store.objects(LISTED).set('a', { name: 'a', text: '' });
    await store.objects(THINGS).set('ein Schlüssel {von} Kunden', { name: 'a', text: '' });
    await store.counts({ ...VISITS, isSecret: true }).count('sk-secret');
    const notes = store.lists<string>(NOTES);
    await notes.add('x', 'a', '1');
    await notes.add('x', 'b', '1');
    await notes.use('x', 'a', 2);
    await notes.remove('x', 'b');
    await notes.add('refused', 'a', 'x'.repeat(1000));
    const keys = (await server.call('KEYS', '*')) as string[];
    expect(keys.length).toBe(5);
    expect(keys.filter((key) => !/^test:[!-~]+$/.test(key) || key.includes('secret'))).toEqual([]);
    const lives = await Promise.all(keys.map((key) => server.call('PTTL', key)));
    expect(lives.filter((life) => !(Number(life) > 50_000))).toEqual([]);
  });

  it('renews the life of what is used, but not of objects that can be listed', async () => {
    const server = await RedisServer.start();
    const store = await openStore(server.url);
    await store.objects(THINGS).set('a', { name: 'a', text: '' });
    await store.objects(LISTED).set('a', { name: 'a', text: '' });
    await store.lists<string>(NOTES).add('a', 'a', '1');
    for (const key of ['thing:a', 'listed:a', 'note:a']) await server.call('PEXPIRE', `test:${key}`, '20000');
    await store.objects(THINGS).get('a');
    await store.objects(LISTED).get('a');
    await store.lists<string>(NOTES).of('a');
    const isRenewed = async (key: string) => Number(await server.call('PTTL', `test:${key}`)) > 20_000;
    expect([await isRenewed('thing:a'), await isRenewed('listed:a'), await isRenewed('note:a')]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('lists no object whose life has ended', async () => {
    const store = await openStore((await RedisServer.start()).url);
    const things = store.objects({ ...LISTED, lifeMs: 300 });
    await things.set('a', { name: 'a', text: '' });
    await vi.waitUntil(async () => {
      await things.set('b', { name: 'b', text: '' });
      return (await things.get('a')) === undefined;
    }, WAIT);
    expect(await things.list()).toEqual([{ name: 'b' }]);
  });
});
