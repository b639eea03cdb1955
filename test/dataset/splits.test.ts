import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { partsOf } from '#dist/dataset/parts.js';
import { splitOf } from '#dist/dataset/splits.js';
import { temporaryFolder } from '../support/temporary.js';

it.each([
  ['train.jsonl', 'train'],
  ['train-00000-of-00003.parquet', 'train'],
  ['json-train-00000-of-00002.arrow', 'train'],
  ['training_set.json', 'train'],
  ['my-dev.json', 'validation'],
  ['VALID.json', 'validation'],
  ['eval/a.json', 'test'],
  ['test/data-00000-of-00001.arrow', 'test'],
  ['test/train.json', 'train'],
  ['data/train_sft-00000-of-00003.parquet', 'train_sft'],
  ['data/data-00000-of-00003.arrow', undefined],
  ['contest.json', undefined],
  ['trained.json', undefined],
  ['latest/a.json', undefined],
])('the split of %s is %s', (path, split) => {
  expect(splitOf(path)).toBe(split);
});

it('a split of any name is found in its folder, whether the dataset is that folder, the one above or a pattern', async () => {
  const above = temporaryFolder();
  const folder = join(above, 'data');
  mkdirSync(folder);
  const names = ['train_gen', 'train_sft'].map((split) => `${split}-00000-of-00001.jsonl`);
  for (const name of names) writeFileSync(join(folder, name), '');
  for (const path of [above, folder, `${folder}/`, `${folder}/*.jsonl`, `${above}/**`]) {
    expect((await partsOf(path, ['train_sft'])).files).toEqual([
      join(folder, 'train_sft-00000-of-00001.jsonl'),
    ]);
  }
});
