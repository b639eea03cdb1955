/** The kinds of files that hold datasets. To serve another kind, add a source. */

import { type Block, BYTE, type ByteOffset, byteOffset, isSpace } from '../core/bytes.js';
import { DatasetError } from './dataset-error.js';
import type { DatasetFile, FileIdentity } from './file.js';
import { foreignFormatOf } from './foreign-formats.js';

/** One kind of file. */
interface Source {
  /** @param head the start of the file, after a byte order mark and white space; at least one byte */
  recognizes(head: Uint8Array): boolean;
  /**
   * Opens the file that records are read from, at any offset. A kind of file that can't be read like this must be converted to one that
   * can.
   *
   * @param start the offset of the head
   */
  open(file: FileIdentity, start: ByteOffset): DatasetFile;
}

/** What a dataset must be, for messages. */
export const EXPECTED_DATASET = 'a JSON array of conversations, or JSON lines with one conversation a line';

const jsonArray: Source = {
  recognizes: ([first]) => first === BYTE.openBracket,
  open: (file, start) => ({
    file,
    format: 'array',
    body: { start: byteOffset(start + 1), end: byteOffset(file.size) },
  }),
};

const jsonLines: Source = {
  recognizes: ([first]) => first === BYTE.openBrace,
  open: (file, start) => ({ file, format: 'lines', body: { start, end: byteOffset(file.size) } }),
};

/** The first source that recognizes a file opens it. */
const SOURCES: readonly Source[] = [jsonArray, jsonLines];

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/**
 * Opens a file with the source that recognizes it.
 *
 * @param blocks the file from its start; only the blocks needed are read
 * @throws DatasetError when the file is blank, or has another format
 */
export function openBySource(file: FileIdentity, blocks: Iterable<Block>): DatasetFile {
  let markBytes = 0;
  for (const { bytes, offset } of blocks) {
    const foreign = offset === 0 ? foreignFormatOf(bytes, file.path) : undefined;
    if (foreign !== undefined) throw new DatasetError(file.path, foreign);
    for (const [i, byte] of bytes.entries()) {
      if (markBytes === offset + i && byte === BYTE_ORDER_MARK[markBytes]) {
        markBytes++;
        continue;
      }
      if (isSpace(byte)) continue;
      const head = bytes.subarray(i);
      const start = byteOffset(offset + i);
      const source = SOURCES.find((each) => each.recognizes(head));
      if (source !== undefined) return source.open(file, start);
      const scalar = start + head.length === file.size ? scalarIn(head) : undefined;
      const found = scalar === undefined ? `found ${nameOf(byte)} at its start` : `valid JSON, but ${scalar}`;
      throw new DatasetError(file.path, `${found}; expected ${EXPECTED_DATASET}`);
    }
  }
  throw new DatasetError(file.path, `the file is empty; expected ${EXPECTED_DATASET}`);
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
