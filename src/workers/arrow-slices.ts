/** Reads a large batch of Arrow some rows at a time: its buffers are read side by side, each from its start to its end. */

import { type Batch, batchType, CompressionType, type DataType, type Field, Type } from '@uwdata/flechette';
import { SHARD_BYTES } from '../core/limits.js';
import { readFully } from '../dataset/file.js';
import { type BatchLayout, batchLayout, type Span } from './arrow-layout.js';
import { ByteWindow } from './byte-window.js';
import { DamagedError } from './damaged.js';
import { fileSource, lz4FrameSource, zstdSource } from './inflate.js';

/** The types of values: those that hyparquet has for Parquet. */
export const EXTRACTION = { useBigInt: true, useDate: true, useMap: true } as const;

/** Bytes of rows that are put together at once, on average, and how many rows they are at most. */
const SLICE_BYTES = 1 << 21;
const SLICE_ROWS_MAX = 1 << 12;
/** Before a compressed buffer, its length; or this, if it isn't compressed. */
const LENGTH_BYTES = 8;
const STORED = -1n;

/** The next values of a column. */
type Slicer = (count: number) => Batch<unknown>;

/** Types with a value of a fixed size, by which it is counted. */
const FIXED: ReadonlySet<number> = new Set([
  Type.Int,
  Type.Float,
  Type.Date,
  Type.Time,
  Type.Timestamp,
  Type.Duration,
]);

/**
 * The rows of a large batch; undefined if the batch is small, or has a column of a type that can only be read as a whole.
 *
 * @param fd the open file
 * @param fields its columns
 */
export function slicesOf(fd: number, span: Span, fields: readonly Field[]): Iterable<object> | undefined {
  const layout = batchLayout(fd, span);
  const isSmall = layout.codec === undefined && span.end - span.start <= SHARD_BYTES;
  if (isSmall || layout.rows === 0 || !fields.every(({ type }) => canSlice(type))) return undefined;
  const buffers = new Buffers(fd, layout);
  if (buffers.bytes <= SHARD_BYTES) return undefined;
  return rowsOf(buffers, layout.rows, fields);
}

function* rowsOf(buffers: Buffers, rows: number, fields: readonly Field[]): Generator<object> {
  const columns = fields.map(({ name, type }) => ({ name, take: slicerOf(type, buffers) }));
  const size = Math.min(SLICE_ROWS_MAX, Math.max(1, Math.floor((SLICE_BYTES * rows) / buffers.bytes)));
  for (let row = 0; row < rows; row += size) {
    const count = Math.min(size, rows - row);
    const slices = columns.map(({ name, take }) => ({ name, values: take(count) }));
    for (let i = 0; i < count; i++) {
      yield Object.fromEntries(slices.map(({ name, values }) => [name, values.at(i)]));
    }
  }
}

/** The buffers of a batch, in order. */
class Buffers {
  /** Of all buffers, decompressed. */
  readonly bytes: number;
  private readonly windows: IterableIterator<ByteWindow>;
  private readonly nulls: IterableIterator<number>;

  constructor(fd: number, { buffers, codec, nulls }: BatchLayout) {
    const windows = buffers.map((span) => windowOf(fd, span, codec));
    this.bytes = windows.reduce((sum, { left }) => sum + left, 0);
    this.windows = windows.values();
    this.nulls = nulls.values();
  }

  next(): ByteWindow {
    const { value } = this.windows.next();
    if (value === undefined) throw new DamagedError('a batch lacks a buffer');
    return value;
  }

  /** How many nulls the next column has. */
  nextNulls(): number {
    return this.nulls.next().value ?? 0;
  }
}

function windowOf(fd: number, { start, end }: Span, codec: number | undefined): ByteWindow {
  const read = (from: number, to: number) => {
    const bytes = new Uint8Array(to - from);
    readFully(fd, bytes, from);
    return bytes.buffer;
  };
  if (codec === undefined || end === start) return new ByteWindow(end - start, fileSource(read, start, end));
  const from = start + LENGTH_BYTES;
  const length = Buffer.from(read(start, Math.min(end, from))).readBigInt64LE();
  const input = new ByteWindow(end - from, fileSource(read, from, end));
  if (length === STORED) return input;
  if (length < 0n) throw new DamagedError(`a compressed buffer says that it holds ${length} bytes`);
  return codec === CompressionType.ZSTD
    ? new ByteWindow(Number(length), zstdSource(input))
    : new ByteWindow(Number(length), lz4FrameSource(input), true);
}

