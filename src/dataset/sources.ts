/** The kinds of files that hold datasets. To read another kind, add a source. */

import { type Block, BYTE, type ByteOffset, byteOffset, isSpace } from '../core/bytes.js';
import { parseConversation } from '../core/conversation.js';
import { FOREIGN_HEAD_BYTES } from '../core/limits.js';
import { parsePythonJson } from '../core/python-json.js';
import { DatasetError, EXPECTED_DATASET } from './dataset-error.js';
import { type DatasetFile, type FileIdentity, readBlocks, withFile } from './file.js';
import { foreignFormatOf } from './foreign-formats.js';
import { isServedAsIs } from './sample.js';
import { rowsIn, type Separator } from './separated.js';
import type { ShapeOptions } from './shapes/shape.js';

/** How a file's bytes are packed: compressed, or encoded otherwise than in UTF-8. */
export type Packing = 'gzip' | 'zstd' | 'brotli' | 'utf-16le' | 'utf-16be';

/** Rows and columns in groups, each of which can be read alone. Only `arrow` has a list of them, at its end; `arrow-stream` has none. */
type TableFormat = 'parquet' | 'arrow' | 'arrow-stream';

/** A table in a file, from a byte to the file's end. */
export interface TableFile {
  readonly file: FileIdentity;
  readonly table: TableFormat;
  readonly start: ByteOffset;
}

/** What a file is, by its first bytes. */
export type RecognizedFile =
  /** One list of records, which can be read at any offset. */
  | (DatasetFile & { readonly kind: 'list'; readonly isServedAsIs: boolean })
  /** JSON objects on any number of lines: records, or objects that hold lists of records. */
  | { readonly kind: 'objects'; readonly file: FileIdentity; readonly start: ByteOffset }
  /** Another file, packed. */
  | { readonly kind: 'packed'; readonly file: FileIdentity; readonly packing: Packing }
  | {
      readonly kind: 'separated';
      readonly file: FileIdentity;
      readonly separator: Separator;
      /** Where its header line begins. */
      readonly start: ByteOffset;
    }
  | (TableFile & { readonly kind: 'table' });

/** What a dataset is. */
export type Recognized =
  | RecognizedFile
  /** Several files whose records make conversations together; `file` is the identity of all of them. */
  | { readonly kind: 'joined'; readonly file: FileIdentity; readonly files: readonly RecognizedFile[] };

/** What a file is called in reports. */
export function containerOf(recognized: Recognized): string {
  switch (recognized.kind) {
    case 'list':
      return recognized.format === 'array' ? 'JSON array' : 'JSON lines';
    case 'objects':
      return 'JSON objects';
    case 'packed':
      return PACKING_NAMES[recognized.packing];
    case 'separated':
      return recognized.separator === '\t' ? 'TSV' : 'CSV';
    case 'table':
      return TABLE_NAMES[recognized.table];
    case 'joined':
      return [...new Set(recognized.files.map(containerOf))].join(' and ');
  }
}

const PACKING_NAMES: Readonly<Record<Packing, string>> = {
  gzip: 'gzip',
  zstd: 'Zstandard',
  brotli: 'Brotli',
  'utf-16le': 'UTF-16',
  'utf-16be': 'UTF-16',
};

const TABLE_NAMES: Readonly<Record<TableFormat, string>> = {
  parquet: 'Parquet',
  arrow: 'Arrow',
  'arrow-stream': 'Arrow stream',
};

/** One kind of file. */
interface Source {
  /**
   * @param head the start of the file, after a byte order mark and white space; at least one byte
   * @param path the file's path, for kinds of files that have no signature
   */
  recognizes(head: Uint8Array, path: string): boolean;
  /** @param start the offset of the head */
  open(file: FileIdentity, start: ByteOffset, head: Uint8Array, shapes: ShapeOptions): RecognizedFile;
}

