/**
 * The index: a row for every turn of a dataset, in flat arrays in one shared buffer, 36 bytes per turn and 9 per conversation.
 * Conversations of fewer than two turns are left out, since they can never be part of an answer.
 *
 * Numbers that are read together are stored together: in memory that is in none of the processor's caches, the cost is the number of
 * locations that are read.
 */

import { firstNear } from '../core/first.js';
import { extraOf, type Key, type KeySeed, NO_SEED } from '../core/keys.js';

/** The numbers of turns and of conversations. */
export interface RowCounts {
  readonly turns: number;
  readonly conversations: number;
}

/** Rows, as they are passed between threads. */
export interface RowData {
  readonly size: RowCounts;
  readonly buffer: SharedArrayBuffer;
}

/**
 * The lower bits of a turn's start are its offset in its record, which is shorter than 2²⁴ bytes; the upper ones are `extraOf` its
 * normalized key.
 */
const START_BITS = 24;
const START_MASK = 2 ** START_BITS - 1;

/**
 * Flags in a turn's length: its text is empty; it is the first of its conversation; it isn't an assistant's. The rest is the length, in
 * bytes.
 */
export const EMPTY_FLAG = 0x8000_0000;
export const FIRST_FLAG = 0x4000_0000;
export const NOT_ASSISTANT_FLAG = 0x2000_0000;
export const LENGTH_MASK = 0x1fff_ffff;

/** Numbers per turn in an index. */
export const ROW_NUMBERS = 5;
/**
 * The numbers of a turn: both halves of its key; its offset in the record, with eight bits of its normalized key; its length; its tokens, 0
 * until they are counted.
 */
export const ROW = { keyLow: 0, keyHigh: 1, start: 2, length: 3, tokens: 4 } as const;

/** Numbers per conversation in an index. */
export const CONVERSATION_NUMBERS = 5;
/**
 * The numbers of a conversation: the offset of its record in the file, in two halves; the row of its first turn; the offset of its id in
 * the record, or without an id the index of the record among all; the length of the id, 0 without an id.
 */
export const CONVERSATION = { offsetLow: 0, offsetHigh: 1, firstTurn: 2, idStart: 3, idLength: 4 } as const;

/** The rows of a shard, numbered from its start: the arrays of an index that are in file order, as it has them. */
export class IndexRows<Memory extends ArrayBufferLike = SharedArrayBuffer> {
  readonly size: RowCounts;
  readonly buffer: Memory;
  /** All conversations, `CONVERSATION_NUMBERS` each. */
  readonly conversations: Uint32Array;
  /** All turns, `ROW_NUMBERS` each. Their tokens aren't counted yet. */
  readonly rows: Uint32Array;
  /** For every turn, the lower half of its normalized key. */
  readonly normalized: Uint32Array;

  /** @param start the offset of the rows in `buffer`, in bytes */
  constructor({ size, buffer }: { size: RowCounts; buffer: Memory }, start = 0) {
    const { turns, conversations } = size;
    this.size = size;
    this.buffer = buffer;
    this.conversations = new Uint32Array(buffer, start, CONVERSATION_NUMBERS * conversations);
    const rows = start + this.conversations.byteLength;
    this.rows = new Uint32Array(buffer, rows, ROW_NUMBERS * turns);
    this.normalized = new Uint32Array(buffer, rows + this.rows.byteLength, turns);
  }

  /** The size of the rows in bytes. */
  static byteLength({ turns, conversations }: RowCounts): number {
    return (CONVERSATION_NUMBERS * conversations + (ROW_NUMBERS + 1) * turns) * Uint32Array.BYTES_PER_ELEMENT;
  }
}

/** Rows in file order. They are numbered from the start of the index that they are for. */
export type NumberedRows = Pick<IndexRows, 'conversations' | 'rows' | 'normalized'>;

/** Numbers per place in `order`: the upper half of the turn's key, and its row. */
export const ORDER_NUMBERS = 2;
export const ORDER = { key: 0, row: 1 } as const;

/** Rows of `order` that share a leader, which is the first of them in file order. */
export const LED_ROWS = 512;

/**
 * The keys of each run are divided among buckets, a power of two of them. If keys are spread evenly, a bucket has at most this many rows of
 * `order`.
 */
const BUCKET_ROWS = 512;

/** Rows that share an entry of `conversationsAt`. */
export const ENTRY_ROWS = 512;