function canSlice(type: DataType): boolean {
  const children = childrenOf(type);
  switch (type.typeId) {
    case Type.Null:
    case Type.Bool:
    case Type.Utf8:
    case Type.LargeUtf8:
    case Type.Binary:
    case Type.LargeBinary:
      return true;
    case Type.List:
    case Type.LargeList:
    case Type.Map:
    case Type.Struct:
      return children.every((child) => canSlice(child.type));
    default:
      return FIXED.has(type.typeId);
  }
}

function childrenOf(type: DataType): readonly Field[] {
  return 'children' in type && type.children ? type.children : [];
}

function slicerOf(type: DataType, buffers: Buffers): Slicer {
  const nullCount = buffers.nextNulls();
  const Values = batchType(type, EXTRACTION);
  const batch = (length: number, parts: object): Batch<unknown> =>
    new Values({ type, length, nullCount, ...parts } as never);
  if (type.typeId === Type.Null) return (count) => batch(count, { nullCount: count });
  const bits = bitsOf(buffers.next());
  const validity = (count: number) => (nullCount === 0 ? undefined : bits(count));
  switch (type.typeId) {
    case Type.Bool: {
      const values = bitsOf(buffers.next());
      return (count) => batch(count, { validity: validity(count), values: values(count) });
    }
    case Type.Struct: {
      const children = childrenOf(type).map((child) => slicerOf(child.type, buffers));
      return (count) =>
        batch(count, { validity: validity(count), children: children.map((take) => take(count)) });
    }
    case Type.Utf8:
    case Type.LargeUtf8:
    case Type.Binary:
    case Type.LargeBinary: {
      const offsets = offsetsOf(buffers.next(), type.offsets);
      const window = buffers.next();
      const values = (length: number) => new Uint8Array(window.take(length));
      return (count) => {
        const found = offsets(count, values);
        return batch(count, {
          validity: validity(count),
          offsets: found.offsets,
          values: values(found.length),
        });
      };
    }
    case Type.List:
    case Type.LargeList:
    case Type.Map: {
      const offsets = offsetsOf(buffers.next(), type.offsets);
      const take = slicerOf((childrenOf(type)[0] as Field).type, buffers);
      return (count) => {
        const found = offsets(count, take);
        return batch(count, {
          validity: validity(count),
          offsets: found.offsets,
          children: [take(found.length)],
        });
      };
    }
    default: {
      const window = buffers.next();
      const { values: Numbers } = type as DataType & { values: Int32ArrayConstructor };
      return (count) => {
        const bytes = new Uint8Array(window.take(count * Numbers.BYTES_PER_ELEMENT));
        return batch(count, { validity: validity(count), values: new Numbers(bytes.buffer, 0, count) });
      };
    }
  }
}

/** The next bits of a bitmap. It is in memory as a whole: it is short. */
function bitsOf(window: ByteWindow): (count: number) => Uint8Array {
  let all: Buffer | undefined;
  let at = 0;
  return (count) => {
    all ??= window.take(window.left);
    if (at + count > 8 * all.length) throw new DamagedError('its values are longer than its bytes');
    const bits = new Uint8Array((count + 7) >> 3);
    for (let i = 0; i < bits.length; i++) {
      const byte = (at >> 3) + i;
      bits[i] = ((all[byte] as number) | ((all[byte + 1] ?? 0) << 8)) >> (at & 7);
    }
    at += count;
    return bits;
  };
}

/** The next offsets, counted from 0, and the length of what they refer to. What is before the first of all is skipped. */
function offsetsOf(window: ByteWindow, Numbers: Int32ArrayConstructor | BigInt64ArrayConstructor) {
  const width = Numbers.BYTES_PER_ELEMENT;
  const isLong = width === 8;
  let last: number | undefined;
  const next = () => {
    const bytes = window.take(width);
    return isLong ? Number(bytes.readBigInt64LE()) : bytes.readInt32LE();
  };
  return (count: number, skip: (length: number) => unknown) => {
    const offsets = new Numbers(count + 1);
    if (count === 0) return { offsets, length: 0 };
    if (last === undefined) {
      last = next();
      if (last < 0) throw new DamagedError('a column is damaged');
      skip(last);
    }
    const first = last;
    for (let i = 1; i <= count; i++) {
      const offset = next();
      if (offset < last) throw new DamagedError('a column is damaged');
      offsets[i] = (isLong ? BigInt(offset - first) : offset - first) as never;
      last = offset;
    }
    return { offsets, length: last - first };
  };
}
