import { expect, it } from 'vitest';
import type { KeySeed } from '#dist/core/keys.js';
import { valueQuery } from '#dist/core/query.js';
import { DatasetReader } from '#dist/dataset/reader.js';
import { IndexLookup } from '#dist/lookup/indexed.js';
import { LayeredLookup } from '#dist/lookup/layered.js';
import { Census } from '#dist/models/census.js';
import { ShardPlan } from '#dist/workers/shard-run.js';
import { newStopFlag } from '#dist/workers/stop-flag.js';
import { datasetWriter, newKernel, poolOf } from '../support/dataset.js';

const write = datasetWriter();
const pool = poolOf(1);
const kernel = newKernel();

async function indexOf(prompt: string, reply: string, seed: KeySeed): Promise<IndexLookup> {
  const turns = [
    { from: 'human', value: prompt },
    { from: 'gpt', value: reply },
  ];
  const dataset = write(JSON.stringify([{ conversations: turns }]));
  const plan = new ShardPlan(dataset, [{ index: 0, range: dataset.body }], seed);
  const table = await new Census(plan, pool, newStopFlag()).take(true, () => undefined);
  if (table === undefined) throw new Error('expected an index');
  return new IndexLookup(table, kernel, new DatasetReader(dataset.file));
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
