/**
 * Finds the messages of Arrow's IPC format, which are read one at a time. A message describes columns, holds a dictionary, or holds a batch
 * of rows:
 *
 *     stream: | messages |
 *     file:   | ARROW1, 2 zeros | messages | footer: where they are | its length | ARROW1 |
 *
 *     message: | -1 | length | head | body |        before 2019 without the -1
 *
 * A head, and the footer, is a table of FlatBuffers.
 */

import { RECORD_BYTES_MAX, SHARD_BYTES, TABLE_BATCH_BYTES_MAX } from '../core/limits.js';
import { readFully } from '../dataset/file.js';
import { DamagedError } from './damaged.js';
import { assertLists, fieldAt, type Lists, listAt, pointedAt } from './flatbuffers.js';

/** A message, from `start` to before `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Batches of rows that follow each other, and what it takes to read them. */
export interface ArrowGroup {
  readonly table: 'arrow';
  readonly bytes: number;
  /** The message that describes the columns. */
  readonly schema: Uint8Array;
  readonly dictionaries: readonly Span[];
  readonly batches: readonly Span[];
}

const MAGIC = 'ARROW1';
/** The magic number, filled up to a multiple of 8. */
const MAGIC_BYTES = 8;
/** The length of a footer, and the magic number. */
const TAIL_BYTES = 4 + MAGIC.length;
/** The length before a buffer that didn't get shorter by compression. */
const STORED = -1;
/** A block in a footer: a message's offset, the length of its head, filled up to a multiple of 8, and that of its body. */
const BLOCK_BYTES = 24;

/** The number of Arrow's format version 5. */
const VERSION_5 = 4;
const KIND = { schema: 1, dictionary: 2, batch: 3 } as const;

/** The fields of FlatBuffers' tables, by number. */
const MESSAGE = { kind: 1, content: 2, bodyLength: 3 } as const;
const FOOTER = { schema: 1, dictionaries: 2, batches: 3 } as const;
const DICTIONARY = { id: 0, rows: 1, isDelta: 2 } as const;
const ROWS = { count: 0, nodes: 1, buffers: 2, compression: 3, views: 4 } as const;

const COMPRESSION = { codec: 0 } as const;

/** The lists in a head: of fields and texts, and of the lengths of a batch. */
const FIELD: Lists = { 5: { stride: 4, of: () => FIELD }, 6: { stride: 4 } };
const SCHEMA: Lists = { 1: { stride: 4, of: () => FIELD }, 2: { stride: 4 } };
const BATCH: Lists = {
  [ROWS.nodes]: { stride: 16 },
  [ROWS.buffers]: { stride: 16 },
  [ROWS.views]: { stride: 8 },
};
const LISTS: Readonly<Record<number, Lists>> = {
  [KIND.schema]: { [MESSAGE.content]: { of: () => SCHEMA } },
  [KIND.dictionary]: { [MESSAGE.content]: { of: () => ({ [DICTIONARY.rows]: { of: () => BATCH } }) } },
  [KIND.batch]: { [MESSAGE.content]: { of: () => BATCH } },
};

/**
 * The batches of a file. Damaged lengths can't lead out of the range.
 *
 * @param fd the open file
 * @throws DamagedError if it isn't valid
 */
export function groupsOfFile(fd: number, { start, end }: Span): ArrowGroup[] {
  const tail = read(fd, { start: Math.max(start, end - TAIL_BYTES), end });
  if (tail.toString('latin1', 4) !== MAGIC)
    throw new DamagedError('its footer is missing: the file ends too early');
  const footerLength = tail.readUInt32LE(0);
  const range = { start: start + MAGIC_BYTES, end: end - TAIL_BYTES - footerLength };
  if (range.end <= range.start || footerLength > RECORD_BYTES_MAX)
    throw new DamagedError('its footer is damaged');
  const footer = read(fd, { start: range.end, end: end - TAIL_BYTES });
  const root = footer.readUInt32LE(0);
  const blocks = (field: number) => blocksIn(footer, fieldAt(footer, root, field), start, range);
  const schemaAt = fieldAt(footer, root, FOOTER.schema);
  if (schemaAt === undefined) throw new DamagedError('it does not describe its columns');
  const schema = pointedAt(footer, schemaAt);
  assertLists(footer, schema, SCHEMA);
  const groups = new Groups(schemaMessage(footer, schema));
  for (const dictionary of blocks(FOOTER.dictionaries)) groups.addDictionary(dictionary, undefined);
  for (const batch of blocks(FOOTER.batches)) groups.add(batch);
  return groups.all;
}

