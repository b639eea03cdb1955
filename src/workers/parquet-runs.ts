/**
 * Validates the runs of numbers in Parquet's pages before hyparquet reads them: it writes as many numbers as a damaged run says.
 *
 * https://parquet.apache.org/docs/file-format/data-pages/encodings/
 */

import { DamagedError } from './damaged.js';

/**
 * Validates runs of numbers.
 *
 * @param bytes the runs
 * @param width the bits of a number
 * @param count how many numbers there are at most
 * @throws DamagedError if they are damaged
 */
export function assertRuns(bytes: Uint8Array, width: number, count: number): void {
  new Runs(bytes, count).pass(width);
}

/**
 * Validates the head of numbers that are encoded as differences.
 *
 * @throws DamagedError if it is damaged
 */
export function assertDeltas({ buffer, byteOffset, byteLength }: DataView): void {
  const numbers = new Runs(new Uint8Array(buffer, byteOffset, byteLength), 0);
  const [block, parts] = [numbers.varint(), numbers.varint()];
  if (parts === 0 || block === 0 || block % (32 * parts) !== 0) {
    throw new DamagedError('differences have blocks of the wrong length');
  }
}

class Runs {
  private at = 0;
  private readonly bytes: DataView;
  private readonly count: number;

  /** @param count how many numbers there are at most */
  constructor({ buffer, byteOffset, length }: Uint8Array, count: number) {
    this.bytes = new DataView(buffer, byteOffset, length);
    this.count = count;
  }

  /** Passes over runs of numbers of `width` bits. */
  pass(width: number): void {
    const end = this.bytes.byteLength;
    for (let seen = 0; seen < this.count && this.at < end; ) {
      const head = this.varint();
      if ((head & 1) === 0) {
        const run = head >>> 1;
        if (run > this.count - seen) throw new DamagedError('a run has more numbers than its page');
        seen += run;
        this.at += (width + 7) >> 3;
      } else {
        const groups = head >>> 1;
        // Writers fill the last run up: to a group of eight, or to 63 groups.
        if (groups * 8 > this.count - seen + 8 * 64)
          throw new DamagedError('a run has more numbers than its page');
        seen += groups * 8;
        this.at += groups * width;
      }
    }
    if (this.at > end) throw new DamagedError('a page is shorter than its runs');
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes.getUint8(this.at++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new DamagedError('a run is damaged');
  }
}
