/** The kinds of files that datasets come in. To serve another kind, add a source. */

import { type Block, BYTE, type ByteOffset, byteOffset, isSpace } from '../core/bytes.js';
import { DatasetSyntaxError } from '../core/errors.js';
import type { DatasetFile, FileIdentity } from './file.js';

/** One kind of file. */
interface Source {
  /** @param head how the file begins, behind a byte order mark and white space; a byte at least */
  recognizes(head: Uint8Array): boolean;
  /**
   * The file that records are read from, at any offset: the file itself, or what this one was written to as JSON.
   *
   * @param start where the head stands
   */
  open(file: FileIdentity, start: ByteOffset): DatasetFile;
}

/** What a dataset must look like, for messages. */
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

/** The first that recognizes a file opens it. */
const SOURCES: readonly Source[] = [jsonArray, jsonLines];

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/**
 * Opens a file by the source that recognizes it.
 *
 * @param blocks the file from its start; no more of it is taken than needed
 * @throws DatasetSyntaxError when the file is blank, or begins as none does that can be served
 */
export function openBySource(file: FileIdentity, blocks: Iterable<Block>): DatasetFile {
  let end = byteOffset(0);
  let markBytes = 0;
  for (const { bytes, offset } of blocks) {
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
      throw new DatasetSyntaxError(start, `expected ${EXPECTED_DATASET}, found ${nameOf(byte)}`);
    }
    end = byteOffset(offset + bytes.length);
  }
  throw new DatasetSyntaxError(end, `the file is empty; expected ${EXPECTED_DATASET}`);
}

function nameOf(byte: number): string {
  const printable = byte > BYTE.space && byte < 0x7f;
  return printable ? `'${String.fromCharCode(byte)}'` : `the byte 0x${byte.toString(16).padStart(2, '0')}`;
}
