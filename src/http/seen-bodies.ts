import { SEEN_BODIES, SEEN_WORDS } from '../core/limits.js';

const MULTIPLIER = 0x9e37_79b1;
const SLOT_BITS = Math.log2(SEEN_BODIES);
const SEEN_BITS = Math.log2(SEEN_WORDS);

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

/** A hash of the length, of words that are spread over the body, and of its last ones. */
function hashOf(body: Buffer): number {
  let hash = body.length;
  const last = body.length - 4 * SEEN_WORDS;
  if (last < 0) return hash;
  const step = last >>> SEEN_BITS;
  for (let i = 0; i < SEEN_WORDS; i++) {
    hash = Math.imul(hash ^ body.readInt32LE(i * step), MULTIPLIER);
    hash = Math.imul(hash ^ (hash >>> 15) ^ body.readInt32LE(last + 4 * i), MULTIPLIER);
  }
  return hash;
}
