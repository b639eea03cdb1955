import fc from 'fast-check';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { KeySeed } from '#dist/core/keys.js';
import { type Query, queryOf, valueQuery } from '#dist/core/query.js';
import { DatasetReader } from '#dist/dataset/reader.js';
import { Kernel } from '#dist/kernel/kernel.js';
import { IndexLookup } from '#dist/lookup/indexed.js';
import { LayeredLookup } from '#dist/lookup/layered.js';
import { Census } from '#dist/models/census.js';
import { ShardPlan } from '#dist/workers/shard-run.js';
import { newStopFlag } from '#dist/workers/stop-flag.js';
import { datasetWriter, enginesOf, newKernel, poolOf } from '../support/dataset.js';
import { runs } from '../support/factor.js';

const write = datasetWriter();
const pool = poolOf(1);
const kernel = newKernel();

async function indexOf(prompt: string, reply: string, seed: KeySeed, own = kernel): Promise<IndexLookup> {
  const turns = [
    { from: 'human', value: prompt },
    { from: 'gpt', value: reply },
  ];
  const dataset = write(JSON.stringify([{ conversations: turns }]));
  const plan = new ShardPlan(dataset, [{ index: 0, range: dataset.body }], seed);
  const table = await new Census(plan, pool, newStopFlag()).take(true, () => undefined);
  if (table === undefined) throw new Error('expected an index');
  return new IndexLookup([table], own, new DatasetReader(dataset.file));
}

it('searches indexes that different processes have built, whose seeds differ', async () => {
  const layers = [
    { lookup: await indexOf('a', '1', { low: 1, high: 2 }) },
    { lookup: await indexOf('b', '2', { low: 1, high: 3 }) },
    { lookup: await indexOf('c', '3', { low: 4, high: 2 }) },
  ];
  const lookup = new LayeredLookup(() => layers);
  const replies = ['a', 'b', 'c', 'a'].map(
    async (prompt) => (await lookup.find(valueQuery(prompt)))?.reply.value,
  );
  expect(await Promise.all(replies)).toEqual(['1', '2', '3', '1']);
});

it('finds what one lookup of all records finds', async () => {
  const text = fc.constantFrom('a', 'b', ' b', 'c  d', 'c d', 'long '.repeat(20), `${'long '.repeat(20)}x`);
  const said = fc.record({ from: fc.constantFrom('human', 'gpt'), value: text });
  const record = fc.record({ conversations: fc.array(said, { minLength: 2, maxLength: 5 }) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(record, { minLength: 1, maxLength: 3 }), { minLength: 1 }),
      async (parts) => {
        const engines = await Promise.all(
          [parts.flat(), ...parts].map((list) => enginesOf(write(JSON.stringify(list)), pool, kernel)),
        );
        const [one, ...layers] = engines.map(({ index }) => ({ lookup: index }));
        const lookup = new LayeredLookup(() => layers);
        for (const prompt of ['a', 'b', 'c d', 'c', `${'long '.repeat(20)}x`, 'LONG']) {
          for (const query of [valueQuery(prompt), queryOf([{ role: 'user', text: prompt }]) as Query]) {
            const found = await one?.lookup.find(query);
            const foundInParts = await lookup.find(query);
            expect([foundInParts?.rung, foundInParts?.reply]).toEqual([found?.rung, found?.reply]);
          }
        }
        for (const { reader } of engines) reader.close();
      },
    ),
    runs(10),
  );
});

it('computes the keys of a query once for all parts, also those of its hint', async () => {
  const seed = { low: 1, high: 2 };
  const layers = await Promise.all(
    ['a', 'b', 'c'].map(async (name) => ({ lookup: await indexOf(`${name} prompt`, '1', seed) })),
  );
  const keysOf = vi.spyOn(Kernel.prototype, 'keysOf');
  onTestFinished(() => keysOf.mockRestore());
  const keysFor = async (count: number) => {
    const query = queryOf([{ role: 'user', text: 'Something else, that has parts' }]) as Query;
    const some = layers.slice(0, count);
    keysOf.mockClear();
    expect(await new LayeredLookup(() => some).find(query)).toBeUndefined();
    for (const { lookup } of some) expect(await lookup.similar(query)).toBeUndefined();
    return keysOf.mock.calls.length;
  };
  expect(await keysFor(3)).toBe(await keysFor(1));
});

it('finds a long context whose keys were computed for an earlier part', async () => {
  const seed = { low: 1, high: 2 };
  const prompt = 'é"'.repeat(50_000);
  const layers = [
    { lookup: await indexOf('a', '1', seed, newKernel()) },
    { lookup: await indexOf(prompt, '2', seed, newKernel()) },
  ];
  const lookup = new LayeredLookup(() => layers);
  const query = queryOf([{ role: 'user', text: prompt }]) as Query;
  const replies = [await lookup.find(query), await lookup.find(query)].map((match) => match?.reply.value);
  expect(replies).toEqual(['2', '2']);
});

it('searches more layers than calls can be nested', async () => {
  const lookup = await indexOf('a', '1', { low: 1, high: 2 });
  const layers = Array.from({ length: 50_000 }, () => ({ lookup }));
  expect(await new LayeredLookup(() => layers).find(valueQuery('b'))).toBeUndefined();
});