const jsonArray: Source = {
  recognizes: ([first]) => first === BYTE.openBracket,
  open: (file, start, head, shapes) =>
    hasWholeFirstLine(head, start, file)
      ? lines(file, start, head, shapes)
      : {
          kind: 'list',
          file,
          format: 'array',
          body: { start: byteOffset(start + 1), end: byteOffset(file.size) },
          isServedAsIs: isServedAsIs(head.subarray(1), start + head.length === file.size, 'array', shapes),
        },
};

const jsonObjects: Source = {
  recognizes: ([first]) => first === BYTE.openBrace,
  open: (file, start, head, shapes) =>
    hasWholeFirstLine(head, start, file) || isOneConversation(head, start, file)
      ? lines(file, start, head, shapes)
      : { kind: 'objects', file, start },
};

function lines(
  file: FileIdentity,
  start: ByteOffset,
  head: Uint8Array,
  shapes: ShapeOptions,
): RecognizedFile {
  return {
    kind: 'list',
    file,
    format: 'lines',
    body: { start, end: byteOffset(file.size) },
    isServedAsIs: isServedAsIs(head, start + head.length === file.size, 'lines', shapes),
  };
}

function packed(packing: Packing, recognizes: Source['recognizes']): Source {
  return { recognizes, open: (file) => ({ kind: 'packed', file, packing }) };
}

const isGzip: Source['recognizes'] = (head) => head[0] === 0x1f && head[1] === 0x8b;
const isZstd: Source['recognizes'] = (head) => startsWith(head, '\x28\xb5\x2f\xfd');
const isBrotli: Source['recognizes'] = (_head, path) => path.endsWith('.br');

/** How a file is packed, if it is, by its first bytes and its path. */
export function packingOf(head: Uint8Array, path: string): Packing | undefined {
  if (isGzip(head, path)) return 'gzip';
  if (isZstd(head, path)) return 'zstd';
  return isBrotli(head, path) ? 'brotli' : encodingOf(head);
}

const parquet: Source = {
  recognizes: (head) => startsWith(head, 'PAR1'),
  open: (file, start) => ({ kind: 'table', file, table: 'parquet', start }),
};

const arrow: Source = {
  recognizes: (head) => startsWith(head, 'ARROW1'),
  open: (file, start) => ({ kind: 'table', file, table: 'arrow', start }),
};

/** A stream begins with the length of its first message, which describes the columns. */
const arrowStream: Source = {
  recognizes: (head) =>
    head.length >= 8 &&
    head.subarray(0, 4).every((byte) => byte === 0xff) &&
    head.subarray(4, 7).some((byte) => byte !== 0) &&
    head[7] === 0,
  open: (file, start) => ({ kind: 'table', file, table: 'arrow-stream', start }),
};

