/**
 * The index: what is kept of every turn of a dataset, in flat arrays on one piece of shared memory, 36 bytes a turn and 9 a
 * conversation. Turns that can never be part of an answer, those of conversations of fewer than two, are left out.
 *
 * What is asked together stands together: in memory that is in none of the processor's caches, what costs time is how many places of
 * it are touched.
 */

import { firstNear } from '../core/first.js';
import { extraOf, type Key, type KeySeed, NO_SEED } from '../core/keys.js';

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

/** The lower bits of a turn's start say where it begins in its record, which is shorter than 2²⁴ bytes, the upper ones are `extraOf` its normalized key. */
const START_BITS = 24;
const START_MASK = 2 ** START_BITS - 1;

/** In a turn's length: its text is empty; it is the first of its conversation. The rest is the length, in bytes. */
export const EMPTY_FLAG = 0x8000_0000;
export const FIRST_FLAG = 0x4000_0000;
export const LENGTH_MASK = 0x3fff_ffff;

/** The rows of a shard, which count from its start, an array for each of their numbers. */
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
  /** For every turn, the lower half of its normalized key. */
  readonly normalized: Uint32Array;
  /** For every turn, where it begins in the record, and eight bits more of its normalized key. */
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
    this.normalized = next(turns);
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
  'normalized',
  'starts',
  'lengths',
] as const;

/** Numbers of a turn in an index. */
export const ROW_NUMBERS = 5;
/** What they are: both halves of its key; where it begins in the record, with eight bits of its normalized key; its length; its tokens, 0 while they are not counted. */
export const ROW = { keyLow: 0, keyHigh: 1, start: 2, length: 3, tokens: 4 } as const;

/** Numbers of a conversation in an index. */
export const CONVERSATION_NUMBERS = 5;
/**
 * What they are: where its record begins in the file, in two halves; its first turn's row; where its id stands in the record, or
 * the record's place among all where it has none; the length of the id, 0 where there is none.
 */
export const CONVERSATION = { offsetLow: 0, offsetHigh: 1, firstTurn: 2, idStart: 3, idLength: 4 } as const;

/** Numbers of a place in `order`, and what they are: the upper half of the turn's key, and its row. */
export const ORDER_NUMBERS = 2;
export const ORDER = { key: 0, row: 1 } as const;

/** Rows of `order` that share a leader, the first of them in file order. */
export const LED_ROWS = 512;

/** Keys are divided among as many buckets, a power of two, as make so many rows of `order` a bucket at most, if they are evenly spread. */
const BUCKET_ROWS = 512;

/** Rows that share an entry of `conversationsAt`. */
export const ENTRY_ROWS = 512;

const UPPER_HALF = 2 ** 32;

/** Bits of `endings` a conversation, and how many of them a key sets: of a hundred keys that are none, three look as if they were. */
const ENDING_BITS = 8;
const ENDING_MIXERS = [0x9e37_79b1, 0x85eb_ca77, 0xc2b2_ae3d];

/** The rows of a dataset, and their orders. */
export class IndexTable {
  readonly size: RowCounts;
  readonly buffer: SharedArrayBuffer;
  /** How many turns have a reply: all but the last of each conversation. */
  readonly replies: number;
  /** All turns, in file order, `ROW_NUMBERS` each. */
  readonly rows: Uint32Array;
  /** All conversations, in file order, `CONVERSATION_NUMBERS` each. */
  readonly conversations: Uint32Array;
  /** For every turn, the lower half of its normalized key. */
  readonly normalized: Uint32Array;
  /** The turns that have a reply, by their key, then by that of the turn before, and so on back to the start. */
  readonly order: Uint32Array;
  /** The rows of the same turns by their normalized key. */
  readonly normalizedOrder: Uint32Array;
  /** For every `LED_ROWS` places in `order`, the first of their rows in file order. */
  readonly leaders: Uint32Array;
  /** For every bucket of keys, and behind the last one, the first place in `order`. */
  readonly buckets: Uint32Array;
  /** The conversations of the first of each `ENTRY_ROWS` rows, and the last one. */
  readonly conversationsAt: Uint32Array;
  /** Bits that the normalized keys of conversations' last turns have set, which no order has. (Bloom, 1970.) */
  readonly endings: Uint32Array;
  /** Both halves of the seed that all keys were made with, the lower one first. */
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

  /** The bytes of an index. */
  static byteLength(size: RowCounts): number {
    const numbers = Object.values(lengthsOf(size)).reduce((sum, length) => sum + length, 0);
    return numbers * Uint32Array.BYTES_PER_ELEMENT;
  }

