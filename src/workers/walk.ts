/** Walks a shard: the kernel scans it a block at a time and passes on what it finds in batches. */

import { type ByteOffset, type ByteRange, byteOffset, countBlanks } from '../core/bytes.js';
import { DatasetSyntaxError } from '../core/errors.js';
import { BLOCK_BYTES, QUOTED_RECORD_LENGTH, RECORD_BYTES_MAX } from '../core/limits.js';
import { cutOff } from '../dataset/elements.js';
import { type DatasetFile, type DatasetFormat, readBlocks, readFully } from '../dataset/file.js';
import { type Kernel, NO_CONVERSATION, WALKED } from '../kernel/kernel.js';

/** Where records are, as rows of the kernel. */
export interface RecordRows {
  /** Added to a start in a row, gives its offset in the file. */
  readonly base: number;
  readonly records: Uint32Array;
  /** The bytes of the file from `offset` on, which the rows refer to. */
  readonly bytes: Uint8Array;
  readonly offset: ByteOffset;
  /** If there is one record, which isn't read: the beginning of its text, and whether the end of the file cuts it off. */
  readonly unread?: { readonly text: string; readonly isCutOff: boolean };
}

/** Some records of a shard. Valid until the next batch is requested. */
export interface RecordBatch extends RecordRows {
  readonly turns: Uint32Array;
  /** How many of the records are conversations. */
  readonly conversations: number;
  /** How many elements of their lists aren't turns. */
  readonly leftOut: number;
  /** True if no text in them was put together from several parts. */
  readonly isPlain: boolean;
}

/** A record that the kernel rejects as invalid JSON. */
export class InvalidRecordError extends Error {
  override readonly name = 'InvalidRecordError';
  /** Where the record begins, and where the kernel stopped. */
  readonly record: ByteOffset;
  readonly at: ByteOffset;

  constructor(record: ByteOffset, at: ByteOffset) {
    super('not valid JSON');
    this.record = record;
    this.at = at;
  }
}

/** The size of a read, and of the longest record that is parsed. */
export interface WalkLimits {
  readonly blockBytes: number;
  readonly recordBytesMax: number;
}

/** Bytes of a record that may be quoted. */
const QUOTED_BYTES_MAX = 4 * QUOTED_RECORD_LENGTH;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const NO_TURNS = new Uint32Array();
const PASSED_OVER = Uint32Array.of(0, 0, NO_CONVERSATION, 0, 0);

/**
 * Walks the records that begin in a range: a shard, or the rest of one.
 *
 * @param beforeRead is called before each read; what it throws ends the walk
 * @returns where the first record after the range begins, or the end of the file
 * @throws InvalidRecordError, DatasetSyntaxError where the list itself is broken, or what reading throws
 */