const UPPER_HALF = 2 ** 32;

/**
 * Bits of `endings` per conversation, and the multipliers of a key's hashes, each of which sets a bit: of a hundred other keys, three are
 * false positives. The kernel sets them: see `addEnding` of kernel/assembly/sorting.ts.
 */
const ENDING_BITS = 8;
const ENDING_MIXERS = [0x9e37_79b1, 0x85eb_ca77, 0xc2b2_ae3d];

/** The two runs of each order: the turns whose reply is an assistant's come before those whose reply isn't. */
export const RUN = { assistant: 0, other: 1 } as const;
export type Run = (typeof RUN)[keyof typeof RUN];

/** The rows of a dataset, and their sort orders. */
export class IndexTable {
  readonly size: RowCounts;
  readonly buffer: SharedArrayBuffer;
  /** The number of turns that have a reply: all but the last of each conversation. */
  readonly replies: number;
  /** All turns, in file order, `ROW_NUMBERS` each. */
  readonly rows: Uint32Array;
  /** All conversations, in file order, `CONVERSATION_NUMBERS` each. */
  readonly conversations: Uint32Array;
  /** For every turn, the lower half of its normalized key. */
  readonly normalized: Uint32Array;
  /** The turns that have a reply, each run sorted by their key, then by the key of the turn before, and so on back to the start. */
  readonly order: Uint32Array;
  /** The rows of the same turns, each run sorted by their normalized key. */
  readonly normalizedOrder: Uint32Array;
  /** For every `LED_ROWS` places in `order`, the first of their rows in file order. */
  readonly leaders: Uint32Array;
  /** The first place in `order` of every bucket of keys, those of the first run before those of the second, then the end of `order`. */
  readonly buckets: Uint32Array;
  /** The conversation of the first of each `ENTRY_ROWS` rows, then the last conversation. */
  readonly conversationsAt: Uint32Array;
  /** A Bloom filter of the normalized keys of conversations' last turns, which are in no order. (Bloom, 1970.) */
  readonly endings: Uint32Array;
  /** Both halves of the seed of all keys, the lower half first. */
  private readonly seedHalves: Uint32Array;

  constructor({ size, buffer }: RowData) {
    this.size = size;
    this.buffer = buffer;
    const lengths = lengthsOf(size);
    let at = 0;
    const next = (length: number) => {
      const array = new Uint32Array(buffer, at, length);
      at += array.byteLength;
      return array;
    };
    this.replies = repliesOf(size);
    this.rows = next(lengths.rows);
    this.conversations = next(lengths.conversations);
    this.normalized = next(lengths.normalized);
    this.order = next(lengths.order);
    this.normalizedOrder = next(lengths.normalizedOrder);
    this.leaders = next(lengths.leaders);
    this.buckets = next(lengths.buckets);
    this.conversationsAt = next(lengths.conversationsAt);
    this.endings = next(lengths.endings);
    this.seedHalves = next(lengths.seedHalves);
  }

  /** The size of an index in bytes. */
  static byteLength(size: RowCounts): number {
    const numbers = Object.values(lengthsOf(size)).reduce((sum, length) => sum + length, 0);
    return numbers * Uint32Array.BYTES_PER_ELEMENT;
  }

  /** Allocates an index of that size, for keys with that seed. */
  static allocate(size: RowCounts, seed: KeySeed = NO_SEED): IndexTable {
    const table = new IndexTable({ size, buffer: new SharedArrayBuffer(IndexTable.byteLength(size)) });
    table.seedHalves.set([seed.low, seed.high]);
    return table;
  }

  /** The seed of all keys. */
  get seed(): KeySeed {
    const [low = 0, high = 0] = this.seedHalves;
    return { low, high };
  }

  /** The length of a turn, including its flags. */
  lengthOf(row: number): number {
    return this.rows[row * ROW_NUMBERS + ROW.length] as number;
  }

  /** True if the text of a turn isn't empty. */
  isSpoken(row: number): boolean {
    return this.lengthOf(row) < EMPTY_FLAG;
  }

  /** True if a turn is the first of its conversation. */
  isFirst(row: number): boolean {
    return (this.lengthOf(row) & FIRST_FLAG) !== 0;
  }

  /** The offset of a turn in its record. */
  startOf(row: number): number {
    return (this.rows[row * ROW_NUMBERS + ROW.start] as number) & START_MASK;
  }

