/** The card of a dataset of Hugging Face: its README.md begins with YAML that may name the files of each split. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, posix } from 'node:path';
import { CARD_BYTES_MAX } from '../core/limits.js';
import { DatasetError } from './dataset-error.js';
import { type FileIdentity, identityAt, isSameFile, isSystemError } from './file.js';
import { fieldsOf } from './shapes/record.js';

/** Files of a dataset. */
export interface DataFiles {
  /** Undefined if the names of the files say it. */
  readonly split: string | undefined;
  /** A pattern, or the name of a file, relative to the folder. */
  readonly pattern: string;
}

const FRONT_MATTER = /^\ufeff?---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|$)/s;

/** The cards that were read last: a served folder is looked at every second. */
const read = new Map<
  string,
  { readonly file: FileIdentity; readonly files: readonly DataFiles[] | undefined }
>();

/**
 * The files of the default configuration of a dataset.
 *
 * @returns undefined if there is no card, or it doesn't name files
 * @throws DatasetError if it can't be read, or its YAML isn't valid
 */
export function dataFilesOf(folder: string): readonly DataFiles[] | undefined {
  const path = join(folder, 'README.md');
  const file = identityAt(path);
  if (file === undefined || file.size > CARD_BYTES_MAX) return undefined;
  const known = read.get(path);
  if (known !== undefined && isSameFile(known.file, file)) return known.files;
  const [, yaml = ''] = FRONT_MATTER.exec(textOf(path)) ?? [];
  const files = /^configs:/m.test(yaml) ? filesIn(parse(path, yaml)) : undefined;
  read.set(path, { file, files });
  return files;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new DatasetError(path, `it can't be read (${error.code})`, undefined, true);
  }
}

function parse(path: string, text: string): unknown {
  // Loaded only for a folder with such a card.
  const yaml = createRequire(import.meta.url)('yaml') as typeof import('yaml');
  try {
    return yaml.parse(text, { logLevel: 'error' });
  } catch (error) {
    const [problem = ''] = String((error as Error).message).split('\n');
    throw new DatasetError(path, `its YAML is not valid: ${problem.replace(/:$/, '')}`);
  }
}

function filesIn(card: unknown): readonly DataFiles[] | undefined {
  const { configs } = fieldsOf(card);
  const all = Array.isArray(configs) ? configs.map(fieldsOf) : [];
  const config =
    all.find(({ default: isDefault }) => isDefault === true) ??
    all.find(({ config_name }) => config_name === 'default') ??
    all[0];
  if (config === undefined) return undefined;
  const folder = typeof config.data_dir === 'string' ? config.data_dir : '.';
  const found = patternsIn(config.data_files, 'train');
  if (found.length === 0 && folder === '.') return undefined;
  const files = found.length === 0 ? [{ split: undefined, pattern: '**' }] : found;
  return files.map(({ split, pattern }) => ({ split, pattern: posix.join(folder, pattern) }));
}

/** The patterns in a text, a list, or a structure with `split` and `path`. */
function patternsIn(value: unknown, split: string): readonly DataFiles[] {
  if (typeof value === 'string') return [{ split, pattern: value }];
  if (Array.isArray(value)) return value.flatMap((each) => patternsIn(each, split));
  const { split: name, path } = fieldsOf(value);
  return path === undefined ? [] : patternsIn(path, typeof name === 'string' ? name : split);
}
