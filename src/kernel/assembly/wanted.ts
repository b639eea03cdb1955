/**
 * Decides which texts need a key. A sweep looks for a few wanted texts in a whole dataset. A text whose length no wanted text has needs no
 * key, and one whose beginning no wanted text has needs no normalized key. Two bitmaps hold the wanted lengths and beginnings. If a bit is
 * set by chance, the only cost is an unneeded key.
 */

import { normalizedHead } from './normalizing';

const MAP_BYTES: usize = 8192;
const BIT_MASK: u64 = 65_535;
const MIX: u64 = 0x9e3779b97f4a7c15;
const lengths = memory.data(16_392, 8);
const heads = lengths + MAP_BYTES;
const longest = heads + MAP_BYTES;
export let isAllWanted: bool = true;
/** True if sketches are wanted in place of keys. */
export let isSketching: bool = false;
/** True if normalized keys are always those of whole texts. */
export let isWholeWanted: bool = false;
/** True if texts are searched in place of making keys. */
export let isSearching: bool = false;

/** The address of the two bitmaps and, after them, the length of the longest wanted text. */
export function wantedAt(): usize {
  return lengths;
}

/**
 * Makes every key wanted.
 *
 * @param whole true if normalized keys are always those of whole texts
 */
export function wantAll(whole: bool): void {
  isAllWanted = true;
  isWholeWanted = whole;
  isSketching = false;
  isSearching = false;
}

/** Makes the sketch of every text wanted, in place of its keys. */
export function wantSketches(): void {
  isAllWanted = true;
  isSketching = true;
  isSearching = false;
}

/** Makes a search of every text wanted, in place of its keys. */
export function wantSearch(): void {
  isAllWanted = true;
  isSketching = false;
  isSearching = true;
}

/** Clears the bitmaps. Only keys that are added to them are wanted. */
export function wantNone(): void {
  isAllWanted = false;
  isSketching = false;
  isSearching = false;
  memory.fill(lengths, 0, 2 * MAP_BYTES + 8);
}

export function wantKey(length: usize): void {
  if (length > longestWanted()) store<u32>(longest, length);
  set(lengths, <u64>length & BIT_MASK);
}

/** @param head the normalized head of the text */
export function wantNormalizedKey(head: u64): void {
  set(heads, (head * MIX) >> 48);
}

/** The length of the longest text whose key is wanted. */
export function longestWanted(): usize {
  return load<u32>(longest);
}

/** True if a text of this length may be wanted. A text without its key matches nothing. */
export function isKeyWanted(length: usize): bool {
  return isAllWanted || has(lengths, <u64>length & BIT_MASK);
}

export function isNormalizedKeyWanted(p: usize, length: usize): bool {
  return isAllWanted || has(heads, (normalizedHead(p, length) * MIX) >> 48);
}

function set(map: usize, bit: u64): void {
  const at = map + <usize>(bit >> 3);
  store<u8>(at, load<u8>(at) | (1 << (<u8>(bit & 7))));
}

function has(map: usize, bit: u64): bool {
  return ((load<u8>(map + <usize>(bit >> 3)) >> <u8>(bit & 7)) & 1) !== 0;
}
