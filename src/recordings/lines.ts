import type { FileHandle } from 'node:fs/promises';
import { BLOCK_BYTES, RECORDED_LINE_BYTES_MAX } from '../core/limits.js';

/** A line of a file. Valid until the next lines are requested. */
export interface Line {
  /** Its bytes without the line feed. */
  readonly bytes: Buffer;
  /** The offset of its first byte. */
  readonly start: number;
  /** False if the end of the range cuts it off. */
  readonly isEnded: boolean;
}

/** A line that is longer than `RECORDED_LINE_BYTES_MAX`. */
export class LongLineError extends Error {
  override readonly name = 'LongLineError';
}

const LINE_FEED = 0x0a;

/**
 * Reads the lines of a file from an offset to another, or to where the file ends now, a block at a time.
 *
 * @param start where a line begins
 * @throws LongLineError, or what reading throws
 */
export async function* linesOf(
  file: FileHandle,
  start = 0,
  end?: number,
): AsyncGenerator<readonly Line[], void> {
  const size = end ?? (await file.stat()).size;
  let buffer = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, Math.max(0, size - start)));
  /** The offset of the buffer's first byte, and how many of its bytes are the beginning of a line. */
  let offset = start;
  let kept = 0;
  while (offset + kept < size) {
    if (kept === buffer.length) buffer = grown(buffer);
    const room = Math.min(buffer.length - kept, size - offset - kept);
    const { bytesRead } = await file.read(buffer, kept, room, offset + kept);
    if (bytesRead === 0) break;
    const filled = buffer.subarray(0, kept + bytesRead);
    const { lines, endedBytes } = endedLines(filled, offset);
    yield lines;
    filled.copyWithin(0, endedBytes);
    offset += endedBytes;
    kept = filled.length - endedBytes;
  }
  if (kept > 0) yield [{ bytes: buffer.subarray(0, kept), start: offset, isEnded: false }];
}

function grown(buffer: Buffer): Buffer<ArrayBuffer> {
  if (buffer.length >= RECORDED_LINE_BYTES_MAX) throw new LongLineError('a line is too long');
  const larger = Buffer.allocUnsafe(2 * buffer.length);
  buffer.copy(larger);
  return larger;
}

/** The lines that end in these bytes, and the bytes up to where the last of them ends. */
function endedLines(
  bytes: Buffer,
  offset: number,
): { readonly lines: readonly Line[]; readonly endedBytes: number } {
  const lines: Line[] = [];
  let from = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, from)) {
    lines.push({ bytes: bytes.subarray(from, at), start: offset + from, isEnded: true });
    from = at + 1;
  }
  return { lines, endedBytes: from };
}

/** Overwrites bytes of a file with spaces. */
export async function overwrite(file: FileHandle, start: number, length: number): Promise<void> {
  const { bytesWritten } = await file.write(Buffer.alloc(length, ' '), 0, length, start);
  if (bytesWritten < length) await overwrite(file, start + bytesWritten, length - bytesWritten);
}