  /** Room for an index of that size, whose keys are made with that seed. */
  static allocate(size: RowCounts, seed: KeySeed = NO_SEED): IndexTable {
    const table = new IndexTable({ size, buffer: new SharedArrayBuffer(IndexTable.byteLength(size)) });
    table.seedHalves.set([seed.low, seed.high]);
    return table;
  }

  /** What all keys were made with. */
  get seed(): KeySeed {
    const [low = 0, high = 0] = this.seedHalves;
    return { low, high };
  }

  /** The length of a turn, with its flags. */
  lengthOf(row: number): number {
    return this.rows[row * ROW_NUMBERS + ROW.length] as number;
  }

  /** True if the text of a turn is not empty. */
  isSpoken(row: number): boolean {
    return this.lengthOf(row) < EMPTY_FLAG;
  }

  /** True if a turn is the first of its conversation. */
  isFirst(row: number): boolean {
    return (this.lengthOf(row) & FIRST_FLAG) !== 0;
  }

  /** Where a turn begins in its record. */
  startOf(row: number): number {
    return (this.rows[row * ROW_NUMBERS + ROW.start] as number) & START_MASK;
  }

  /** False if a turn has another normalized key, of those whose lower half is the same. */
  mayBeNormalized(row: number, { high }: Key): boolean {
    return (this.rows[row * ROW_NUMBERS + ROW.start] as number) >>> START_BITS === extraOf(high);
  }

  /** How many tokens a turn's text has; 0 while they are not counted. */
  tokensOf(row: number): number {
    return this.rows[row * ROW_NUMBERS + ROW.tokens] as number;
  }

  /** Keeps how many tokens a turn's text has; 0 forgets it. */
  setTokens(row: number, tokens: number): void {
    this.rows[row * ROW_NUMBERS + ROW.tokens] = tokens;
  }

  /** Where a conversation's record begins in the file. */
  offsetOf(conversation: number): number {
    const at = conversation * CONVERSATION_NUMBERS;
    const low = this.conversations[at + CONVERSATION.offsetLow] as number;
    return low + (this.conversations[at + CONVERSATION.offsetHigh] as number) * UPPER_HALF;
  }

  /** @param offset where the record begins, in bytes */
  setOffset(conversation: number, offset: number): void {
    const at = conversation * CONVERSATION_NUMBERS;
    this.conversations[at + CONVERSATION.offsetLow] = offset;
    this.conversations[at + CONVERSATION.offsetHigh] = offset / UPPER_HALF;
  }

  /** The row of a conversation's first turn; behind the last one, that behind all turns. */
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
    // The one behind it is about where it would be if all were as long.
    const guess = first + 1 + Math.floor((at - entry) * (last - first));
    return firstNear(guess, first + 1, last + 1, (each) => this.firstTurnOf(each) > row) - 1;
  }

  /** Where among the buckets a key is, by its upper half: the whole part is the bucket, the rest how far into it. */
  bucketOf(key: number): number {
    return (key / UPPER_HALF) * (this.buckets.length - 1);
  }

  /** Notes the lower half of the normalized key of a conversation's last turn. */
  addEnding(normalized: number): void {
    for (const mixer of ENDING_MIXERS) {
      const { word, bit } = this.endingAt(normalized, mixer);
      this.endings[word] = (this.endings[word] as number) | bit;
    }
  }

  /** False if no conversation ends with a turn of that normalized key. */
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

  /** How many turns that have a text don't have their tokens counted. */
  get uncounted(): number {
    let count = 0;
    for (let row = 0; row < this.size.turns; row++) {
      if (this.tokensOf(row) === 0 && this.isSpoken(row)) count++;
    }
    return count;
  }

  /** Makes all tokens uncounted. */
  forgetTokens(): void {
    for (let row = 0; row < this.size.turns; row++) this.setTokens(row, 0);
  }
}

/** The numbers in each array of an index, in the order in which they stand. */
function lengthsOf(size: RowCounts) {
  const replies = repliesOf(size);
  return {
    rows: size.turns * ROW_NUMBERS,
    conversations: size.conversations * CONVERSATION_NUMBERS,
    normalized: size.turns,
    order: replies * ORDER_NUMBERS,
    normalizedOrder: replies,
    leaders: Math.ceil(replies / LED_ROWS),
    buckets: 2 ** Math.max(0, Math.ceil(Math.log2(replies / BUCKET_ROWS))) + 1,
    conversationsAt: Math.ceil(size.turns / ENTRY_ROWS) + 1,
    endings: Math.ceil((size.conversations * ENDING_BITS) / 32),
    seedHalves: 2,
  };
}

function repliesOf({ turns, conversations }: RowCounts): number {
  return turns - conversations;
}
