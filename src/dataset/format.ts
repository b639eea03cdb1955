import { type Block, BYTE, type ByteOffset, byteOffset, isSpace } from '../core/bytes.js';
import { DatasetSyntaxError } from '../core/errors.js';

/** How the conversations of a dataset are strung together: one JSON array, or a JSON text a line. */
export type DatasetFormat = 'array' | 'lines';

/** What a dataset must look like, for messages. */
export const EXPECTED_DATASET = 'a JSON array of conversations, or JSON lines with one conversation a line';

/** What the first bytes of a dataset say. */
export interface DatasetHead {
  readonly format: DatasetFormat;
  /** Where the list's elements begin: after the `[` of an array, at the `{` of the first line. */
  readonly bodyStart: ByteOffset;
}

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/**
 * Tells the format from the first byte that is neither a byte order mark nor white space.
 *
 * @param blocks the file from its start; no more of it is taken than needed
 * @throws DatasetSyntaxError when the file is blank, or begins as neither format does
 */
export function readHead(blocks: Iterable<Block>): DatasetHead {
  let end = byteOffset(0);
  let markBytes = 0;
  for (const { bytes, offset } of blocks) {
    for (const [i, byte] of bytes.entries()) {
      if (markBytes === offset + i && byte === BYTE_ORDER_MARK[markBytes]) {
        markBytes++;
        continue;
      }
      if (isSpace(byte)) continue;
      const at = byteOffset(offset + i);
      if (byte === BYTE.openBracket) return { format: 'array', bodyStart: byteOffset(at + 1) };
      if (byte === BYTE.openBrace) return { format: 'lines', bodyStart: at };
      throw new DatasetSyntaxError(at, `expected ${EXPECTED_DATASET}, found ${nameOf(byte)}`);
    }
    end = byteOffset(offset + bytes.length);
  }
  throw new DatasetSyntaxError(end, `the file is empty; expected ${EXPECTED_DATASET}`);
}

function nameOf(byte: number): string {
  const printable = byte > BYTE.space && byte < 0x7f;
  return printable ? `'${String.fromCharCode(byte)}'` : `the byte 0x${byte.toString(16).padStart(2, '0')}`;
}
