import type { ByteCount } from '../core/bytes.js';
import { AppError } from '../core/errors.js';
import type { Match } from '../lookup/lookup.js';
import type { RequestFacts } from './request-facts.js';

/** A recorded reply is held as it is spelled, and decoded: a byte of each for most characters. */
const BYTES_A_CHARACTER = 2;

/** Counts the memory that requests hold which have no answer yet, or whose answer is being sent: of their bodies, and of recorded replies. */
export class HeldMemory {
  private readonly bytesMax: ByteCount;
  private bytes = 0;

  /** @param bytesMax how much all requests may hold */
  constructor(bytesMax: ByteCount) {
    this.bytesMax = bytesMax;
  }

  /**
   * Counts so many bytes more for a request, unless it is released already.
   *
   * @returns true if all requests hold too much now, and this isn't the only one that holds something
   */
  hold(facts: RequestFacts, bytes: number): boolean {
    if (facts.isReleased) return false;
    facts.heldBytes += bytes;
    this.bytes += bytes;
    return this.bytes > this.bytesMax && this.bytes > facts.heldBytes;
  }

  /**
   * Counts a reply that a request is answered with.
   *
   * @throws AppError if there is no room for it
   */
  holdReply(facts: RequestFacts, { reply: { content, calls } }: Match): void {
    let characters = content.knownLength;
    if (calls !== undefined) for (const call of calls) characters += call.arguments.length;
    const bytes = characters * BYTES_A_CHARACTER;
    facts.replyBytes += bytes;
    const isOver = this.hold(facts, bytes);
    if (facts.replyBytes > this.bytesMax) {
      const message = 'The replies to this request are too long to be held together: ask for fewer at once.';
      throw new AppError('request_too_large', { message });
    }
    if (isOver) throw new AppError('overloaded');
  }

  /** Counts what a request holds no more, since its response is closed. */
  release(facts: RequestFacts): void {
    this.bytes -= facts.heldBytes;
    facts.heldBytes = 0;
    facts.isReleased = true;
  }
}
