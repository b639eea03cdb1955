/**
 * Counts the content chunks in what one connection receives. A client that measures thousands of streams can't afford to parse them: this
 * one looks for the bytes that begin a content chunk, by Horspool's search, which skips most bytes.
 */

const NEEDLE = Buffer.from('"delta":{"content":"');
const LAST = NEEDLE.length - 1;
/** How far the needle moves if this byte is under its last one. */
const SHIFTS = new Uint8Array(256).fill(NEEDLE.length);
for (let i = 0; i < LAST; i++) SHIFTS[NEEDLE[i] as number] = LAST - i;

const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;
const ZERO = 48;
/** `HTTP/1.1 `, which the status follows. */
const STATUS_AT = 9;
/** The last chunk of an answer: `0\r\n\r\n`. */
const END_LENGTH = 5;

/** The answers of a connection, one after the other, in the chunked transfer coding. */
export class ChunkCounter {
  /** True if the last bytes ended an answer. */
  isEnded = false;
  /** True until the head of an answer is complete. */
  private isBetween = true;
  /** Bytes of an event that a read has cut off. */
  private rest: Buffer | undefined;

  /**
   * Takes the next bytes.
   *
   * @param bytes a buffer that they begin; it may be overwritten afterwards
   * @returns the number of content chunks that they complete
   * @throws Error if an answer has another status than 200
   */
  count(bytes: Uint8Array, length: number): number {
    if (this.rest !== undefined) return this.countJoined(this.rest, bytes, length);
    const end = isComplete(bytes, length) ? length : completeLength(bytes, length);
    if (end < length) this.rest = Buffer.from(bytes.slice(end, length));
    this.isEnded = end > 0 && endsAnswer(bytes, end);
    if (end === 0) return 0;
    if (this.isBetween) assertStatus(bytes);
    this.isBetween = this.isEnded;
    return needles(bytes, end);
  }

  private countJoined(rest: Buffer, bytes: Uint8Array, length: number): number {
    const joined = Buffer.concat([rest, bytes.subarray(0, length)]);
    this.rest = undefined;
    return this.count(joined, joined.length);
  }
}

/** True if the bytes end with an event, a head or an answer. */
function isComplete(bytes: Uint8Array, length: number): boolean {
  return (
    bytes[length - 1] === LINE_FEED &&
    bytes[length - 2] === CARRIAGE_RETURN &&
    bytes[length - 3] === LINE_FEED
  );
}

/** The length up to the end of the last event, head or answer. */
function completeLength(bytes: Uint8Array, length: number): number {
  let end = length;
  while (end > 0 && !isComplete(bytes, end)) end--;
  return end;
}

/** True if the bytes, which end with an event, a head or an answer, end an answer. */
function endsAnswer(bytes: Uint8Array, length: number): boolean {
  return (
    bytes[length - END_LENGTH] === ZERO &&
    bytes[length - END_LENGTH + 1] === CARRIAGE_RETURN &&
    // A header may end with a zero, too; the last chunk is a line of its own.
    (length === END_LENGTH || bytes[length - END_LENGTH - 1] === LINE_FEED)
  );
}

function needles(bytes: Uint8Array, length: number): number {
  let count = 0;
  let at = LAST;
  while (at < length) {
    let left = LAST;
    while (left >= 0 && bytes[at - LAST + left] === NEEDLE[left]) left--;
    if (left < 0) count++;
    at += left < 0 ? NEEDLE.length : (SHIFTS[bytes[at] as number] as number);
  }
  return count;
}

function assertStatus(bytes: Uint8Array): void {
  const status = Buffer.from(bytes.slice(STATUS_AT, STATUS_AT + 3)).toString('latin1');
  if (status !== '200') throw new Error(`expected status 200, got ${status}`);
}
