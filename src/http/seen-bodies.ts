import { SEEN_BODIES, SEEN_WORDS } from '../core/limits.js';

const MULTIPLIER = 0x9e37_79b1;
const SLOT_BITS = Math.log2(SEEN_BODIES);

/**
 * Remembers which bodies were sent, by a hash of some of their bytes. A body whose hash was replaced by that of another one counts as unseen,
 * and one with the hash of another as seen: so this may only decide what is worth keeping.
 */
export class SeenBodies {
  /** The last hash for each of its lower bits. */
  private readonly hashes = new Int32Array(SEEN_BODIES);

  /** Remembers a body; true if it was probably sent before. */
  add(body: Buffer): boolean {
    const hash = hashOf(body);
    const slot = hash >>> (32 - SLOT_BITS);
    const isSeen = this.hashes[slot] === hash;
    this.hashes[slot] = hash;
    return isSeen;
  }
}

/** A hash of the length, and of words that are spread evenly over the body. */
function hashOf(body: Buffer): number {
  const words = Math.min(SEEN_WORDS, body.length >> 2);
  const step = (body.length - 4) / words;
  let hash = body.length;
  for (let i = 1; i <= words; i++) {
    hash = Math.imul(hash ^ body.readInt32LE(Math.floor(i * step)), MULTIPLIER);
    hash ^= hash >>> 15;
  }
  return Math.imul(hash, MULTIPLIER);
}
