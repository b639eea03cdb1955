/** Opens a data page of Parquet, whose values are read some at a time. */

import { decompressPage } from 'hyparquet/src/datapage.js';
import { readRleBitPackedHybrid } from 'hyparquet/src/encoding.js';
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from 'hyparquet/src/schema.js';
import type { ColumnDecoder, DecodedArray, PageHeader } from 'hyparquet/src/types.js';
import { ByteWindow } from './byte-window.js';
import { DamagedError } from './damaged.js';
import { inflated } from './inflate.js';
import type { Read } from './parquet-pages.js';
import { assertRuns } from './parquet-runs.js';
import { type TakeValues, valuesOf } from './parquet-values.js';

/** Values, nulls among them, that are read at once. */
const VALUES_MAX = 1 << 10;
/** Pages of at most this many bytes are decompressed as a whole, which is faster. */
const WHOLE_BYTES_MAX = 1 << 22;

/** Some values of a page, without its nulls, and the levels that say where both belong. */
export interface PageChunk {
  readonly values: DecodedArray;
  readonly definition: Uint8Array | undefined;
  readonly repetition: Uint8Array | undefined;
}

/** The bytes of a page. Before version 2, the values come after the levels in one window. */
export interface PageBytes {
  readonly levels: ByteWindow;
  readonly values: ByteWindow;
}

/** A data page. */
export class Page {
  private at = 0;
  private readonly count: number;
  private readonly definition: Uint8Array | undefined;
  private readonly repetition: Uint8Array | undefined;
  private readonly definitionMax: number;
  private readonly take: TakeValues;

  /**
   * @param bytes of the page
   * @param head of the page
   */
  constructor(
    bytes: PageBytes,
    head: PageHeader,
    decoder: ColumnDecoder,
    dictionary: DecodedArray | undefined,
  ) {
    const v2 = head.data_page_header_v2;
    const details = v2 ?? head.data_page_header;
    if (details === undefined) throw new DamagedError('the head of a page is damaged');
    const { num_values: count, encoding } = details;
    this.count = count;
    this.definitionMax = getMaxDefinitionLevel(decoder.schemaPath);
    const repetitionMax = getMaxRepetitionLevel(decoder.schemaPath);
    this.repetition = levels(bytes.levels, repetitionMax, count, v2?.repetition_levels_byte_length);
    this.definition = levels(bytes.levels, this.definitionMax, count, v2?.definition_levels_byte_length);
    this.take = valuesOf(bytes.values, this.present(), encoding, decoder, dictionary);
  }

  /** True once all values were read. */
  get isRead(): boolean {
    return this.at >= this.count;
  }

  /** Reads the next values. */
  next(): PageChunk {
    const from = this.at;
    const wanted = this.present(from, from + VALUES_MAX);
    const values = wanted === 0 ? [] : this.take(wanted);
    this.at = this.endOf(values.length);
    return {
      values,
      definition: values.length < this.at - from ? this.definition?.subarray(from, this.at) : undefined,
      repetition: this.repetition?.subarray(from, this.at),
    };
  }

  /** How many of some values aren't null. */
  private present(from = 0, end = this.count): number {
    const to = Math.min(this.count, end);
    const { definition, definitionMax } = this;
    if (definition === undefined) return to - from;
    let present = 0;
    for (let i = from; i < to; i++) if (definition[i] === definitionMax) present++;
    return present;
  }

  /** Where the chunk with this number of values ends. */
  private endOf(values: number): number {
    const { at, definition, definitionMax } = this;
    if (definition === undefined) return at + values;
    let to = at;
    const end = Math.min(this.count, at + VALUES_MAX);
    for (let seen = 0; to < end; to++) if (definition[to] === definitionMax && seen++ === values) break;
    return to;
  }
}

/** Levels of a page; undefined if all are 0. @param length in bytes; undefined if it precedes them */
function levels(
  bytes: ByteWindow,
  max: number,
  count: number,
  length: number | undefined,
): Uint8Array | undefined {
  if (max === 0) {
    bytes.take(length ?? 0);
    return undefined;
  }
  const runs = bytes.take(length ?? bytes.take(4).readUInt32LE());
  const width = 32 - Math.clz32(max);
  assertRuns(runs, width, count);
  const found = new Uint8Array(count);
  const reader = { view: new DataView(runs.buffer, runs.byteOffset, runs.length), offset: 0 };
  readRleBitPackedHybrid(reader, width, found, runs.length);
  return found;
}

/**
 * The bytes of a page, decompressed as they are read if they are many.
 *
 * @param start where it begins in the file, after its head
 */
export function pageBytes(
  read: Read,
  start: number,
  head: PageHeader,
  { codec, compressors }: ColumnDecoder,
): PageBytes {
  const { compressed_page_size, uncompressed_page_size, data_page_header_v2: v2 } = head;
  const end = start + compressed_page_size;
  // In version 2, the levels before the values aren't compressed.
  const levelBytes =
    v2 === undefined ? 0 : v2.repetition_levels_byte_length + v2.definition_levels_byte_length;
  const length = uncompressed_page_size - levelBytes;
  const from = start + levelBytes;
  const isPlain = codec === 'UNCOMPRESSED' || v2?.is_compressed === false || length === 0;
  const values =
    (length > WHOLE_BYTES_MAX || isPlain
      ? inflated(read, from, end, length, isPlain ? 'UNCOMPRESSED' : codec)
      : undefined) ??
    ByteWindow.of(decompressed(new Uint8Array(read(from, end)), length, codec, compressors));
  return { levels: v2 === undefined ? values : ByteWindow.of(new Uint8Array(read(start, from))), values };
}

function decompressed(
  bytes: Uint8Array,
  length: number,
  codec: ColumnDecoder['codec'],
  compressors: ColumnDecoder['compressors'],
): Uint8Array {
  try {
    return decompressPage(bytes, length, codec, compressors);
  } catch (error) {
    throw compressors?.[codec] === undefined ? error : new DamagedError("a page can't be decompressed");
  }
}
