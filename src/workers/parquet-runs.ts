/**
 * Validates the runs of numbers in Parquet's pages before hyparquet reads them: it writes as many numbers as a damaged run says.
 *
 * https://parquet.apache.org/docs/file-format/data-pages/encodings/
 */

import { getMaxDefinitionLevel, getMaxRepetitionLevel } from 'hyparquet/src/schema.js';
import type { ColumnDecoder, PageHeader } from 'hyparquet/src/types.js';

/** The bytes before runs that say how long they are. */
const LENGTH_BYTES = 4;

/**
 * Validates a data page.
 *
 * @param page decompressed; before it, in version 2, the levels, which are never compressed
 * @throws RangeError if it is damaged
 */
export function assertRuns(page: Uint8Array, head: PageHeader, { schemaPath, type }: ColumnDecoder): void {
  const widths = [getMaxRepetitionLevel(schemaPath), getMaxDefinitionLevel(schemaPath)].map(bitsOf);
  const v2 = head.data_page_header_v2;
  const { num_values: count = 0, encoding = 'PLAIN' } = v2 ?? head.data_page_header ?? {};
  const runs = new Runs(page, count);
  const lengths = v2 && [v2.repetition_levels_byte_length, v2.definition_levels_byte_length];
  for (const [i, width] of widths.entries()) {
    if (width > 0) runs.pass(width, lengths?.[i]);
  }
  if (lengths !== undefined) runs.at = lengths.reduce((sum, length) => sum + length, 0);
  if (encoding === 'RLE_DICTIONARY' || encoding === 'PLAIN_DICTIONARY') {
    const width = page[runs.at++] ?? 0;
    if (width > 32) throw new RangeError('a page has numbers of too many bits');
    if (width > 0) runs.pass(width, page.length - runs.at);
  } else if (encoding === 'RLE' && type === 'BOOLEAN') {
    runs.pass(1, v2 && page.length - runs.at);
  }
}

function bitsOf(level: number): number {
  return 32 - Math.clz32(level);
}

class Runs {
  at = 0;
  private readonly bytes: DataView;
  private readonly count: number;

  /** @param count how many numbers there are at most */
  constructor({ buffer, byteOffset, length }: Uint8Array, count: number) {
    this.bytes = new DataView(buffer, byteOffset, length);
    this.count = count;
  }

  /** Passes over runs of numbers of `width` bits. @param length in bytes; undefined if it precedes them */
  pass(width: number, length = this.length()): void {
    const end = this.at + length;
    if (end > this.bytes.byteLength) throw new RangeError('a page is shorter than its runs');
    for (let seen = 0; seen < this.count && this.at < end; ) {
      const head = this.varint();
      if ((head & 1) === 0) {
        const run = head >>> 1;
        if (run > this.count - seen) throw new RangeError('a run has more numbers than its page');
        seen += run;
        this.at += (width + 7) >> 3;
      } else {
        const groups = head >>> 1;
        // Writers fill the last run up: to a group of eight, or to 63 groups.
        if (groups * 8 > this.count - seen + 8 * 64)
          throw new RangeError('a run has more numbers than its page');
        seen += groups * 8;
        this.at += groups * width;
      }
    }
    this.at = end;
  }

  private length(): number {
    const length = this.bytes.getUint32(this.at, true);
    this.at += LENGTH_BYTES;
    return length;
  }

  private varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes.getUint8(this.at++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new RangeError('a run is damaged');
  }
}
