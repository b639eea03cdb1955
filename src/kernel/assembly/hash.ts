/**
 * XXH64 (Yann Collet; the algorithm is specified in xxHash's doc/xxhash_spec.md): four independent lanes of eight bytes, which
 * keep a processor's multipliers busy.
 *
 * A seed also changes two of its primes. If the primes were known, a client could make two texts that collide under every fourth
 * seed: a difference in the upper bits of a word passes a round nearly unchanged, and a later word of the same lane cancels it.
 */

const P1: u64 = 0x9e3779b185ebca87;
const P2: u64 = 0xc2b2ae3d27d4eb4f;
const P3: u64 = 0x165667b19e3779f9;
const P4: u64 = 0x85ebca77c2b2ae63;
const P5: u64 = 0x27d4eb2f165667c5;

/** Truncates all keys to `bits` bits. Tests use a few bits, so that keys collide. */
export function narrowKeys(bits: i32): void {
  mask = bits === 64 ? u64.MAX_VALUE : ((<u64>1) << bits) - 1;
}

let mask: u64 = u64.MAX_VALUE;

let seed: u64 = 0;
let p1: u64 = P1;
let p2: u64 = P2;

/** Sets the seed. Seed 0 is plain XXH64. */
export function seedHash(to: u64): void {
  seed = to;
  // Multipliers must be odd.
  p1 = P1 ^ (to << 1);
  p2 = P2 ^ (rotl<u64>(to, 32) << 1);
}

/** The hash of `length` bytes at `p`. */
export function hash(p: usize, length: usize): u64 {
  return unmasked(p, length) & mask;
}

function unmasked(p: usize, length: usize): u64 {
  const end = p + length;
  const m1 = p1;
  const m2 = p2;
  let h: u64;
  if (length >= STRIPE_BYTES) {
    let a: u64 = seed + m1 + m2;
    let b: u64 = seed + m2;
    let c: u64 = seed;
    let d: u64 = seed - m1;
    do {
      a = round(a, load<u64>(p), m1, m2);
      b = round(b, load<u64>(p, 8), m1, m2);
      c = round(c, load<u64>(p, 16), m1, m2);
      d = round(d, load<u64>(p, 24), m1, m2);
      p += STRIPE_BYTES;
    } while (p + STRIPE_BYTES <= end);
    h = converged(a, b, c, d, m1, m2);
  } else {
    h = seed + P5;
  }
  return finished(h + length, p, end, m1, m2);
}

/** The bytes that a round of all lanes consumes. */
const STRIPE_BYTES: usize = 32;

/** The state of an incremental hash: the four lanes, how many bytes were added, and those that don't fill a stripe yet. */
export const HASHING_BYTES: usize = 72;
const HASHED: usize = 32;
const REST: usize = 40;

/** Begins a hash of bytes that are added in parts. */
export function beginHash(hashing: usize): void {
  store<u64>(hashing, seed + p1 + p2);
  store<u64>(hashing, seed + p2, 8);
  store<u64>(hashing, seed, 16);
  store<u64>(hashing, seed - p1, 24);
  store<u64>(hashing, 0, HASHED);
}

/** Adds a part. */
export function addToHash(hashing: usize, p: usize, length: usize): void {
  const end = p + length;
  const rest = hashedBytes(hashing) & (STRIPE_BYTES - 1);
  store<u64>(hashing, hashedBytes(hashing) + length, HASHED);
  if (rest > 0) {
    const added = min(length, STRIPE_BYTES - rest);
    memory.copy(hashing + REST + rest, p, added);
    p += added;
    if (rest + added < STRIPE_BYTES) return;
    takeStripe(hashing, hashing + REST);
  }
  for (; p + STRIPE_BYTES <= end; p += STRIPE_BYTES) takeStripe(hashing, p);
  memory.copy(hashing + REST, p, end - p);
}

/** How many bytes were added to a hash. */
export function hashedBytes(hashing: usize): usize {
  return <usize>load<u64>(hashing, HASHED);
}

/** The hash of all bytes that were added. */
export function endHash(hashing: usize): u64 {
  const length = hashedBytes(hashing);
  let h: u64 = seed + P5;
  if (length >= STRIPE_BYTES) {
    const a = load<u64>(hashing);
    const b = load<u64>(hashing, 8);
    h = converged(a, b, load<u64>(hashing, 16), load<u64>(hashing, 24), p1, p2);
  }
  const rest = hashing + REST;
  return finished(h + length, rest, rest + (length & (STRIPE_BYTES - 1)), p1, p2) & mask;
}

function takeStripe(hashing: usize, p: usize): void {
  for (let lane: usize = 0; lane < STRIPE_BYTES; lane += 8) {
    store<u64>(hashing + lane, round(load<u64>(hashing + lane), load<u64>(p + lane), p1, p2));
  }
}

/** Combines the four lanes into one hash. */
function converged(a: u64, b: u64, c: u64, d: u64, m1: u64, m2: u64): u64 {
  const h = rotl<u64>(a, 1) + rotl<u64>(b, 7) + rotl<u64>(c, 12) + rotl<u64>(d, 18);
  return merge(merge(merge(merge(h, a, m1, m2), b, m1, m2), c, m1, m2), d, m1, m2);
}

/** Adds the bytes that don't fill a stripe, and finishes the hash. */
function finished(h: u64, p: usize, end: usize, m1: u64, m2: u64): u64 {
  for (; p + 8 <= end; p += 8) h = rotl<u64>(h ^ round(0, load<u64>(p), m1, m2), 27) * m1 + P4;
  if (p + 4 <= end) {
    h = rotl<u64>(h ^ (<u64>load<u32>(p) * m1), 23) * m2 + P3;
    p += 4;
  }
  for (; p < end; p++) h = rotl<u64>(h ^ (<u64>load<u8>(p) * P5), 11) * m1;
  h = (h ^ (h >> 33)) * m2;
  h = (h ^ (h >> 29)) * P3;
  return h ^ (h >> 32);
}

function round(lane: u64, word: u64, m1: u64, m2: u64): u64 {
  return rotl<u64>(lane + word * m2, 31) * m1;
}

function merge(h: u64, lane: u64, m1: u64, m2: u64): u64 {
  return (h ^ round(0, lane, m1, m2)) * m1 + P4;
}
