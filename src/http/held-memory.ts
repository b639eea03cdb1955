import { getHeapStatistics } from 'node:v8';
import { type ByteCount, byteCount } from '../core/bytes.js';
import { AppError } from '../core/errors.js';
import { HELD_BYTES_MAX, HELD_HEAP_SHARE } from '../core/limits.js';
import { bytesOfTimings } from '../core/timings.js';
import type { Match } from '../lookup/lookup.js';
import type { RequestFacts } from './request-facts.js';

/** A recorded reply is held as JSON and decoded: most characters take one byte in each. */
const BYTES_A_CHARACTER = 2;

/** Counts the memory that requests hold until their responses are closed: for bodies and recorded replies. */
export class HeldMemory {
  private readonly bytesMax: ByteCount;
  private bytes = 0;

  /** @param bytesMax the maximum for all requests together */
  constructor(bytesMax: ByteCount) {
    this.bytesMax = bytesMax;
  }

  /**
   * Counts additional bytes for a request, unless it is already released.
   *
   * @returns true if all requests together now exceed the maximum, and this isn't the only one that holds memory
   */
  hold(facts: RequestFacts, bytes: number): boolean {
    if (facts.isReleased) return false;
    facts.heldBytes += bytes;
    this.bytes += bytes;
    return this.bytes > this.bytesMax && this.bytes > facts.heldBytes;
  }

  /**
   * Counts a recorded reply in a request's answer.
   *
   * @throws AppError if there is no memory for it
   */
  holdReply(facts: RequestFacts, { reply }: Pick<Match, 'reply'>): void {
    const { content, calls, reasoning, timings } = reply;
    let characters = content.knownLength + (reasoning?.length ?? 0);
    if (calls !== undefined) for (const call of calls) characters += call.arguments.length;
    this.holdAnswer(facts, characters * BYTES_A_CHARACTER + bytesOfTimings(timings));
  }

  /**
   * Counts the memory of a request's answer.
   *
   * @throws AppError if the limit is exceeded
   */
  holdAnswer(facts: RequestFacts, bytes: number): void {
    facts.replyBytes += bytes;
    const isOver = this.hold(facts, bytes);
    if (facts.replyBytes > this.bytesMax) {
      const message = 'The replies to this request are too long to be held together: ask for fewer at once.';
      throw new AppError('request_too_large', { message });
    }
    if (isOver) throw new AppError('overloaded');
  }

  /** Subtracts the memory of a request whose response is closed. */
  release(facts: RequestFacts): void {
    this.bytes -= facts.heldBytes;
    facts.heldBytes = 0;
    facts.isReleased = true;
  }
}

/** Memory for the data of requests: parsed bodies and recorded replies are in V8's heap. */
export function heldBytesMax(): ByteCount {
  const share = Math.floor(getHeapStatistics().heap_size_limit * HELD_HEAP_SHARE);
  return byteCount(Math.min(HELD_BYTES_MAX, share));
}
