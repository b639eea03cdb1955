/** Splits of a dataset, such as `train` and `test`: known by the names of files and folders, as Hugging Face's `datasets` knows them. */

import { basename } from 'node:path';
import { DatasetError } from './dataset-error.js';

/** Other names of splits. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  train: ['train', 'training'],
  validation: ['validation', 'valid', 'val', 'dev'],
  test: ['test', 'testing', 'eval', 'evaluation'],
};

/** The split of data whose name has none. */
const OTHERWISE = 'train';

const EXPRESSIONS = Object.entries(NAMES).map(([split, names]) => ({
  split,
  expression: new RegExp(`(?:^|[-._ 0-9])(?:${names.join('|')})(?:[-._ 0-9]|$)`, 'i'),
}));

/** A file of a split that may have any name: `data/train_sft-00000-of-00003.parquet`. */
const SHARD = /(?:^|\/)data\/(?!data-)(\w[\w.]*)-\d{5}-of-\d{5}/;

/**
 * The split of a file: the name of the file says it, else that of the innermost folder that does.
 *
 * @param path relative to the dataset, with slashes
 * @param folder the name of the dataset's folder, which may be `data`; no other name of it says a split
 */
export function splitOf(path: string, folder = ''): string | undefined {
  const [, shard] = SHARD.exec(`${folder}/${path}`) ?? [];
  if (shard !== undefined) return shard;
  for (const name of path.split('/').reverse()) {
    const found = EXPRESSIONS.find(({ expression }) => expression.test(name));
    if (found !== undefined) return found.split;
  }
  return undefined;
}

/**
 * The known splits that are wanted; all of them if `wanted` is empty.
 *
 * @param path the dataset's path, for messages
 * @throws DatasetError if one that is wanted isn't known
 */
export function chosenSplits(
  path: string,
  wanted: readonly string[],
  known: readonly string[],
): ReadonlySet<string> {
  if (wanted.length === 0) return new Set(known);
  const chosen = wanted.map((name) => {
    const usual = Object.keys(NAMES).find((split) => NAMES[split]?.includes(name));
    const found = known.find((split) => split === name) ?? known.find((split) => split === usual);
    if (found !== undefined) return found;
    throw new DatasetError(path, `there is no split '${name}'; it has ${[...new Set(known)].join(', ')}`);
  });
  return new Set(chosen);
}

/**
 * Checks that a file without splits in it is wanted.
 *
 * @throws DatasetError if it isn't
 */
export function assertSplit(path: string, wanted: readonly string[]): void {
  chosenSplits(path, wanted, [splitOf(basename(path)) ?? OTHERWISE]);
}

/**
 * The lists of an object that are wanted: their keys are splits. A single list isn't a split, unless its key is wanted.
 *
 * @throws DatasetError if one that is wanted isn't there
 */
export function chosenLists<List extends { readonly key: string }>(
  path: string,
  wanted: readonly string[],
  lists: readonly List[],
): readonly List[] {
  const keys = lists.map(({ key }) => key);
  if (keys.length === 1 && !wanted.includes(keys[0] as string)) {
    assertSplit(path, wanted);
    return lists;
  }
  const chosen = chosenSplits(path, wanted, keys);
  return lists.filter(({ key }) => chosen.has(key));
}
