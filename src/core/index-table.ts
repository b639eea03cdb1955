/**
 * The index: what is kept of every turn of a dataset, in flat arrays on one piece of shared memory, 34 bytes a turn and 20 a
 * conversation. Turns that can never be part of an answer, those of conversations of fewer than two, are left out.
 *
 *     IndexRows    in file order; every shard has some, which are put together
 *     order        rows by their key, then by the key of the turn before, and so on back to the start
 *     milestones   the upper halves of every second of those rows' keys: a search finds its two or so rows among these, which stand
 *                  side by side, before it looks at keys, which don't
 *     foldedOrder  rows by their folded key
 *     tokens       how many each turn has, filled in when it is asked for, or nobody asks for anything
 */

/** How many rows there are. */
export interface RowCounts {
  readonly turns: number;
  readonly conversations: number;
}

/** Rows as they are handed from thread to thread. */
export interface RowData {
  readonly size: RowCounts;
  readonly buffer: SharedArrayBuffer;
}

/** In a turn's length: its text is empty; it is the first of its conversation. The rest is the length, in bytes. */
export const EMPTY_FLAG = 0x8000_0000;
export const FIRST_FLAG = 0x4000_0000;
export const LENGTH_MASK = 0x3fff_ffff;

/** The rows of a shard, which count from its start, or of a dataset. */
export class IndexRows<Memory extends ArrayBufferLike = SharedArrayBuffer> {
  readonly size: RowCounts;
  readonly buffer: Memory;
  /** For every conversation, where its record begins in the file. */
  readonly offsets: Float64Array;
  /** For every conversation, its first turn's row. */
  readonly firstTurns: Uint32Array;
  /** For every conversation, where its id stands in the record; the record's place among all where it has none. */
  readonly idStarts: Uint32Array;
  /** The length of the id, 0 where there is none. */
  readonly idLengths: Uint32Array;
  /** For every turn, both halves of its key, the lower one first. */
  readonly keys: Uint32Array;
  /** For every turn, the lower half of its folded key. */
  readonly folded: Uint32Array;
  /** For every turn, where it begins in the record. */
  readonly starts: Uint32Array;
  readonly lengths: Uint32Array;

  /** @param start where they begin in their memory, in bytes */
  constructor({ size, buffer }: { size: RowCounts; buffer: Memory }, start = 0) {
    const { turns, conversations } = size;
    this.size = size;
    this.buffer = buffer;
    this.offsets = new Float64Array(buffer, start, conversations);
    let at = start + this.offsets.byteLength;
    const next = (length: number) => {
      const array = new Uint32Array(buffer, at, length);
      at += array.byteLength;
      return array;
    };
    this.firstTurns = next(conversations);
    this.idStarts = next(conversations);
    this.idLengths = next(conversations);
    this.keys = next(2 * turns);
    this.folded = next(turns);
    this.starts = next(turns);
    this.lengths = next(turns);
  }

  /** The bytes of so many rows. */
  static byteLength({ turns, conversations }: RowCounts): number {
    return 20 * conversations + 20 * turns;
  }
}

/** The names of the arrays of rows. */
export const ROW_ARRAYS = [
  'offsets',
  'firstTurns',
  'idStarts',
  'idLengths',
  'keys',
  'folded',
  'starts',
  'lengths',
] as const;
export type RowArray = (typeof ROW_ARRAYS)[number];

/** Rows of `order` that share a milestone, the upper half of the last one's key. */
export const MILESTONE_ROWS = 2;

/** Rows of `order` that share a leader, the first of them in file order. */
export const LED_ROWS = 512;

/** The rows of a dataset, and their orders. */
export class IndexTable extends IndexRows {
  /** The rows of all turns that have a reply. */
  readonly order: Uint32Array;
  readonly milestones: Uint32Array;
  readonly foldedOrder: Uint32Array;
  readonly leaders: Uint32Array;
  /** For every turn, how many tokens its text has; 0 while they are not counted. */
  readonly tokens: Uint32Array;

  constructor(data: RowData) {
    super(data);
    const { size, buffer } = data;
    const replies = repliesOf(size);
    const orderAt = IndexRows.byteLength(size);
    this.order = new Uint32Array(buffer, orderAt, replies);
    this.milestones = new Uint32Array(buffer, orderAt + 4 * replies, milestonesOf(replies));
    this.foldedOrder = new Uint32Array(
      buffer,
      this.milestones.byteOffset + this.milestones.byteLength,
      replies,
    );
    const leadersAt = this.foldedOrder.byteOffset + this.foldedOrder.byteLength;
    this.leaders = new Uint32Array(buffer, leadersAt, Math.ceil(replies / LED_ROWS));
    // Last, since it is what still changes when the rest stands.
    this.tokens = new Uint32Array(buffer, this.leaders.byteOffset + this.leaders.byteLength, size.turns);
  }

  /** The conversation that a row belongs to. */
  conversationOf(row: number): number {
    const { firstTurns } = this;
    const { turns, conversations } = this.size;
    // It is about where it would be if all were as long, and about as far from what stands there as the rows between them say; then
    // all is near, and so mostly in one piece of memory. (Interpolation search.)
    const perTurn = conversations / turns;
    const guess = Math.floor(row * perTurn);
    const nearer = guess + Math.round((row - (firstTurns[guess] as number)) * perTurn);
    let low = Math.max(0, Math.min(conversations - 1, nearer));
    let high = low + 1;
    for (let step = 1; low > 0 && (firstTurns[low] as number) > row; step *= 2) {
      high = low;
      low = Math.max(0, low - step);
    }
    for (let step = 1; high < conversations && (firstTurns[high] as number) <= row; step *= 2) {
      low = high;
      high = Math.min(conversations, high + step);
    }
    // The last one that begins at the row or before it.
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((firstTurns[middle] as number) > row) high = middle;
      else low = middle;
    }
    return low;
  }

  /** How many turns that have a text don't have their tokens counted. */
  get uncounted(): number {
    let count = 0;
    for (let row = 0; row < this.size.turns; row++) {
      if (this.tokens[row] === 0 && (this.lengths[row] as number) < EMPTY_FLAG) count++;
    }
    return count;
  }

  /** The bytes of an index. */
  static override byteLength(size: RowCounts): number {
    const replies = repliesOf(size);
    return (
      IndexRows.byteLength(size) +
      4 * (2 * replies + milestonesOf(replies) + Math.ceil(replies / LED_ROWS) + size.turns)
    );
  }

  /** Room for an index of that size. */
  static allocate(size: RowCounts): IndexTable {
    return new IndexTable({ size, buffer: new SharedArrayBuffer(IndexTable.byteLength(size)) });
  }
}

function milestonesOf(replies: number): number {
  return Math.floor(replies / MILESTONE_ROWS);
}

/** How many turns have a reply: all but the last of each conversation. */
function repliesOf({ turns, conversations }: RowCounts): number {
  return turns - conversations;
}
