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

/** The command that decompresses a file to one next to it. The program needs the ending of its own files, or no path at all. */
const decompress = (command: string, ending: string) => (path: string) => {
  const file = wordOf(path);
  const files = path.endsWith(ending) ? file : `< ${file} > ${wordOf(renamed(path, '.decompressed.json'))}`;
  return `decompress it: ${command} ${files}`;
};

const iconv = (encoding: string) => (path: string) =>
  `convert it to UTF-8: iconv -f ${encoding} -t UTF-8 ${wordOf(path)} > ${wordOf(renamed(path, '.utf8.json'))}`;

const PANDAS = `import sys, pandas; pandas.read_parquet(sys.argv[1]).to_json(sys.argv[2], orient='records', lines=True)`;

const convertRows = () => 'convert each row to a conversation in JSON, one a line';

/** The first match wins: UTF-32 begins as UTF-16 does. Without a byte order mark, JSON's first character is ASCII. */
const FOREIGN_FORMATS: readonly ForeignFormat[] = [
  { name: 'gzip data', remedy: decompress('gunzip -k', '.gz'), start: [0x1f, 0x8b] },
  { name: 'Zstandard data', remedy: decompress('zstd -d', '.zst'), start: [0x28, 0xb5, 0x2f, 0xfd] },
  {
    name: 'a zip archive',
    remedy: (path) => `extract the dataset: unzip ${wordOf(path)}`,
    start: [...Buffer.from('PK')],
  },
  {
    name: 'a Parquet file',
    remedy: (path) =>
      `convert it to JSON lines: python3 -c "${PANDAS}" ${wordOf(path)} ${wordOf(renamed(path, '.jsonl'))}`,
    start: [...Buffer.from('PAR1')],
  },
  { name: 'UTF-32 text', remedy: iconv('UTF-32'), start: [0xff, 0xfe, 0, 0] },
  { name: 'UTF-32 text', remedy: iconv('UTF-32'), start: [0, 0, 0xfe, 0xff] },
  { name: 'UTF-16 text', remedy: iconv('UTF-16'), start: [0xff, 0xfe] },
  { name: 'UTF-16 text', remedy: iconv('UTF-16'), start: [0xfe, 0xff] },
  { name: 'UTF-32 text', remedy: iconv('UTF-32LE'), start: [NOT_ZERO, 0, 0, 0] },
  { name: 'UTF-32 text', remedy: iconv('UTF-32BE'), start: [0, 0, 0, NOT_ZERO] },
  { name: 'UTF-16 text', remedy: iconv('UTF-16LE'), start: [NOT_ZERO, 0, NOT_ZERO, 0] },
  { name: 'UTF-16 text', remedy: iconv('UTF-16BE'), start: [0, NOT_ZERO, 0, NOT_ZERO] },
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
  { name: 'what looks like comma-separated values (CSV)', remedy: convertRows, start: headerLine(',') },
  { name: 'what looks like tab-separated values (TSV)', remedy: convertRows, start: headerLine('\t') },
];

/** A line with the names of columns: a name begins with a letter, digit or underscore, and may be in double quotes. */
function headerLine(separator: string): RegExp {
  return new RegExp(
    `^(?:"[^"\\n]+"|[\\p{L}\\d_][^"${separator}{}[\\]\\n]*)${separator}[^{}[\\]\\n]*\\n`,
    'u',
  );
}

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
