/**
 * Validates Parquet's footer and the heads of its pages before hyparquet reads them: it reads without end what a damaged one says.
 *
 *     | head | levels and values | head | …
 *
 * A head is a struct of Thrift's compact protocol.
 */

import type { ColumnMetaData } from 'hyparquet';
import { TABLE_BUFFER_BYTES_MAX } from '../core/limits.js';
import { DamagedError } from './damaged.js';

/** Reads bytes of the file, fewer if it ends before. */
export type Read = (start: number, end: number) => ArrayBuffer;

/** Longer heads are read again: they may have statistics. */
const HEAD_BYTES = 512;

const PAGE = { data: 0, dictionary: 2, dataV2: 3 } as const;

/** The fields that a head must have, by number, and those of the struct in it that its kind of page must have. */
const SIZES = { kind: 1, decompressed: 2, compressed: 3 } as const;
const DETAILS: Readonly<Record<number, { readonly field: number; readonly needs: readonly number[] }>> = {
  [PAGE.data]: { field: 5, needs: [1, 2, 3, 4] },
  [PAGE.dictionary]: { field: 7, needs: [1, 2] },
  [PAGE.dataV2]: { field: 8, needs: [1, 2, 3, 4, 5, 6] },
};
const LEVELS = { definition: 5, repetition: 6 } as const;

/**
 * Validates the form of a footer.
 *
 * @throws DamagedError if it is damaged
 */
export function assertFooter(footer: Buffer): void {
  try {
    new Compact(footer).struct();
  } catch {
    throw new DamagedError('its footer is damaged');
  }
}

/**
 * Validates the heads of the pages of a column.
 *
 * @throws DamagedError if one is damaged
 */
export function assertPages(read: Read, column: ColumnMetaData): void {
  const { dictionary_page_offset, data_page_offset, total_compressed_size, num_values } = column;
  const first = Number(dictionary_page_offset || data_page_offset);
  const end = first + Number(total_compressed_size);
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(end) || first < 0) {
    throw new DamagedError('a column has no place');
  }
  for (let at = first; at < end; ) {
    const { head, length } = readHead(read, at, end, (bytes) => {
      const compact = new Compact(bytes);
      return { head: compact.struct(), length: compact.at };
    });
    const size = numberIn(head, SIZES.compressed);
    at += length + size;
    if (Math.max(size, numberIn(head, SIZES.decompressed)) > TABLE_BUFFER_BYTES_MAX) {
      throw new DamagedError(`a page has more than ${TABLE_BUFFER_BYTES_MAX} bytes`);
    }
    if (at > end) throw new DamagedError('a page is longer than its column');
    const kind = numberIn(head, SIZES.kind);
    const details = DETAILS[kind];
    if (details === undefined) continue;
    const struct = head.get(details.field);
    if (!(struct instanceof Map)) throw new DamagedError('the head of a page is damaged');
    const [values = 0] = details.needs.map((field) => numberIn(struct, field));
    const levels =
      kind === PAGE.dataV2 ? numberIn(struct, LEVELS.definition) + numberIn(struct, LEVELS.repetition) : 0;
    if (values > num_values || levels > size) throw new DamagedError('the head of a page is damaged');
  }
}

/**
 * Reads the head of a page.
 *
 * @param at where the page begins
 * @param end where its column ends
 * @param parse reads a head at the start of the bytes; what it throws if they are too few is tried again with more
 */
export function readHead<T>(read: Read, at: number, end: number, parse: (bytes: Buffer) => T): T {
  for (let size = HEAD_BYTES; ; size *= 16) {
    const to = Math.min(end, at + size);
    try {
      return parse(Buffer.from(read(at, to)));
    } catch (error) {
      if (to < end) continue;
      throw error instanceof RangeError ? new DamagedError('the head of a page is damaged') : error;
    }
  }
}

function numberIn(struct: Struct, field: number): number {
  const value = struct.get(field);
  if (typeof value === 'number' && value >= 0) return value;
  throw new DamagedError('the head of a page is damaged');
}

type Struct = Map<number, number | Struct | undefined>;

const TYPE = {
  true: 1,
  false: 2,
  byte: 3,
  short: 4,
  int: 5,
  long: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12,
} as const;

/** Reads Thrift's compact protocol: numbers and structs, past the rest. Reading after the end throws a RangeError. */
class Compact {
  at = 0;
  private readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  struct(): Struct {
    const fields: Struct = new Map();
    let field = 0;
    for (;;) {
      const byte = this.byte();
      if (byte === 0) return fields;
      const delta = byte >> 4;
      field = delta === 0 ? this.zigzag() : field + delta;
      fields.set(field, this.value(byte & 0x0f));
    }
  }

  private value(type: number): number | Struct | undefined {
    switch (type) {
      case TYPE.true:
      case TYPE.false:
        return undefined;
      case TYPE.byte:
        return this.byte();
      case TYPE.short:
      case TYPE.int:
      case TYPE.long:
        return this.zigzag();
      case TYPE.double:
        return this.skip(8);
      case TYPE.binary:
        return this.skip(this.varint());
      case TYPE.list:
      case TYPE.set:
        return this.list();
      case TYPE.map:
        return this.map();
      case TYPE.struct:
        return this.struct();
      default:
        throw new DamagedError('the head of a page is damaged');
    }
  }

  private list(): undefined {
    const head = this.byte();
    const size = head >> 4 === 15 ? this.varint() : head >> 4;
    for (let i = 0; i < size; i++) this.element(head & 0x0f);
  }

  private map(): undefined {
    const size = this.varint();
    const types = size > 0 ? this.byte() : 0;
    for (let i = 0; i < size; i++) {
      this.element(types >> 4);
      this.element(types & 0x0f);
    }
  }

  /** In a list and a map, truth has a byte of its own. */
  private element(type: number): void {
    if (type === TYPE.true || type === TYPE.false) this.byte();
    else this.value(type);
  }

  private byte(): number {
    return this.bytes.readUInt8(this.at++);
  }

  private varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 128) return value;
    }
  }

  private zigzag(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  private skip(bytes: number): undefined {
    if (this.at + bytes > this.bytes.length) throw new DamagedError('the head of a page is cut off');
    this.at += bytes;
    return undefined;
  }
}