/** The same for a stream. */
export function groupsOfStream(fd: number, range: Span): ArrowGroup[] {
  let groups: Groups | undefined;
  for (let at = range.start; at < range.end; ) {
    const message = messageAt(fd, at, range);
    if (message === undefined) break;
    if (message.kind === KIND.schema) groups ??= new Groups(readMessage(fd, message));
    else if (groups === undefined) throw new DamagedError('it does not describe its columns');
    else if (message.kind === KIND.dictionary) groups.addDictionary(message, dictionaryIn(message));
    else if (message.kind === KIND.batch) groups.add(message);
    at = message.end;
  }
  return groups?.all ?? [];
}

interface Message extends Span {
  readonly kind: number;
  readonly head: Buffer;
  readonly bodyStart: number;
}

/** The message at an offset; undefined at the end of the stream. */
function messageAt(fd: number, at: number, { end }: Span): Message | undefined {
  const prefix = read(fd, { start: at, end: Math.min(end, at + 8) });
  const isOld = prefix.readInt32LE(0) !== -1;
  const length = prefix.readInt32LE(isOld ? 0 : 4);
  if (length === 0) return undefined;
  const headStart = at + (isOld ? 4 : 8);
  if (length < 0 || length > RECORD_BYTES_MAX)
    throw new DamagedError(`a message has a head of ${length} bytes`);
  if (headStart + length > end) throw new DamagedError('a message ends too early');
  const head = read(fd, { start: headStart, end: headStart + length });
  const root = head.readUInt32LE(0);
  const kindAt = fieldAt(head, root, MESSAGE.kind);
  const bodyAt = fieldAt(head, root, MESSAGE.bodyLength);
  const body = bodyAt === undefined ? 0 : Number(head.readBigInt64LE(bodyAt));
  const span = { start: at, end: headStart + length + body };
  if (body < 0 || span.end > end) throw new DamagedError('a message ends too early');
  const kind = kindAt === undefined ? 0 : head.readUInt8(kindAt);
  assertLists(head, root, LISTS[kind] ?? {});
  return { ...span, kind, head, bodyStart: headStart + length };
}

interface Dictionary {
  readonly id: bigint;
  /** True if it continues the one before. */
  readonly isDelta: boolean;
}

function dictionaryIn({ head }: Message): Dictionary {
  const table = contentOf(head);
  const idAt = fieldAt(head, table, DICTIONARY.id);
  const isDeltaAt = fieldAt(head, table, DICTIONARY.isDelta);
  return {
    id: idAt === undefined ? 0n : head.readBigInt64LE(idAt),
    isDelta: isDeltaAt !== undefined && head.readUInt8(isDeltaAt) !== 0,
  };
}

/** The table that describes what a message holds. */
function contentOf(head: Buffer): number {
  const contentAt = fieldAt(head, head.readUInt32LE(0), MESSAGE.content);
  if (contentAt === undefined) throw new DamagedError('a message is empty');
  return pointedAt(head, contentAt);
}

/**
 * Validates the numbers that flechette allocates lists by: how many values a dictionary has, and how many buffers a column of views has.
 *
 * @throws DamagedError if one is more than the message has room for
 */
