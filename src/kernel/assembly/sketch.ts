/**
 * Sketches of texts, 120 bits each. The higher the score of two texts, the more bits of their sketches are equal. docs/matching.md has the
 * sources.
 *
 * A text is the set of its shingles, all runs of four bytes of it as `JSON.stringify` spells it, white space normalized and ASCII letters
 * in lower case. A hash puts each shingle into a bin and gives it a rank there. The lowest rank of a bin is a sample of the text, and
 * the sketch keeps a bit of it. Bins that are still empty are filled in further rounds, with other hashes.
 */

import { align, grow, normalized } from './memory';
import { normalize } from './normalizing';

/** The size of a sketch. Its last byte is free for a mark of its turn: see `markOf` in ../sketches.ts. */
const SKETCH_BYTES: usize = 16;
const TEXT_BITS: u64 = 0x00ff_ffff_ffff_ffff;
const MARK_SHIFT: u64 = 56;

/** The bins, each with its lowest rank: the round, then bits of the hash. The sketch has no room for the last eight. */
const BINS_BYTES: usize = 512;
const USED_BYTES: usize = 480;
const RANK_BITS: u32 = 25;
const RANK_MASK: u32 = (1 << RANK_BITS) - 1;
const ROUNDS: u32 = 127;
const SHINGLE_BYTES: usize = 4;
const bins = memory.data(512, 16);

/** Writes the sketch of the text at `p`, as it is spelled. */
export function writeSketch(to: usize, p: usize, length: usize): void {
  const bytes = normalize(p, p + length, length);
  store<u64>(normalized + bytes, 0);
  lower(normalized, normalized + bytes);
  memory.fill(bins, 0xff, BINS_BYTES);
  const last = normalized + max(bytes, SHINGLE_BYTES) - SHINGLE_BYTES;
  for (let round: u32 = 0; round < ROUNDS && hasEmpty(); round++) addRound(round, last);
  store<u64>(to, bitsOf(bins, BINS_BYTES / 2));
  store<u64>(to, bitsOf(bins + BINS_BYTES / 2, USED_BYTES - BINS_BYTES / 2), 8);
}

/** Lowers ASCII letters. May write up to fifteen bytes past the end, which stay as they are. */
function lower(p: usize, end: usize): void {
  for (; p < end; p += 16) {
    const bytes = v128.load(p);
    const fromA = i8x16.sub(bytes, i8x16.splat(0x41));
    const isUpper = i8x16.lt_u(fromA, i8x16.splat(26));
    v128.store(p, v128.or(bytes, v128.and(isUpper, i8x16.splat(0x20))));
  }
}

/** Puts every shingle into a bin. `last` is the address of the last one. */
function addRound(round: u32, last: usize): void {
  const salt = round * 0x9e37_79b9;
  const base = round << RANK_BITS;
  for (let p = normalized; p <= last; p++) {
    let hash = (load<u32>(p) + salt) * 0x85eb_ca6b;
    hash = (hash ^ (hash >> 15)) * 0xc2b2_ae35;
    const bin = bins + ((hash >> RANK_BITS) << 2);
    store<u32>(bin, min<u32>(load<u32>(bin), base | (hash & RANK_MASK)));
  }
}

/** True if a bin that the sketch has room for is empty. */
function hasEmpty(): bool {
  let full = i32x4.splat(-1);
  for (let p = bins; p < bins + USED_BYTES; p += 16)
    full = v128.and(full, i32x4.ne(v128.load(p), i32x4.splat(-1)));
  return !i32x4.all_true(full);
}

/** A bit of the lowest rank of each bin. */
function bitsOf(from: usize, bytes: usize): u64 {
  let bits: u64 = 0;
  for (let at: usize = 0; at < bytes; at += 16) {
    const mixed = i32x4.mul(v128.load(from + at), i32x4.splat(0x9e37_79b1));
    bits |= (<u64>i32x4.bitmask(mixed)) << (<u64>(at >> 2));
  }
  return bits;
}

// The search, in an instance of its own:
//
//     | static data | the sought sketch | counts | hits | sketches |

/** How many hits a search keeps, and for how many it has room. */
const KEPT: usize = 64;
const ROOM: usize = 4 * KEPT;
const HIT_BYTES: usize = 8;
const DISTANCES: usize = 128;
const sought = memory.data(16, 16);
const counts = memory.data(512, 16);
const hits = memory.data(2048, 16);
const hitsEnd = hits + ROOM * HIT_BYTES;
let sketches: usize = 0;

export function soughtAt(): usize {
  return sought;
}
export function hitsAt(): usize {
  return hits;
}

/** Makes room for sketches; returns their address. The instance can't walk any more. */
export function laySketches(count: usize): usize {
  sketches = align(__heap_base);
  grow(sketches + count * SKETCH_BYTES);
  return sketches;
}

/**
 * Finds the nearest of some sketches: those that differ in the fewest bits; of equals, the first.
 *
 * @param limit the most bits that may differ
 * @param isMarked true if their marks must be equal, too
 * @returns the number of hits, four times `KEPT` at most; each is a number and how many bits differ
 */
export function findSketches(from: usize, to: usize, limit: i32, isMarked: bool): usize {
  const low = load<u64>(sought);
  const high = load<u64>(sought, 8);
  const mark: u64 = isMarked ? 0xff : 0;
  let most = <u64>limit;
  let out = hits;
  for (let i = from; i < to; i++) {
    const sketch = sketches + i * SKETCH_BYTES;
    const other = high ^ load<u64>(sketch, 8);
    const distance = popcnt<u64>(low ^ load<u64>(sketch)) + popcnt<u64>(other & TEXT_BITS);
    if (distance > most || ((other >> MARK_SHIFT) & mark) !== 0) continue;
    store<u32>(out, <u32>i);
    store<u32>(out, <u32>distance, 4);
    out += HIT_BYTES;
    if (out < hitsEnd) continue;
    most = keepNearest();
    out = hits + KEPT * HIT_BYTES;
    // Whatever comes later is farther than all of these, or not before them.
    if (most === 0) break;
    most--;
  }
  return (out - hits) / HIT_BYTES;
}

/** Keeps the nearest `KEPT` of all hits, in their order; returns the distance of the farthest one. */
function keepNearest(): u64 {
  memory.fill(counts, 0, 4 * DISTANCES);
  for (let hit = hits; hit < hitsEnd; hit += HIT_BYTES) {
    const count = counts + 4 * <usize>load<u32>(hit, 4);
    store<u32>(count, load<u32>(count) + 1);
  }
  let farthest: usize = 0;
  let nearer: usize = 0;
  while (nearer + load<u32>(counts + 4 * farthest) < KEPT) nearer += load<u32>(counts + 4 * farthest++);
  let left = KEPT - nearer;
  let out = hits;
  for (let hit = hits; hit < hitsEnd; hit += HIT_BYTES) {
    const distance: usize = load<u32>(hit, 4);
    if (distance > farthest || (distance === farthest && left === 0)) continue;
    if (distance === farthest) left--;
    store<u64>(out, load<u64>(hit));
    out += HIT_BYTES;
  }
  return farthest;
}
