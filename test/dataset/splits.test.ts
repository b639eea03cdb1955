import { expect, it } from 'vitest';
import { splitOf } from '#dist/dataset/splits.js';

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