  /** False if a turn's normalized key differs, although its lower half is equal. True may be a false positive. */
  mayBeNormalized(row: number, { high }: Key): boolean {
    return (this.rows[row * ROW_NUMBERS + ROW.start] as number) >>> START_BITS === extraOf(high);
  }

  /** The number of tokens in a turn's text; 0 until they are counted. */
  tokensOf(row: number): number {
    return this.rows[row * ROW_NUMBERS + ROW.tokens] as number;
  }

  /** Stores the number of tokens in a turn's text; 0 clears it. */
  setTokens(row: number, tokens: number): void {
    this.rows[row * ROW_NUMBERS + ROW.tokens] = tokens;
  }

  /** The offset of a conversation's record in the file. */
  offsetOf(conversation: number): number {
    const at = conversation * CONVERSATION_NUMBERS;
    const low = this.conversations[at + CONVERSATION.offsetLow] as number;
    return low + (this.conversations[at + CONVERSATION.offsetHigh] as number) * UPPER_HALF;
  }

  /** The row of a conversation's first turn; for the conversation after the last one, the end of all rows. */
  firstTurnOf(conversation: number): number {
    if (conversation === this.size.conversations) return this.size.turns;
    return this.conversations[conversation * CONVERSATION_NUMBERS + CONVERSATION.firstTurn] as number;
  }

  /** The conversation that a row belongs to. */
  conversationOf(row: number): number {
    const at = row / ENTRY_ROWS;
    const entry = Math.floor(at);
    const first = this.conversationsAt[entry] as number;
    const last = this.conversationsAt[entry + 1] as number;
    // The next conversation is about here if all have the same length.
    const guess = first + 1 + Math.floor((at - entry) * (last - first));
    return firstNear(guess, first + 1, last + 1, (each) => this.firstTurnOf(each) > row) - 1;
  }

  /** The position of a key among the buckets, by its upper half: the integer part is the bucket, the fraction is the position in it. */
  bucketOf(run: Run, key: number): number {
    return (run + key / UPPER_HALF) * this.runBuckets;
  }

  /** The places of a run, the same in both orders. */
  runOf(run: Run): { readonly from: number; readonly to: number } {
    const middle = this.buckets[this.runBuckets] as number;
    return run === RUN.assistant ? { from: 0, to: middle } : { from: middle, to: this.replies };
  }

  /** The number of buckets of a run, a power of two. */
  get runBuckets(): number {
    return (this.buckets.length - 1) / 2;
  }

  /** False if no conversation ends with a turn of that normalized key. True may be a false positive. */
  mayEnd(normalized: number): boolean {
    return ENDING_MIXERS.every((mixer) => {
      const { word, bit } = this.endingAt(normalized, mixer);
      return ((this.endings[word] as number) & bit) !== 0;
    });
  }

  private endingAt(normalized: number, mixer: number): { readonly word: number; readonly bit: number } {
    const at = Math.floor(((Math.imul(normalized, mixer) >>> 0) / UPPER_HALF) * this.endings.length * 32);
    return { word: at >>> 5, bit: 1 << (at & 31) };
  }

  /** The number of turns that have a text, but no token count yet. */
  get uncounted(): number {
    let count = 0;
    for (let row = 0; row < this.size.turns; row++) {
      if (this.tokensOf(row) === 0 && this.isSpoken(row)) count++;
    }
    return count;
  }

  /** Clears all token counts. */
  forgetTokens(): void {
    for (let row = 0; row < this.size.turns; row++) this.setTokens(row, 0);
  }
}

/** The length of each array of an index, in the order of the arrays in memory. */
function lengthsOf(size: RowCounts) {
  const replies = repliesOf(size);
  return {
    rows: size.turns * ROW_NUMBERS,
    conversations: size.conversations * CONVERSATION_NUMBERS,
    normalized: size.turns,
    order: replies * ORDER_NUMBERS,
    normalizedOrder: replies,
    leaders: Math.ceil(replies / LED_ROWS),
    buckets: 2 * 2 ** Math.max(0, Math.ceil(Math.log2(replies / BUCKET_ROWS))) + 1,
    conversationsAt: Math.ceil(size.turns / ENTRY_ROWS) + 1,
    endings: Math.ceil((size.conversations * ENDING_BITS) / 32),
    seedHalves: 2,
  };
}

function repliesOf({ turns, conversations }: RowCounts): number {
  return turns - conversations;
}
