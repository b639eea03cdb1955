/** Where the lines of a file end that bytes are appended to: its last line may still be incomplete. */

import { BYTE, type ByteOffset, type ByteRange, byteOffset } from '../core/bytes.js';
import { RECORD_BYTES_MAX, SURVEY_BYTES_MIN } from '../core/limits.js';
import { parsePythonJson } from '../core/python-json.js';
import { type Dataset, withDataset } from './dataset.js';
import { readFully } from './file.js';
import { isRecord } from './shapes/record.js';

/** Bytes at the end of a line that show whether it may be whole. */
const LAST_BYTES = 64;

/**
 * The same dataset without its last line, if that has no line feed and isn't a JSON object or list.
 *
 * @throws DatasetError when the file can't be read, or has changed
 */
export function withoutHalfLine(dataset: Dataset): Dataset {
  const { body } = dataset;
  const end = withDataset(dataset, (fd) => endOfLines(fd, body));
  const isOneLine = end === body.start && !dataset.skipsInvalid;
  return end === body.end || isOneLine ? dataset : { ...dataset, body: { start: body.start, end } };
}

/**
 * Where the whole lines of a range end: after the last line feed, or at the end of the range if a JSON object or list follows.
 *
 * @param searchedTo where the part of the range ends that is known to have no line feed
 * @param parsedMax a last line that is longer than this isn't parsed: it ends with its line feed
 * @throws what reading throws
 */
export function endOfLines(
  fd: number,
  { start: rangeStart, end }: ByteRange,
  searchedTo: number = rangeStart,
  parsedMax: number = RECORD_BYTES_MAX,
): ByteOffset {
  const start = lineFeedsEnd(fd, Math.max(rangeStart, searchedTo), end) ?? rangeStart;
  const length = end - start;
  // It is skipped: no record is longer.
  if (length > RECORD_BYTES_MAX) return end;
  return length <= parsedMax && isWhole(fd, start, length) ? end : start;
}

/** True if these bytes are a JSON object or list. */
function isWhole(fd: number, start: ByteOffset, length: number): boolean {
  const last = Buffer.allocUnsafe(Math.min(LAST_BYTES, length));
  readFully(fd, last, start + length - last.length);
  // Most unfinished lines needn't be read.
  if (!/[}\]]\s*$|^\s+$/.test(last.toString('latin1'))) return false;
  const line = Buffer.allocUnsafe(length);
  readFully(fd, line, start);
  return isRecord(parsePythonJson(line.toString()));
}

/**
 * True if a line begins at an offset of a file, or a line feed is there.
 *
 * @throws what reading throws, also if the file ends there
 */
export function isBetweenLines(fd: number, offset: number): boolean {
  const around = Buffer.alloc(2, BYTE.lineFeed);
  readFully(fd, around, Math.max(0, offset - 1), offset === 0 ? 1 : 0);
  const [before, after] = around;
  return before === BYTE.lineFeed || after === BYTE.lineFeed || after === BYTE.carriageReturn;
}

/** The offset after the last line feed between two offsets; undefined if there isn't one in as many last bytes as a record may have. */
function lineFeedsEnd(fd: number, start: number, end: number): ByteOffset | undefined {
  const block = Buffer.allocUnsafe(Math.min(SURVEY_BYTES_MIN, end - start));
  for (let to = end; to > start && end - to <= RECORD_BYTES_MAX; ) {
    const from = Math.max(start, to - block.length);
    readFully(fd, block, from, 0, to - from);
    const at = block.subarray(0, to - from).lastIndexOf(BYTE.lineFeed);
    if (at >= 0) return byteOffset(from + at + 1);
    to = from;
  }
  return undefined;
}
