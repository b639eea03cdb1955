/** Where the lines of a file end that bytes are appended to: its last line may still be incomplete. */

import { BYTE, type ByteOffset, type ByteRange, byteOffset } from '../core/bytes.js';
import { RECORD_BYTES_MAX, SURVEY_BYTES_MIN } from '../core/limits.js';
import { parsePythonJson } from '../core/python-json.js';
import { type Dataset, withDataset } from './dataset.js';
import { readFully } from './file.js';
import { isRecord } from './shapes/record.js';

/**
 * The same dataset without its last line, if that has no line feed and isn't a JSON object.
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
 * Where the whole lines of a range end: after the last line feed, or at the end of the range if a JSON object follows.
 *
 * @throws what reading throws
 */
export function endOfLines(fd: number, range: ByteRange): ByteOffset {
  const { end } = range;
  const start = lastLineStart(fd, range);
  if (start === undefined || start === end) return start ?? end;
  const line = Buffer.allocUnsafe(end - start);
  readFully(fd, line, start);
  return isRecord(parsePythonJson(line.toString())) ? end : start;
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

/** Where the last line of a range begins, which may be its end; undefined if the line is longer than a record may be. */
function lastLineStart(fd: number, { start, end }: ByteRange): ByteOffset | undefined {
  const block = Buffer.allocUnsafe(Math.min(SURVEY_BYTES_MIN, end - start));
  for (let to: number = end; to > start; ) {
    if (end - to > RECORD_BYTES_MAX) return undefined;
    const from = Math.max(start, to - block.length);
    readFully(fd, block, from, 0, to - from);
    const lineEnd = block.subarray(0, to - from).lastIndexOf(BYTE.lineFeed);
    if (lineEnd >= 0) return byteOffset(from + lineEnd + 1);
    to = from;
  }
  return start;
}
