/**
 * The score of two texts, 0 to 1: the Jaccard index of their sets of shingles. (Broder: On the resemblance and containment of documents, 1997.)
 */

import { normalizeSpace } from './keys.js';
import { withoutThinking } from './thinking.js';

/** Bytes of a shingle. With more, one changed character would cost short texts too much of their score. */
const SHINGLE_BYTES = 4;

/**
 * The shingles of a text: all runs of four bytes of it as `JSON.stringify` spells it, without its thinking, white space normalized, and
 * ASCII letters in lower case. A shorter text is one shingle. Empty if there is no text.
 */
export function shinglesOf(text: string): ReadonlySet<number> {
  const bytes = bytesOf(text);
  const shingles = new Set<number>();
  let shingle = 0;
  for (const [i, byte] of bytes.entries()) {
    shingle = (shingle << 8) | byte;
    if (i + 1 >= SHINGLE_BYTES) shingles.add(shingle);
  }
  if (bytes.length > 0 && shingles.size === 0) shingles.add(shingle);
  return shingles;
}

/** The share of the shingles of two texts that both have: 0 to 1. Without shingles it is 0. */
export function scoreOf(one: ReadonlySet<number>, other: ReadonlySet<number>): number {
  const [small, large] = one.size < other.size ? [one, other] : [other, one];
  let common = 0;
  for (const shingle of small) if (large.has(shingle)) common++;
  const all = one.size + other.size - common;
  return all === 0 ? 0 : common / all;
}

const encoder = new TextEncoder();

function bytesOf(text: string): Uint8Array {
  const spelled = JSON.stringify(normalizeSpace(withoutThinking(text))).slice(1, -1);
  return encoder.encode(spelled.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()));
}
