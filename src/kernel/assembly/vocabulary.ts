/**
 * The vocabulary of a tokenizer, in memory that all threads share: nothing writes to it once it is taken.
 *
 *     | static data | classes of characters | token count, bytes | pairs | starts | slots | bytes of all tokens | rooms |
 *
 * A token's number is its rank: of two neighbours in a text, the ones whose token has the lowest rank are merged first. Tokens are found by
 * their bytes. A slot of sixteen bytes has a short token whole, so that one access to memory decides whether there is one:
 *
 *     | bytes 0 to 7 | bytes 8 to 11 | number: 3 bytes | length |      up to twelve bytes
 *     | hash         | start         | number          | length |      longer: the bytes at the start decide
 *
 * Slots are searched one after the other from that of a hash on, up to an empty one. Half of them are empty.
 */

import { classesEnd } from './characters';
import { align, grow, PADDING } from './memory';

/** The rank of bytes that are no token. */
export const NO_RANK: u32 = 0xffffffff;
/** The longest token, in bytes. */
const TOKEN_BYTES_MAX: usize = 128;

/** The longest token that is in its slot. */
const SHORT: usize = 12;
const SLOT_BYTES: usize = 16;
const ID_SHIFT: u64 = 32;
const LENGTH_SHIFT: u64 = 56;
const ID_MASK: u32 = 0xffffff;
/** What must be equal of the second half of a slot. */
const KEY_MASK: u64 = 0xff000000ffffffff;
const PAIRS_BYTES: usize = 65_536 * 4;

const MIX: u64 = 0x9e3779b97f4a7c15;
const MIX_HIGH: u64 = 0xc2b2ae3d27d4eb4f;

/** For each length up to sixteen, the masks of the two halves of sixteen bytes. */
const masks = memory.data<u64>([
  0, 0, 0xff, 0, 0xffff, 0, 0xffffff, 0, 0xffffffff, 0, 0xffffffffff, 0, 0xffffffffffff, 0, 0xffffffffffffff,
  0, 0xffffffffffffffff, 0, 0xffffffffffffffff, 0xff, 0xffffffffffffffff, 0xffff, 0xffffffffffffffff,
  0xffffff, 0xffffffffffffffff, 0xffffffff, 0xffffffffffffffff, 0xffffffffff, 0xffffffffffffffff,
  0xffffffffffff, 0xffffffffffffffff, 0xffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff,
]);

const header: usize = (classesEnd + 63) & ~63;
/** The ranks of all pairs of bytes. */
const pairs: usize = header + 64;
/** Where each token starts among the bytes of all tokens, and where the last one ends. */
const starts: usize = pairs + PAIRS_BYTES;

let slots: usize = 0;
/** Makes a hash the number of a slot. */
let slotShift: u64 = 0;
/** Makes an address among the slots one that is in them. */
let slotMask: usize = 0;
let bytes: usize = 0;
/** The end of the vocabulary, where rooms begin. */
export let vocabularyEnd: usize = 0;

/** How many tokens there are: all lower numbers are tokens. */
export function tokenCount(): u32 {
  return load<u32>(header);
}

/** The address of where each token starts in the bytes at `bytesAt`, and of where the last one ends. */
export function tokenStartsAt(): usize {
  return starts;
}
export function bytesAt(): usize {
  return bytes;
}

/** Finds the places of a vocabulary that was taken. */
export function findVocabulary(): void {
  const count = <usize>load<u32>(header);
  const bits = 33 - clz(<u32>count - 1);
  slotShift = 64 - bits;
  slotMask = (SLOT_BYTES << bits) - 1;
  slots = align(starts + (count + 1) * 4);
  bytes = slots + slotMask + 1;
  vocabularyEnd = align(bytes + <usize>load<u32>(header, 4) + PADDING);
}

/**
 * Makes room for a vocabulary of which nothing is known yet.
 *
 * @param count of tokens
 * @param length of all of them, in bytes
 * @returns the address that the bytes of all tokens are written to
 */
export function layVocabulary(count: u32, length: u32): usize {
  grow(pairs);
  store<u32>(header, count);
  store<u32>(header, length, 4);
  findVocabulary();
  // The lengths come after the bytes until they have become starts.
  grow(vocabularyEnd + <usize>count);
  return bytes;
}

