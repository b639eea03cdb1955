/**
 * How the kernel's memory is laid out. Nothing is ever allocated: the regions stand behind each other, and grow together
 * with the capacity, the number of bytes of the dataset that the input can hold.
 *
 *     | static data | input | joined | respelled | normalized | turns | records | kept |
 *
 * The input comes first, so that what it holds stays where it is when the capacity grows. What is kept comes last, since it
 * grows by itself.
 */

/** Wide loads may read this far past the end of a region, and wide stores write. */
export const PADDING: usize = 64;

/** Bytes of a turn's row, and of a record's. */
export const TURN_BYTES: usize = 24;
export const RECORD_BYTES: usize = 20;

/** The shortest turn is `{"from":""},`: no input holds more of them. */
const SHORTEST_TURN: usize = 12;
/** As many records are walked at a time. */
export const RECORDS_MAX: usize = 4096;

/** A byte that is no UTF-8 becomes the three bytes of U+FFFD. */
const REPAIR_GROWTH: usize = 3;

const PAGE: usize = 65_536;

/** The bytes that are read. */
export let input: usize = 0;
/** How many there may be. */
export let inputBytes: usize = 0;
/** The parts of a text, joined; or turns that are to be verified, of which none has parts. */
export let joined: usize = 0;
/** A text as `JSON.stringify` would spell it. */
export let respelled: usize = 0;
/** A text with its white space normalized; or one that is still to be spelled. */
export let normalized: usize = 0;
/** Rows of turns, and of records. */
export let turns: usize = 0;
export let records: usize = 0;
/** What is kept of one batch after the other. */
export let kept: usize = 0;
let keptBytes: usize = 0;

/** Makes room for that many bytes of input. What the input holds, and what is kept, stays; what the others hold is lost. */
export function reserve(capacity: usize): void {
  // Before it there is room for the quote of a text.
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

/** Makes room for so many bytes to be kept. Those that are there stay. */
export function growKept(bytes: usize): void {
  keptBytes = bytes;
  grow(kept + bytes);
}

/** Room for so many bytes, in place of what was kept: until the next call of `reserve`. */
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
