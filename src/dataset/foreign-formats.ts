/** File formats that are mistaken for a dataset: each is recognized by its start, and has a remedy. */

import { basename, dirname, extname, join } from 'node:path';
import { FOREIGN_HEAD_BYTES } from '../core/limits.js';
import { shellWord } from '../core/shell-word.js';
import { printable } from './dataset-error.js';

interface ForeignFormat {
  readonly name: string;
  /** What to do with the file at a path. */
  readonly remedy: (path: string) => string;
  /** The first bytes of such a file, where `NOT_ZERO` is any byte but zero; or its first characters, after white space. */
  readonly start: readonly number[] | RegExp;
}

const NOT_ZERO = -1;

const iconv = (encoding: string) => (path: string) =>
  `convert it to UTF-8: iconv -f ${encoding} -t UTF-8 ${wordOf(path)} > ${wordOf(renamed(path, '.utf8.json'))}`;

/** Without a byte order mark, JSON's first character is ASCII. */
const FOREIGN_FORMATS: readonly ForeignFormat[] = [
  {
    name: 'a zip archive',
    remedy: (path) => `extract the dataset: unzip ${wordOf(path)}`,
    start: [...Buffer.from('PK')],
  },
  {
    name: 'an encrypted Parquet file',
    remedy: () => 'write it without encryption',
    start: [...Buffer.from('PARE')],
  },
  {
    name: 'a Feather file of version 1',
    remedy: () => 'write it as Feather of version 2, which is Arrow',
    start: [...Buffer.from('FEA1')],
  },
  { name: 'UTF-32 text', remedy: iconv('UTF-32'), start: [0xff, 0xfe, 0, 0] },
  { name: 'UTF-32 text', remedy: iconv('UTF-32'), start: [0, 0, 0xfe, 0xff] },
  { name: 'UTF-32 text', remedy: iconv('UTF-32LE'), start: [NOT_ZERO, 0, 0, 0] },
  { name: 'UTF-32 text', remedy: iconv('UTF-32BE'), start: [0, 0, 0, NOT_ZERO] },
  {
    name: 'a pointer that Git LFS left in place of the file',
    remedy: () => 'download the file: git lfs pull',
    start: /^version https:\/\/git-lfs\.github\.com\/spec\//,
  },
  {
    name: 'a web page, not the file',
    remedy: () => "download the file with the site's download link",
    start: /^<(?:!doctype html|html)\b/i,
  },
];

/**
 * Names the other format of a file, and how to convert it.
 *
 * @param head the first bytes of the file
 * @returns undefined if the format is unknown
 */
export function foreignFormatOf(head: Uint8Array, path: string): string | undefined {
  // White space includes a byte order mark.
  const text = Buffer.from(head.subarray(0, FOREIGN_HEAD_BYTES)).toString().trimStart();
  const format = FOREIGN_FORMATS.find(({ start }) =>
    start instanceof RegExp ? start.test(text) : beginsWith(head, start),
  );
  return format && `found ${format.name}; ${format.remedy(path)}`;
}

function beginsWith(head: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, i) => (byte === NOT_ZERO ? (head[i] ?? 0) !== 0 : head[i] === byte));
}

/** A path as a word of a command, on one line: a program doesn't take it for an option. */
function wordOf(path: string): string {
  return shellWord(printable(path.startsWith('-') ? `./${path}` : path));
}

/** The path with another ending. */
function renamed(path: string, ending: string): string {
  return join(dirname(path), basename(path, extname(path)) + ending);
}
