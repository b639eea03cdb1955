/**
 * Texts as vectors, by feature hashing (Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009). The features
 * are the shingles of a text: all runs of `SHINGLE_LENGTH` characters. A hash of each selects a dimension, and whether 1 is added there or
 * subtracted, so shingles that collide cancel each other out on average. Texts that share most of their shingles get vectors that are close.
 *
 * Each sum is replaced by its square root with the same sign (Perronnin et al., "Improving the Fisher Kernel", ECCV 2010): otherwise, the
 * shingles that every English text has outweigh all others. The vector is then scaled to length 1.
 */

import { EMBEDDED_TOGETHER_MAX } from './limits.js';

/** A vector of length 1, in a compact form. */
export interface Embedding {
  /** For each dimension, the shingles that were added to it minus those that were subtracted. */
  readonly counts: Int32Array;
  /** What the square roots are multiplied by. */
  readonly scale: number;
}

/** Characters of a shingle. The 64 bits of a window have room for four. */
const SHINGLE_LENGTH = 4;

const SPACE = 32;
const UPPER_A = 65;
const UPPER_Z = 90;

/**
 * The vector of a text. Letters of ASCII in either case are the same, and so are all runs of white space. Yields after each
 * `EMBEDDED_TOGETHER_MAX` characters.
 */
export function* embeddingOf(text: string, dimensions: number): Generator<void, Embedding> {
  const counts = new Int32Array(dimensions);
  // The last four characters, two in each number. The text has a space before it and after it.
  let before = 0;
  let last = SPACE;
  let known = 1;
  for (let start = 0; start <= text.length; start += EMBEDDED_TOGETHER_MAX) {
    const end = Math.min(start + EMBEDDED_TOGETHER_MAX, text.length + 1);
    for (let i = start; i < end; i++) {
      const code = i < text.length ? folded(text.charCodeAt(i)) : SPACE;
      if (code === SPACE && (last & 0xffff) === SPACE) continue;
      before = (before << 16) | (last >>> 16);
      last = (last << 16) | code;
      // A text that is shorter than a shingle is one.
      if (++known >= SHINGLE_LENGTH) add(counts, before, last);
    }
    if (end <= text.length) yield;
  }
  if (known < SHINGLE_LENGTH) add(counts, before, last);
  return scaled(counts);
}

/** The component in one dimension, as a 32-bit float. */
export function componentOf(count: number, scale: number): number {
  return Math.fround(Math.sign(count) * Math.sqrt(Math.abs(count)) * scale);
}

function folded(code: number): number {
  if (code <= SPACE) return SPACE;
  return code >= UPPER_A && code <= UPPER_Z ? code + SPACE : code;
}

function add(counts: Int32Array, before: number, last: number): void {
  const hash = hashOf(before, last);
  // The high bits select the dimension, the lowest the sign.
  const dimension = Math.floor((hash / 2 ** 32) * counts.length);
  counts[dimension] = (counts[dimension] as number) + ((hash & 1) === 0 ? 1 : -1);
}

/** A hash of 32 bits: MurmurHash3 of two blocks. */
function hashOf(before: number, last: number): number {
  let hash = mixedIn(mixedIn(0, before), last);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function mixedIn(hash: number, block: number): number {
  const first = Math.imul(block, 0xcc9e2d51);
  const mixed = hash ^ Math.imul((first << 15) | (first >>> 17), 0x1b873593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function scaled(counts: Int32Array): Embedding {
  // The sum of the squares of the square roots.
  let sum = 0;
  for (let i = 0; i < counts.length; i++) sum += Math.abs(counts[i] as number);
  // All shingles may cancel each other out. A vector of length 1 needs another direction.
  if (sum === 0) {
    counts[0] = 1;
    sum = 1;
  }
  return { counts, scale: 1 / Math.sqrt(sum) };
}