/** Takes the tokens that were written. @param lengths the address of the length of each, a byte */
export function takeVocabulary(lengths: usize): void {
  memory.fill(pairs, 0xff, PAIRS_BYTES);
  const count = tokenCount();
  let start: u32 = 0;
  for (let token: u32 = 0; token < count; token++) {
    store<u32>(starts + ((<usize>token) << 2), start);
    start += addToken(token, start, load<u8>(lengths + token));
  }
  store<u32>(starts + ((<usize>count) << 2), start);
}

/** Adds a token; returns its length. */
function addToken(token: u32, start: u32, length: u32): u32 {
  const p = bytes + start;
  const isShort = <usize>length <= SHORT;
  const low = isShort ? lowOf(p, length) : longHash(p, length);
  const key = (isShort ? highOf(p, length) : 0) | ((<u64>length) << LENGTH_SHIFT);
  let slot = slotOf(low, key);
  while (load<u64>(slots + slot, 8) !== 0) slot = after(slot);
  store<u64>(slots + slot, low);
  store<u64>(slots + slot, key | ((<u64>token) << ID_SHIFT) | (isShort ? 0 : <u64>start), 8);
  if (length === 2) store<u32>(pairs + ((<usize>load<u16>(p)) << 2), token);
  return length;
}

/** The first eight of up to sixteen bytes at `p`; the bytes after them may be read. */
export function lowOf(p: usize, length: usize): u64 {
  return load<u64>(p) & load<u64>(masks + (length << 4));
}

/** The others of up to sixteen bytes at `p`. */
export function highOf(p: usize, length: usize): u64 {
  return load<u64>(p, 8) & load<u64>(masks + (length << 4), 8);
}

/** A hash of sixteen bytes, whose upper bits depend on all of them. */
export function mixed(low: u64, high: u64): u64 {
  const product = (low ^ (high * MIX_HIGH)) * MIX;
  return product ^ (product << 32);
}

function slotOf(low: u64, high: u64): usize {
  return (<usize>(mixed(low, high) >> slotShift)) << 4;
}

function after(slot: usize): usize {
  return (slot + SLOT_BYTES) & slotMask;
}

function longHash(p: usize, length: usize): u64 {
  const last = p + length - 8;
  let hash: u64 = length;
  for (; p < last; p += 8) hash = rotl<u64>((hash ^ load<u64>(p)) * MIX, 29);
  return rotl<u64>((hash ^ load<u64>(last)) * MIX, 29);
}

/** The rank of a pair of bytes. */
export function rankOfPair(p: usize): u32 {
  return load<u32>(pairs + ((<usize>load<u16>(p)) << 2));
}

/** The rank of the bytes at `p`, or `NO_RANK`. At least sixteen bytes may be read. */
export function rankOf(p: usize, length: usize): u32 {
  return length <= SHORT ? shortRank(p, length) : longRank(p, length);
}

/** The same if the first slot of the bytes has it, as for most tokens; `NO_RANK` says nothing. */
export function firstRank(p: usize, length: usize): u32 {
  if (length > SHORT) return NO_RANK;
  const low = lowOf(p, length);
  const key = highOf(p, length) | ((<u64>length) << LENGTH_SHIFT);
  const slot = slots + slotOf(low, key);
  const high = load<u64>(slot, 8);
  return load<u64>(slot) === low && (high & KEY_MASK) === key ? <u32>(high >> ID_SHIFT) & ID_MASK : NO_RANK;
}

function shortRank(p: usize, length: usize): u32 {
  const low = lowOf(p, length);
  const key = highOf(p, length) | ((<u64>length) << LENGTH_SHIFT);
  let slot = slotOf(low, key);
  while (true) {
    const high = load<u64>(slots + slot, 8);
    if (load<u64>(slots + slot) === low && (high & KEY_MASK) === key)
      return <u32>(high >> ID_SHIFT) & ID_MASK;
    if (high === 0) return NO_RANK;
    slot = after(slot);
  }
}

function longRank(p: usize, length: usize): u32 {
  if (length > TOKEN_BYTES_MAX) return NO_RANK;
  const hash = longHash(p, length);
  let slot = slotOf(hash, (<u64>length) << LENGTH_SHIFT);
  while (true) {
    const high = load<u64>(slots + slot, 8);
    if (high === 0) return NO_RANK;
    if (load<u64>(slots + slot) === hash && high >> LENGTH_SHIFT === <u64>length) {
      if (memory.compare(bytes + <usize>(<u32>high), p, length) === 0)
        return <u32>(high >> ID_SHIFT) & ID_MASK;
    }
    slot = after(slot);
  }
}
