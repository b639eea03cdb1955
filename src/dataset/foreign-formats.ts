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
  /** The offset of these bytes, if it isn't 0. */
  readonly at?: number;
}

const NOT_ZERO = -1;

const iconv = (encoding: string) => (path: string) =>
  `convert it to UTF-8: iconv -f ${encoding} -t UTF-8 ${wordOf(path)} > ${wordOf(renamed(path, '.utf8.json'))}`;

/** What to do with a file that a command takes out of its container. */
const by = (act: string, command: string) => (path: string) => `${act} ${command} ${wordOf(path)}`;

const AS_RECORDS = () => 'write its records as JSON lines or Parquet';
const AS_CSV = () => 'save the sheet as CSV';

/** Zip archives name their first file right after their start. The others are in order, too. */
const ARCHIVES: readonly ForeignFormat[] = [
  {
    name: 'an Office document, such as an Excel workbook',
    remedy: AS_CSV,
    start: /^PK\p{Cc}{2}.{26}(?:\[Content_Types\]\.xml|_rels\/|docProps\/|xl\/)/su,
  },
  {
    name: 'an OpenDocument file',
    remedy: AS_CSV,
    start: /^PK\p{Cc}{2}.{26}mimetypeapplication\/vnd\.oasis/su,
  },
  {
    name: 'a file that PyTorch saved',
    remedy: AS_RECORDS,
    start: /^PK\p{Cc}{2}.{26}[^/\0]{1,200}\/(?:data\.pkl|\.format_version|byteorder)/su,
  },
  { name: 'a zip archive', remedy: by('extract the dataset:', 'unzip'), start: bytesOf('PK\x03\x04') },
  { name: 'a zip archive', remedy: by('extract the dataset:', 'unzip'), start: bytesOf('PK\x05\x06') },
  { name: 'a tar archive', remedy: by('extract the dataset:', 'tar -xf'), start: bytesOf('ustar'), at: 257 },
  { name: 'a 7z archive', remedy: by('extract the dataset:', '7z x'), start: bytesOf('7z\xbc\xaf\x27\x1c') },
  { name: 'a RAR archive', remedy: by('extract the dataset:', 'unrar x'), start: bytesOf('Rar!\x1a\x07') },
  { name: 'bzip2', remedy: by('decompress it:', 'bunzip2 -k'), start: /^BZh[1-9]1AY&SY/ },
  { name: 'xz', remedy: by('decompress it:', 'xz -dk'), start: bytesOf('\xfd7zXZ\0') },
  { name: 'LZ4', remedy: by('decompress it:', 'lz4 -d'), start: [0x04, 0x22, 0x4d, 0x18] },
];

const YAML = /^(?:%YAML |---\s*\n|-\s+["']?[\w-]+["']?:\s|[\w-]+:(?: .*)?\n\s*(?:- |[\w-]+:(?:\s|$)))/;

/** Without a byte order mark, JSON's first character is ASCII. */
const FOREIGN_FORMATS: readonly ForeignFormat[] = [
  ...ARCHIVES,
  {
    name: 'an SQLite database',
    remedy: (path) => `export the table: sqlite3 -json ${wordOf(path)} 'SELECT * FROM …'`,
    start: bytesOf('SQLite format 3\0'),
  },
  { name: 'HDF5', remedy: AS_RECORDS, start: bytesOf('\x89HDF\r\n\x1a\n') },
  { name: 'Avro', remedy: AS_RECORDS, start: bytesOf('Obj\x01') },
  { name: 'ORC', remedy: AS_RECORDS, start: /^ORC\p{Cc}/u },
  { name: "an array of NumPy's", remedy: AS_RECORDS, start: bytesOf('\x93NUMPY') },
  { name: 'a pickle of Python', remedy: AS_RECORDS, start: /^\x80\p{Cc}/u },
  { name: 'a PDF document', remedy: AS_RECORDS, start: bytesOf('%PDF-') },
  {
    name: 'YAML',
    remedy: (path) => `convert it: yq -o json ${wordOf(path)} > ${wordOf(renamed(path, '.json'))}`,
    start: YAML,
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
  { name: 'UTF-32 text', remedy: iconv('UTF-32LE'), start: [NOT_ZERO, 0, 0, 0, NOT_ZERO, 0, 0, 0] },
  { name: 'UTF-32 text', remedy: iconv('UTF-32BE'), start: [0, 0, 0, NOT_ZERO, 0, 0, 0, NOT_ZERO] },
  {
    name: 'a pointer that Git LFS left in place of the file',
    remedy: () => 'download the file: git lfs pull',
    start: /^version https:\/\/git-lfs\.github\.com\/spec\//,
  },
  {
    name: 'a web page, not the file',
    remedy: () => "download the file with the site's download link",
    start: /^(?:<!--.*?-->\s*)*<(?:!doctype html|html|head)\b/is,
  },
  { name: 'XML', remedy: AS_RECORDS, start: /^<\?xml\b/ },
];

function bytesOf(latin1: string): readonly number[] {
  return [...Buffer.from(latin1, 'latin1')];
}

/**
 * Names the other format of a file, and how to convert it.
 *
 * @param head the first bytes of the file
 * @returns undefined if the format is unknown
 */
export function foreignFormatOf(head: Uint8Array, path: string): string | undefined {
  const text = Buffer.from(head.subarray(0, FOREIGN_HEAD_BYTES)).toString('latin1').replace(BLANKS, '');
  const format = FOREIGN_FORMATS.find(({ start, at = 0 }) =>
    start instanceof RegExp ? start.test(text) : beginsWith(head.subarray(at), start),
  );
  return format && `found ${format.name}; ${format.remedy(path)}`;
}

/** White space and a byte order mark in UTF-8, a character for each byte. */
const BLANKS = /^(?:\s|\xef\xbb\xbf)+/;

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