/** UTF-16, if a file has its byte order mark, or JSON with a zero in every other byte. */
function encodingOf(head: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  const text = Buffer.from(head.subarray(0, FOREIGN_HEAD_BYTES)).toString('latin1');
  if (/^\xff\xfe|^(?:[ \t\r\n]\0)*[[{]\0/.test(text)) return 'utf-16le';
  return /^\xfe\xff|^(?:\0[ \t\r\n])*\0[[{]/.test(text) ? 'utf-16be' : undefined;
}

/** The first source that recognizes a file opens it. If none does, it may be CSV or TSV. */
const SOURCES: readonly Source[] = [
  packed('gzip', isGzip),
  packed('zstd', isZstd),
  parquet,
  arrow,
  arrowStream,
  packed('brotli', isBrotli),
  jsonArray,
  jsonObjects,
];

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/**
 * Recognizes a file.
 *
 * @param shapes how its records are read
 * @param start where its content begins
 * @param path the dataset's path, for messages
 * @throws DatasetError when the file is blank, or of no known kind; what reading throws
 */
export function recognizeFile(
  file: FileIdentity,
  shapes: ShapeOptions,
  start = 0,
  path = file.path,
): RecognizedFile {
  return withFile(file, (fd) => {
    const range = { start: byteOffset(start), end: byteOffset(Math.max(start, file.size)) };
    return recognize(file, shapes, start, readBlocks(fd, range), path);
  });
}

function recognize(
  file: FileIdentity,
  shapes: ShapeOptions,
  from: number,
  blocks: Iterable<Block>,
  path: string,
): RecognizedFile {
  let marksEnd = from;
  for (const { bytes, offset } of blocks) {
    if (offset === from) {
      const foreign = foreignFormatOf(bytes, path);
      if (foreign !== undefined) throw new DatasetError(path, foreign);
      const encoding = encodingOf(bytes);
      if (encoding !== undefined) return { kind: 'packed', file, packing: encoding };
    }
    for (const [i, byte] of bytes.entries()) {
      const at = offset + i;
      if (at === marksEnd && BYTE_ORDER_MARK.every((each, k) => bytes[i + k] === each)) {
        marksEnd += BYTE_ORDER_MARK.length;
      }
      if (at < marksEnd || isSpace(byte)) continue;
      const head = bytes.subarray(i);
      const start = byteOffset(offset + i);
      const source = SOURCES.find((each) => each.recognizes(head, file.path));
      if (source !== undefined) return source.open(file, start, head, shapes);
      // Tabs before a name are columns without one.
      const tabs = countTabsBefore(bytes, i);
      const rows = rowsIn(bytes.subarray(i - tabs));
      if (rows !== undefined) {
        const { separator, headerAt } = rows;
        return { kind: 'separated', file, separator, start: byteOffset(start - tabs + headerAt) };
      }
      const scalar = start + head.length === file.size ? scalarIn(head) : undefined;
      const found = scalar === undefined ? `found ${nameOf(byte)} at its start` : `valid JSON, but ${scalar}`;
      throw new DatasetError(path, `${found}; expected ${EXPECTED_DATASET}`);
    }
  }
  throw new DatasetError(path, `the file is empty; expected ${EXPECTED_DATASET}`);
}

function countTabsBefore(bytes: Uint8Array, at: number): number {
  let from = at;
  while (bytes[from - 1] === BYTE.tab) from--;
  return at - from;
}

/** What can follow a bracket within a JSON value. */
const GOES_ON: ReadonlySet<number> = new Set([BYTE.comma, BYTE.closeBrace, BYTE.closeBracket]);

/**
 * True if the first line ends with the bracket that it needs, and another line follows that doesn't go on with the same value: JSON lines,
 * then. Whether the line is valid doesn't matter: the walk finds out, and says where it isn't. A first line that is longer than a block is
 * taken for the beginning of something else.
 */
function hasWholeFirstLine(head: Uint8Array, start: ByteOffset, file: FileIdentity): boolean {
  const lineEnd = head.indexOf(BYTE.lineFeed);
  if (lineEnd < 0) return false;
  const isAll = start + head.length === file.size;
  const next = head.subarray(lineEnd).find((byte) => !isSpace(byte));
  if (next === undefined ? isAll : GOES_ON.has(next)) return false;
  const line = Buffer.from(head.subarray(0, lineEnd)).toString('latin1').trimEnd();
  return head[0] === BYTE.openBrace ? line.endsWith('}') : line.length > 1 && line.endsWith(']');
}

/** True if the whole file is one conversation on one line: JSON lines, with one line. */
function isOneConversation(head: Uint8Array, start: ByteOffset, file: FileIdentity): boolean {
  if (start + head.length !== file.size) return false;
  const text = Buffer.from(head).toString().trimEnd();
  return !text.includes('\n') && parseConversation(parsePythonJson(text)) !== undefined;
}

function startsWith(head: Uint8Array, text: string): boolean {
  return Buffer.from(head.subarray(0, text.length)).equals(Buffer.from(text, 'latin1'));
}

/** The content of a file that is a single JSON value other than an array or an object. */
function scalarIn(bytes: Uint8Array): string | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString());
    return value === null || typeof value === 'boolean' ? `only ${value}` : `only a ${typeof value}`;
  } catch {
    return undefined;
  }
}

function nameOf(byte: number): string {
  const printable = byte > BYTE.space && byte < 0x7f;
  return printable ? `'${String.fromCharCode(byte)}'` : `the byte 0x${byte.toString(16).padStart(2, '0')}`;
}
