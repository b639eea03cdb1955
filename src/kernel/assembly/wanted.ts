/**
 * Which keys are worth computing. A sweep looks for a few texts among very many: a text of another length has another
 * key, one that begins otherwise has another normalized key. Two maps of bits hold lengths and beginnings that are looked for;
 * a bit that is set by chance costs a hash and nothing else.
 */

import { normalizedHead } from './normalizing';

const MAP_BYTES: usize = 8192;
const BIT_MASK: u64 = 65_535;
const MIX: u64 = 0x9e3779b97f4a7c15;
const lengths = memory.data(16_392, 8);
const heads = lengths + MAP_BYTES;
const longest = heads + MAP_BYTES;
export let isAllWanted: bool = true;

/** Where the two maps stand, behind each other, and the length of the longest text behind them. */
export function wantedAt(): usize {
  return lengths;
}

/** Every key is computed. */
export function wantAll(): void {
  isAllWanted = true;
}

/** Only those keys are computed that are in the maps, which are empty now. */
export function wantNone(): void {
  isAllWanted = false;
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

/** The length of the longest text whose key is looked for. */
export function longestWanted(): usize {
  return load<u32>(longest);
}

/** Without its key, a text counts as one that is not looked for. */
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