export function* walk(
  kernel: Kernel,
  fd: number,
  { format, body, skipsInvalid = false }: DatasetFile,
  range: ByteRange,
  beforeRead: () => void,
  { blockBytes, recordBytesMax }: WalkLimits = { blockBytes: BLOCK_BYTES, recordBytesMax: RECORD_BYTES_MAX },
): Generator<RecordBatch, ByteOffset> {
  /** True once a record was found: a file that is one record, cut off, is invalid. */
  let hasRecords = range.start > body.start;
  /** The file offset of the input's first byte, and how many of its bytes have been read. */
  let offset: number = range.start;
  let length = 0;

  /** Reads on, to the end of the range or, for its last record, past it. Returns how far the input may be walked. */
  const read = () => {
    const at = offset + length;
    const count = Math.min(blockBytes, (at < range.end ? range.end : body.end) - at);
    if (count > 0) {
      beforeRead();
      const needed = length + count;
      // For a record of up to a block, two blocks are enough.
      if (needed >= kernel.capacity) kernel.reserve(2 * (needed < 2 * blockBytes ? blockBytes : needed));
      readFully(fd, kernel.input.subarray(length, length + count), at);
      length += count;
    }
    if (!isAtEnd() || format === 'array') return length;
    // The last line may lack its line feed.
    kernel.input[length] = LINE_FEED;
    return length + 1;
  };
  const isAtEnd = () => offset + length === body.end;

  kernel.beginWalk(format, range.start === body.start, recordBytesMax);
  for (;;) {
    let from = 0;
    const to = read();
    let walked: ReturnType<Kernel['walk']>;
    do {
      walked = kernel.walk(from, to, range.end - offset);
      from = kernel.walkedTo;
      const {
        turnRows: turns,
        recordRows: records,
        conversations,
        leftOut,
        joinedTexts,
        input: bytes,
        inputStart,
      } = kernel;
      hasRecords ||= records.length > 0;
      yield {
        base: offset - inputStart,
        turns,
        records,
        conversations,
        leftOut,
        isPlain: joinedTexts === 0,
        bytes,
        offset: byteOffset(offset),
      };
    } while (walked === WALKED.rowsAreFull);
    const here = byteOffset(Math.min(offset + from, body.end));

    if (
      format === 'lines' &&
      hasRecords &&
      kernel.isAtRecord &&
      isAtEnd() &&
      isCutOff(kernel, walked, from, length)
    ) {
      yield unread(kernel, here, offset, { text: beginning(kernel, from, length), isCutOff: true });
      return body.end;
    }
    const isSkipped = walked === WALKED.invalid && skipsInvalid;
    if (walked === WALKED.invalid && !isSkipped) {
      const at = byteOffset(offset + kernel.invalidAt);
      if (kernel.isAtRecord) throw new InvalidRecordError(here, at);
      throw new DatasetSyntaxError(at, afterRecord(format, kernel.input.subarray(from, kernel.invalidAt)));
    }
    if (walked === WALKED.listEnded) {
      assertBlank(fd, { start: here, end: body.end });
      return body.end;
    }
    if (walked === WALKED.reachedStop && (format === 'lines' || here < body.end))
      return format === 'lines' ? range.end : here;
    const isTooLong = walked === WALKED.tooDeep || length - from > recordBytesMax;
    if (isSkipped || (kernel.isAtRecord && isTooLong)) {
      // What follows a record on its line isn't another one.
      const isRecord = kernel.isAtRecord;
      const text = beginning(kernel, from, length);
      let end = kernel.passOver(from, to, true, format);
      while (end === undefined) {
        if (isAtEnd()) throw cutOff(body.end, false);
        offset += length;
        length = 0;
        end = kernel.passOver(0, read(), false, format);
      }
      from = end;
      hasRecords = true;
      if (isRecord) yield unread(kernel, here, offset, { text, isCutOff: false });
    } else if (isAtEnd()) {
      // Appended lines may all be blank.
      if (format === 'lines' && here === body.end) return body.end;
      const isInRecord = kernel.isAtRecord && here < body.end;
      throw isInRecord ? new InvalidRecordError(here, body.end) : cutOff(body.end, kernel.isAtRecord);
    }
    kernel.input.copyWithin(0, from, length);
    offset += from;
    length = Math.max(0, length - from);
  }
}

/** A batch of one record, which isn't read. */
function unread(
  { input }: Kernel,
  base: number,
  offset: number,
  what: NonNullable<RecordRows['unread']>,
): RecordBatch {
  const found = { turns: NO_TURNS, records: PASSED_OVER, conversations: 0, leftOut: 0, isPlain: true };
  return { base, ...found, bytes: input, offset: byteOffset(offset), unread: what };
}

/** The beginning of the text of a record. */
function beginning({ input }: Kernel, from: number, end: number): string {
  return Buffer.from(input.subarray(from, Math.min(end, from + QUOTED_BYTES_MAX))).toString();
}

/** The start of an escape or of a word, which the kernel rejects at its first byte. */
const UNFINISHED = /\\(?:u[\da-f]{0,3})?$|-?[a-z]+$/i;
const UNFINISHED_BYTES_MAX = 9;
const WORDS = ['true', 'false', 'null', 'NaN', 'Infinity', '-Infinity'];

/**
 * True if a record is valid up to the end of the file, which is the end of the input.
 *
 * @param from where the record begins
 */
function isCutOff(kernel: Kernel, walked: number, from: number, end: number): boolean {
  if (walked !== WALKED.invalid) return walked === WALKED.needsMore && from < end;
  const last = kernel.input.subarray(Math.max(from, end - UNFINISHED_BYTES_MAX), end);
  const [unfinished = ''] = UNFINISHED.exec(Buffer.from(last).toString('latin1')) ?? [];
  const isStart = unfinished.startsWith('\\') || WORDS.some((word) => word.startsWith(unfinished));
  return kernel.invalidAt >= (isStart ? end - unfinished.length : end);
}

/** What is wrong after a record. @param blanks the white space between the record and the byte that is wrong */
function afterRecord(format: DatasetFormat, blanks: Uint8Array): string {
  if (format === 'array') return "not valid JSON: expected ',' or the end of the list after the record";
  if (!blanks.includes(CARRIAGE_RETURN))
    return 'not valid JSON: expected the end of the line after the record';
  return "found lines that end with CR alone; convert them to LF: tr '\\r' '\\n' < x.jsonl > lf.jsonl";
}

/** @throws DatasetSyntaxError at the first byte of the range that isn't white space */
function assertBlank(fd: number, range: ByteRange): void {
  for (const { bytes, offset } of readBlocks(fd, range)) {
    const blanks = countBlanks(bytes);
    if (blanks === bytes.length) continue;
    throw new DatasetSyntaxError(byteOffset(offset + blanks), 'expected nothing after the end of the list');
  }
}
