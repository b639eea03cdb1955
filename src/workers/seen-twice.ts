/**
 * A filter of keys that occur more than once. Threads add keys at the same time: of two that add equal keys, one always finds the other's. A
 * key that occurs once may be taken for one that occurs more often, never the reverse.
 */

import type { Key } from '../core/keys.js';
import { SEEN_BITS_MAX, SEEN_BITS_MIN } from '../core/limits.js';

/** The memory of a filter, which threads share. */
export type SeenMemory = SharedArrayBuffer;

const WORD_BITS = 32;

/** Two bits for each slot that keys are mapped to: whether one was added, and whether a second one was. */
export class SeenTwice {
  readonly memory: SeenMemory;
  private readonly once: Int32Array;
  private readonly twice: Int32Array;
  /** How far to shift 32 bits of a key, to get its slot. */
  private readonly shift: number;

  constructor(memory: SeenMemory) {
    this.memory = memory;
    const words = memory.byteLength / Int32Array.BYTES_PER_ELEMENT / 2;
    this.once = new Int32Array(memory, 0, words);
    this.twice = new Int32Array(memory, words * Int32Array.BYTES_PER_ELEMENT, words);
    this.shift = 32 - Math.log2(words * WORD_BITS);
  }

  /** An empty filter: an eighth of a slot for each byte of the dataset, within limits. */
  static forBytes(bytes: number): SeenTwice {
    const bits = Math.ceil(Math.log2(Math.max(1, bytes / 8)));
    const slots = 2 ** Math.min(SEEN_BITS_MAX, Math.max(SEEN_BITS_MIN, bits));
    return new SeenTwice(new SharedArrayBuffer((2 * slots) / 8));
  }

  /** Adds a key. Returns true if one was added before, or seems to have been. */
  add(key: Key): boolean {
    const slot = this.slotOf(key);
    const word = slot >>> 5;
    const bit = 1 << (slot & 31);
    // One bit a key: with several, two threads that add equal keys could each find some bits of the other, and none all of them.
    if ((Atomics.or(this.once, word, bit) & bit) === 0) return false;
    Atomics.or(this.twice, word, bit);
    return true;
  }

  /** True if a key was added more than once, or seems to have been. */
  has(key: Key): boolean {
    const slot = this.slotOf(key);
    return ((this.twice[slot >>> 5] as number) & (1 << (slot & 31))) !== 0;
  }

  private slotOf({ low, high }: Key): number {
    return (low ^ Math.imul(high, 0x9e37_79b1)) >>> this.shift;
  }
}