function assertCounts({ kind, head }: Message, body: Buffer): void {
  if (kind === KIND.schema) return;
  const content = contentOf(head);
  const rowsAt = kind === KIND.dictionary ? fieldAt(head, content, DICTIONARY.rows) : undefined;
  const rows = rowsAt === undefined ? content : pointedAt(head, rowsAt);
  const lengths = numbersIn(head, fieldAt(head, rows, ROWS.nodes), 2).map(([length]) => length);
  const buffers = numbersIn(head, fieldAt(head, rows, ROWS.buffers), 2);
  const views = numbersIn(head, fieldAt(head, rows, ROWS.views), 1).flat();
  const isCompressed = fieldAt(head, rows, ROWS.compression) !== undefined;
  const sizes = buffers.map(([offset = 0, length = 0]) => {
    const size = isCompressed && length > 0 ? Number(body.readBigInt64LE(offset)) : STORED;
    return size === STORED ? Math.min(length, body.length) : size;
  });
  const bits = 8 * sizes.reduce((sum, size) => sum + size, 0);
  const areThere =
    (kind === KIND.batch || lengths.every((length = 0) => length <= bits)) &&
    views.every((count) => count >= 0 && count <= buffers.length);
  if (!areThere) throw new DamagedError('a message says that it has more than it can have');
}

/** How a batch of rows lies in the file. */
export interface BatchLayout {
  /** How many rows it has. */
  readonly rows: number;
  /** How many nulls each column has, and each column in it, in order. */
  readonly nulls: readonly number[];
  /** Where the buffers are. */
  readonly buffers: readonly Span[];
  /** The number of the codec of all buffers; undefined if they aren't compressed. */
  readonly codec: number | undefined;
}

/** The layout of a batch. */
export function batchLayout(fd: number, span: Span): BatchLayout {
  const message = messageAt(fd, span.start, span);
  if (message === undefined) throw new DamagedError('a message is empty');
  const { head, bodyStart } = message;
  const content = contentOf(head);
  const rowsAt = fieldAt(head, content, ROWS.count);
  const buffers = numbersIn(head, fieldAt(head, content, ROWS.buffers), 2).map(([offset = 0, length = 0]) => {
    const start = bodyStart + offset;
    const end = start + length;
    if (start < bodyStart || end < start || end > span.end) {
      throw new DamagedError('a message says that it has more than it can have');
    }
    return { start, end };
  });
  const compressionAt = fieldAt(head, content, ROWS.compression);
  const compression = compressionAt === undefined ? undefined : pointedAt(head, compressionAt);
  const codecAt = compression === undefined ? undefined : fieldAt(head, compression, COMPRESSION.codec);
  return {
    rows: rowsAt === undefined ? 0 : Number(head.readBigInt64LE(rowsAt)),
    nulls: numbersIn(head, fieldAt(head, content, ROWS.nodes), 2).map(([, nulls = 0]) => nulls),
    buffers,
    codec: compression === undefined ? undefined : codecAt === undefined ? 0 : head.readInt8(codecAt),
  };
}

/** The numbers of 64 bits in a list of structs. */
function numbersIn(head: Buffer, field: number | undefined, numbers: number): number[][] {
  if (field === undefined) return [];
  const { at, count } = listAt(head, field, 8 * numbers);
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: numbers }, (_, j) => Number(head.readBigInt64LE(at + 8 * (i * numbers + j)))),
  );
}

/** Collects batches. */
class Groups {
  readonly all: ArrowGroup[] = [];
  private readonly schema: Uint8Array;
  private dictionaries: readonly (Span & Partial<Dictionary>)[] = [];
  private hasNewDictionary = false;

  constructor(schema: Uint8Array) {
    this.schema = schema;
  }

  /** @param dictionary undefined if it can't replace an earlier one */
  addDictionary({ start, end }: Span, dictionary: Dictionary | undefined): void {
    const isReplaced = (id: bigint | undefined) => dictionary?.isDelta === false && dictionary.id === id;
    const kept = this.dictionaries.filter(({ id }) => !isReplaced(id));
    this.dictionaries = [...kept, { start, end, ...dictionary }];
    const bytes = this.dictionaries.reduce((sum, each) => sum + each.end - each.start, 0);
    if (bytes > TABLE_BATCH_BYTES_MAX) {
      throw new DamagedError(`its dictionaries have ${bytes} bytes; the most is ${TABLE_BATCH_BYTES_MAX}`);
    }
    this.hasNewDictionary = true;
  }

