/**
 * The layout of the kernel's memory. Nothing is ever allocated: the regions follow each other, and grow with the capacity,
 * the number of bytes of the dataset that the input can hold.
 *
 *     | static data | input | joined | respelled | normalized | turns | records | kept |
 *
 * The input comes first, so that its contents need not move when the capacity grows. The kept rows come last, since they
 * grow on their own.
 */

/** Vector loads and stores may reach this far past the end of a region. */
export const PADDING: usize = 64;

/** The sizes of a turn's row and of a record's row. */
export const TURN_BYTES: usize = 28;
export const RECORD_BYTES: usize = 20;

/** The length of the shortest turn, `{"from":""},`. It limits how many turns an input can hold. */
const SHORTEST_TURN: usize = 12;
/** The maximum number of records that one call of `walk` reads. */
export const RECORDS_MAX: usize = 4096;

/** A byte that isn't UTF-8 becomes the three bytes of U+FFFD. */
const REPAIR_GROWTH: usize = 3;

const PAGE: usize = 65_536;

/** The input: the bytes to read. */
export let input: usize = 0;
/** The size of the input. */
export let inputBytes: usize = 0;
/** The joined parts of a text; or the turns to verify, whose texts have no parts. */
export let joined: usize = 0;
/** A text as `JSON.stringify` would spell it. */
export let respelled: usize = 0;
/** A text with its white space normalized; or a text for `spell`. */
export let normalized: usize = 0;
/** Rows of turns, and of records. */
export let turns: usize = 0;
export let records: usize = 0;
/** The rows kept for an index. */
export let kept: usize = 0;
let keptBytes: usize = 0;

/** Makes room for `capacity` bytes of input. Preserves the input and the kept rows; the contents of other regions are lost. */
export function reserve(capacity: usize): void {
  // The byte before the input is for the opening quote of a text.
  input = align(__heap_base + 1);
  inputBytes = capacity;
  joined = align(input + capacity + PADDING);
  respelled = align(joined + capacity * REPAIR_GROWTH + PADDING);
  normalized = align(respelled + capacity * REPAIR_GROWTH + PADDING);
  turns = align(normalized + capacity * REPAIR_GROWTH + PADDING);
  records = align(turns + (capacity / SHORTEST_TURN + 1) * TURN_BYTES);
  const from = kept;
  kept = align(records + RECORDS_MAX * RECORD_BYTES);
  grow(kept + keptBytes);
  memory.copy(kept, from, keptBytes);
}

/** Makes room for `bytes` bytes of kept rows, and preserves those that are there. */
export function growKept(bytes: usize): void {
  keptBytes = bytes;
  grow(kept + bytes);
}

/** Makes room for `bytes` bytes in place of the kept rows. They are valid until the next call of `reserve`. */
export function spareRoom(bytes: usize): usize {
  grow(kept + bytes);
  return kept;
}

export function grow(end: usize): void {
  const missing = (end + PAGE - 1) / PAGE - <usize>memory.size();
  if (<isize>missing > 0 && memory.grow(<i32>missing) < 0) unreachable();
}

export function align(address: usize): usize {
  return (address + 63) & ~63;
}
