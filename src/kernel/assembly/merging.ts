/**
 * Byte pair encoding: as long as two neighbours are a token together, those whose token has the lowest rank are merged; of equal ones the
 * first. The ranks of all neighbours are in a row, one for each byte, so that vectors find the lowest. A second row has the lowest of
 * each 64.
 *
 * A long word is encoded window by window. How much of a window is encoded as in the whole word? The vocabularies' ranks increase with each
 * merge: a token's rank is higher than those of its two parts, and each token is what its own bytes are encoded to. So encoding is the
 * same as going through all ranks once, from the lowest to the highest. What comes after a window can only change it from its end on: the
 * end of what is unaffected is between two tokens, and moves to the left only if the token before it is merged, which one rank can do
 * once. If rank r merges the token z with w after it, then w begins with what the last such move merged, at a lower rank. The longest such
 * sequence in the vocabularies moves by 745 bytes (o200k_base) and 599 (cl100k_base); a test computes both. So all tokens that end
 * at least `UNSETTLED` bytes before a window's end are final, and the next window begins after them: what comes before a border of tokens
 * never matters.
 */

import { NO_RANK, rankOf, rankOfPair } from './vocabulary';

/** The longest window, in bytes. */
export const WINDOW: usize = 4096;
/** The bytes at the end of a window whose tokens may differ in the whole word. */
const UNSETTLED: usize = 768;

const BLOCK: usize = 64;
const RANKS_BYTES: usize = WINDOW * 4;
const LOWEST_BYTES: usize = (WINDOW / BLOCK) * 4;
/** The bytes that `layMerging` needs. */
export const MERGING_BYTES: usize = RANKS_BYTES + LOWEST_BYTES + 2 * (WINDOW + 2) * 2;

/** For each byte at which a token starts, the rank of that token and the next one together. */
let ranks: usize = 0;
/** The lowest rank of each block. */
let lowest: usize = 0;
/** For each byte at which a token starts, where the token ends, and where the token before it starts. */
let ends: usize = 0;
let befores: usize = 0;

let window: usize = 0;
let windowBytes: usize = 0;

/** The number of bytes at `p` that were encoded last. */
export let encodedBytes: usize = 0;

/** Sets the address of the rows. */
export function layMerging(at: usize): void {
  ranks = at;
  lowest = ranks + RANKS_BYTES;
  ends = lowest + LOWEST_BYTES;
  befores = ends + (WINDOW + 2) * 2;
}

/**
 * Encodes `length` bytes of a word, or the first of them. `encodedBytes` says how many were encoded.
 *
 * @param out where the tokens go
 * @returns how many tokens there are
 */
export function encodeWord(p: usize, length: usize, out: usize): u32 {
  window = p;
  windowBytes = min(length, WINDOW);
  merge();
  const settled = windowBytes < length ? windowBytes - UNSETTLED : windowBytes;
  let tokens: u32 = 0;
  let start: usize = 0;
  while (start < windowBytes) {
    const end = endOf(start);
    if (end > settled) break;
    store<u32>(out + ((<usize>tokens) << 2), rankOf(p + start, end - start));
    tokens++;
    start = end;
  }
  encodedBytes = start;
  return tokens;
}

function merge(): void {
  const last = windowBytes - 1;
  for (let i: usize = 0; i < last; i++) {
    store<u32>(ranks + (i << 2), rankOfPair(window + i));
    store<u16>(ends + (i << 1), i + 1);
    store<u16>(befores + (i << 1), i - 1);
  }
  store<u16>(ends + (last << 1), windowBytes);
  store<u16>(befores + (last << 1), last - 1);
  // The rest of the last block.
  const blocks = (windowBytes + BLOCK - 1) / BLOCK;
  for (let i = last; i < blocks * BLOCK; i++) store<u32>(ranks + (i << 2), NO_RANK);
  if (blocks === 1) {
    const vectors = (windowBytes + 3) >> 2;
    while (true) {
      const i = lowestOf(ranks, vectors);
      if (lowestRank === NO_RANK) return;
      mergeAt(i);
    }
  }
  const vectors = (blocks + 3) >> 2;
  for (let b: usize = 0; b < vectors << 2; b++) store<u32>(lowest + (b << 2), NO_RANK);
  for (let b: usize = 0; b < blocks; b++) findLowest(b);
  while (true) {
    const block = lowestOf(lowest, vectors);
    if (lowestRank === NO_RANK) return;
    const i = block * BLOCK + lowestOf(ranks + block * BLOCK * 4, BLOCK >> 2);
    const next = endOf(i);
    mergeAt(i);
    findLowest(block);
    const nextBlock = next / BLOCK;
    if (nextBlock !== block) findLowest(nextBlock);
    if (i > 0) {
      const blockBefore = beforeOf(i) / BLOCK;
      if (blockBefore !== block) findLowest(blockBefore);
    }
  }
}

function findLowest(block: usize): void {
  lowestOf(ranks + block * BLOCK * 4, BLOCK >> 2);
  store<u32>(lowest + (block << 2), lowestRank);
}

/** Merges the token that starts at `i` with the next one. */
function mergeAt(i: usize): void {
  const next = endOf(i);
  const end = endOf(next);
  store<u16>(ends + (i << 1), end);
  store<u32>(ranks + (next << 2), NO_RANK);
  if (end < windowBytes) store<u16>(befores + (end << 1), i);
  store<u32>(ranks + (i << 2), rankAt(i, end));
  if (i === 0) return;
  const before = beforeOf(i);
  store<u32>(ranks + (before << 2), rankOf(window + before, end - before));
}

/** The rank of the bytes from `start` to the end of the token that starts at `next`. */
function rankAt(start: usize, next: usize): u32 {
  return next < windowBytes ? rankOf(window + start, endOf(next) - start) : NO_RANK;
}

function endOf(start: usize): usize {
  return <usize>load<u16>(ends + (start << 1));
}

function beforeOf(start: usize): usize {
  return <usize>load<u16>(befores + (start << 1));
}

/** The lowest number that `lowestOf` found. */
let lowestRank: u32 = 0;

/** The index of the first of the lowest of some numbers. */
function lowestOf(numbers: usize, vectors: usize): usize {
  const end = numbers + (vectors << 4);
  let least = v128.load(numbers);
  for (let p = numbers + 16; p < end; p += 16) least = i32x4.min_u(least, v128.load(p));
  least = i32x4.min_u(least, v128.shuffle<u32>(least, least, 2, 3, 0, 1));
  least = i32x4.min_u(least, v128.shuffle<u32>(least, least, 1, 0, 3, 2));
  lowestRank = <u32>i32x4.extract_lane(least, 0);
  let p = numbers;
  while (true) {
    const equal = i32x4.bitmask(i32x4.eq(v128.load(p), least));
    if (equal !== 0) return ((p - numbers) >> 2) + ctz(equal);
    p += 16;
  }
}