  add({ start, end }: Span): void {
    const bytes = end - start;
    if (bytes > TABLE_BATCH_BYTES_MAX) {
      throw new DamagedError(`a batch of its rows has ${bytes} bytes; the most is ${TABLE_BATCH_BYTES_MAX}`);
    }
    const last = this.all.at(-1);
    if (last === undefined || this.hasNewDictionary || last.bytes + bytes > SHARD_BYTES) {
      const { schema, dictionaries } = this;
      this.all.push({ table: 'arrow', bytes, schema, dictionaries, batches: [{ start, end }] });
      this.hasNewDictionary = false;
      return;
    }
    const batches = [...last.batches, { start, end }];
    this.all[this.all.length - 1] = { ...last, bytes: last.bytes + bytes, batches };
  }
}

/**
 * A message with the schema of a footer. What follows the magic number need not be one: Polars leaves out its length.
 *
 *     | -1 | length | offset of the table | its names | its fields: offset of the schema, version, kind | the footer |
 *
 * @param schema where the schema's table is in the footer
 */
function schemaMessage(footer: Buffer, schema: number): Buffer<ArrayBuffer> {
  const head = Buffer.alloc(32);
  const [names, fields] = [4, 16];
  head.writeUInt32LE(fields, 0);
  // The lengths of the names and of the fields, then where each field is: the version, the kind, the schema.
  for (const [i, value] of [10, 12, 8, 10, 4].entries()) head.writeUInt16LE(value, names + 2 * i);
  head.writeInt32LE(fields - names, fields);
  head.writeUInt32LE(head.length + schema - (fields + 4), fields + 4);
  head.writeInt16LE(VERSION_5, fields + 8);
  head.writeUInt8(KIND.schema, fields + 10);
  const prefix = Buffer.alloc(8);
  const padding = Buffer.alloc(-footer.length & 7);
  prefix.writeInt32LE(-1, 0);
  prefix.writeInt32LE(head.length + footer.length + padding.length, 4);
  const bytes = Buffer.allocUnsafeSlow(prefix.length + head.length + footer.length + padding.length);
  let at = 0;
  for (const part of [prefix, head, footer, padding]) at += part.copy(bytes, at);
  return bytes;
}

/** The messages that a list of blocks names: their offsets count from `from`. */
function blocksIn(bytes: Buffer, field: number | undefined, from: number, range: Span): Span[] {
  if (field === undefined) return [];
  const { at: first, count } = listAt(bytes, field, BLOCK_BYTES);
  return Array.from({ length: count }, (_, i) => {
    const at = first + i * BLOCK_BYTES;
    const start = from + Number(bytes.readBigInt64LE(at));
    const headLength = bytes.readInt32LE(at + 8);
    const end = start + headLength + Number(bytes.readBigInt64LE(at + 16));
    if (headLength <= 0 || start < range.start || end < start + headLength || end > range.end) {
      throw new DamagedError('its footer is damaged');
    }
    return { start, end };
  });
}

/**
 * Reads a message.
 *
 * @throws DamagedError if it isn't valid
 */
export function readMessage(fd: number, span: Span): Buffer<ArrayBuffer> {
  const message = messageAt(fd, span.start, span);
  if (message === undefined) throw new DamagedError('a message is empty');
  const bytes = read(fd, span);
  assertCounts(message, bytes.subarray(message.bodyStart - span.start));
  return bytes;
}

/** Reads some bytes of the file. */
function read(fd: number, { start, end }: Span): Buffer<ArrayBuffer> {
  // Numbers in Arrow's bodies are aligned to 8 bytes: the bytes must not begin in the middle of a shared buffer.
  const bytes = Buffer.allocUnsafeSlow(end - start);
  readFully(fd, bytes, start);
  return bytes;
}
