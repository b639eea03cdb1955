/** The kernel's face to TypeScript: WebAssembly that is built from `assembly/`, and what it promises. */

import { readFileSync } from 'node:fs';
import { type ByteCount, byteCount, type Room } from '../core/bytes.js';
import { type KeySeed, NO_SEED, type TextKeys } from '../core/keys.js';
import { KEYED_TOGETHER_MAX, RECORD_BYTES_MAX } from '../core/limits.js';
import type { DatasetFormat } from '../dataset/file.js';
import type { RowNumbers, RowSorter, SortedRows } from '../index/order.js';
import { FIRST_FLAG, IndexRows, LED_ROWS, ROW_ARRAYS, type RowData } from '../index/table.js';

/** What stands in `assembly/index.ts`. Addresses and lengths are bytes of its memory. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  reserve(capacity: number): void;
  spareRoom(bytes: number): number;
  inputAt(): number;
  verifyAt(): number;
  turnsAt(): number;
  recordsAt(): number;
  turnRows(): number;
  recordRows(): number;
  conversationRows(): number;
  beginKeeping(): void;
  keep(base: number, firstRecord: number): void;
  keptAt(): number;
  keptRoom(): number;
  keptTurns(): number;
  keptConversations(): number;
  narrowKeys(bits: number): void;
  textAt(): number;
  spell(length: number): number;
  seedKeys(low: number, high: number): void;
  keys(length: number): void;
  keyingAt(): number;
  keyingBytes(): number;
  beginKeys(): void;
  addToKeys(length: number): void;
  endKeys(): void;
  want(length: number, headLow: number, headHigh: number, normalized: boolean): void;
  wantAll(): void;
  wantNone(): void;
  wantedAt(): number;
  beginSort(): void;
  addPairs(
    firstRow: number,
    count: number,
    lengths: number,
    numbers: number,
    stride: number,
    out: number,
  ): number;
  placeDigits(): void;
  moveByDigit(digit: number, from: number, to: number, other: number): void;
  takeRows(pairs: number, count: number, equal: number, numbers: number): number;
  leastRows(rows: number, count: number, stretch: number, out: number): void;
  beginVerify(to: number): void;
  verifyTurn(at: number, length: number): number;
  spellReply(at: number): number;
  replyAt(): number;
  roleAt(): number;
  roleLength(): number;
  survey(from: number, length: number): number;
  surveyedStart(hypothesis: number): number;
  beginWalk(lines: boolean, first: boolean, recordMax: number): void;
  walk(from: number, to: number, stop: number): number;
  walkedTo(): number;
  invalidAt(): number;
  isAtRecord(): boolean;
  passOver(from: number, to: number, begins: boolean, lines: boolean): number;
  continueBehindRecord(): void;
}

/** How a walk ended; the numbers are those of `assembly/index.ts`. */
export const WALKED = {
  /** The last record isn't whole, or the input has been read to its end. */
  needsMore: 0,
  /** The next record begins at the stop, or behind it. */
  reachedStop: 1,
  /** The list's closing bracket was read. */
  listEnded: 2,
  /** There are rows to take before the walk can go on. */
  rowsAreFull: 3,
  /** The next record is nested deeper than the kernel follows. */
  tooDeep: 4,
  invalid: 5,
} as const;

/** Numbers of a turn's row. */
export const TURN_NUMBERS = 6;
/**
 * What they are. Keys are halved. Where all are wanted, the normalized key may be that of the ends. A conversation's last turn, which has
 * no reply, may lack its key, and, unless all are wanted, its normalized key. A start is a place in the input; the highest bit of a length says that the text is empty.
 */
export const TURN = {
  keyLow: 0,
  keyHigh: 1,
  normalizedLow: 2,
  normalizedHigh: 3,
  start: 4,
  length: 5,
} as const;

/** Where the keys of one text stand, those of a row come first: what comes behind them, and how many numbers that makes. */
const ENDS_LOW = 4;
const ENDS_HIGH = 5;
const HEAD_LOW = 6;
const HEAD_HIGH = 7;
const LENGTH = 8;
const KEY_NUMBERS = 9;

/** Numbers of a record's row. */
export const RECORD_NUMBERS = 5;
/** What they are. An id that is not there has no length; `turns` may be `NO_CONVERSATION`. */
export const RECORD = { start: 0, length: 1, turns: 2, idStart: 3, idLength: 4 } as const;
/** In place of the number of turns: the record is no conversation. */
export const NO_CONVERSATION = 0xffff_ffff;

/** The bytes of the two maps of what is wanted, and of the length behind them. */
export const WANTED_BYTES = 16_392;

/** Of what is sorted: a row and its number, the digits of a number, and what is done in one call. See `assembly/sorting.ts`. */
const PAIR_BYTES = 8;
const SORT_DIGITS = 3;
const MOVED_BYTES = 1 << 15;
const ADDED_ROWS = 1 << 12;

/** The length of a key. */
export const KEY_BITS = 64;

/** A longer text, in characters, stands in no record: a byte makes one at most. Spelled, a byte that isn't UTF-8 takes three. */
const TEXT_LENGTH_MAX = RECORD_BYTES_MAX;
const TEXT_BYTES_MAX = 3 * RECORD_BYTES_MAX;

/** The longest text with half a surrogate pair, in characters, that is looked up: `JSON.stringify` takes a second for six million. */
const HALF_PAIRS_LENGTH_MAX = 1 << 18;

/** The longest text, in characters, of which is remembered that it stands in the input. */
const REMEMBERED_LENGTH_MAX = 1 << 16;

const encoder = new TextEncoder();
let compiled: WebAssembly.Module | undefined;

/** The compiled kernel. It can be handed to other threads, which then need not compile it. */
export function kernelModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(readFileSync(new URL('./kernel.wasm', import.meta.url)));
  return compiled;
}

/** One instance, with a memory of its own, which only ever grows. */
export class Kernel implements RowSorter {
  /** Bytes that the input can hold. */
  capacity = 0;
  private readonly module: WebAssembly.Module;
  private readonly keyBits: number;
  private exports: Exports;
  private inputView = new Uint8Array();
  /** The same with the bytes before and behind it: a text with its quotes. */
  private spelledView = new Uint8Array();
  /** Where texts are put that are still to be spelled. */
  private textView = new Uint8Array();
  private keyRow = new Uint32Array();
  private seed: KeySeed = NO_SEED;
  /** All of its memory. */
  private bytes = Buffer.alloc(0);
  /** The text that stands in the input, spelled, and its length there, in bytes. */
  private written: string | undefined;
  private writtenLength = 0;

  /** @param keyBits how much of a key is kept; less than all of it only in tests, for keys that collide */
  constructor(module: WebAssembly.Module, capacity: number, keyBits: number = KEY_BITS) {
    this.module = module;
    this.keyBits = keyBits;
    this.exports = this.instantiate();
    this.reserve(capacity);
  }

  /** Takes another instance in place of one that has trapped, whose memory may hold anything. */
  renew(): void {
    const { capacity } = this;
    this.capacity = 0;
    this.written = undefined;
    this.exports = this.instantiate();
    this.reserve(capacity);
  }

  private instantiate(): Exports {
    const exports = new WebAssembly.Instance(this.module).exports as unknown as Exports;
    exports.narrowKeys(this.keyBits);
    this.seed = NO_SEED;
    return exports;
  }

  /**
   * What is walked, surveyed or hashed. A view: it is another one after `reserve`. Whoever asks for it may write to it, so that the
   * text of the last keys is taken for gone: it isn't to be held until others are asked for.
   */
  get input(): Uint8Array {
    this.written = undefined;
    return this.inputView;
  }

  /** Makes room for that many bytes of input. What it holds stays there. */
  reserve(capacity: number): void {
    if (capacity <= this.capacity) return;
    this.exports.reserve(capacity);
    this.capacity = capacity;
    this.takeViews();
  }

  /** The keys of all texts depend on a seed from now on. */
  useSeed(seed: KeySeed): void {
    if (seed === this.seed) return;
    this.exports.seedKeys(seed.low, seed.high);
    this.seed = seed;
  }

  /**
   * The keys of a text, by the seed that is in use.
   *
   * @returns undefined if it is longer than any text of a dataset
   */
  keysOf(text: string): TextKeys | undefined {
    const length = this.write(text);
    if (length === undefined) return undefined;
    this.exports.keys(length);
    return this.writtenKeys();
  }

  /**
   * The keys of a long text, slice by slice: other texts may come between them. Yields after each.
   *
   * @param sliceLength how many characters are taken at a time
   * @returns undefined if it is longer than any text of a dataset
   */
  *keysInSlices(
    text: string,
    seed: KeySeed,
    sliceLength: number = KEYED_TOGETHER_MAX,
  ): Generator<void, TextKeys | undefined> {
    if (text.length > TEXT_LENGTH_MAX) return undefined;
    const size = this.exports.keyingBytes();
    const state = new Uint8Array(size);
    const inState = (act: () => void) => {
      this.useSeed(seed);
      const at = this.exports.keyingAt();
      this.bytes.set(state, at);
      act();
      state.set(this.bytes.subarray(at, at + size));
    };
    inState(() => this.exports.beginKeys());
    for (let at = 0; at < text.length; ) {
      const slice = sliceAt(text, at, sliceLength);
      const length = this.write(slice);
      if (length === undefined) return undefined;
      inState(() => this.exports.addToKeys(length));
      at += slice.length;
      yield;
    }
    inState(() => this.exports.endKeys());
    return this.writtenKeys();
  }

  private writtenKeys(): TextKeys {
    const half = (number: number) => this.keyRow[number] as number;
    return {
      key: { low: half(TURN.keyLow), high: half(TURN.keyHigh) },
      normalized: { low: half(TURN.normalizedLow), high: half(TURN.normalizedHigh) },
      ends: { low: half(ENDS_LOW), high: half(ENDS_HIGH) },
      head: { low: half(HEAD_LOW), high: half(HEAD_HIGH) },
      length: half(LENGTH),
    };
  }

  /** Room for turns that are to be verified, `capacity` bytes. What it holds is lost when anything else is done but to verify them. */
  get verifyRoom(): Room {
    return { bytes: this.bytes, at: this.exports.verifyAt() };
  }

  /**
   * Verifies that turns have certain texts, one after the other.
   *
   * @param texts of all turns but the last; their keys were asked for before
   * @param start where in the bytes of `verifyRoom` the turns stand, separated by commas
   * @param end where they end
   * @returns of the last who speaks, and the text as `JSON.stringify` spells it, quotes included: a byte string, each character a byte
   *     of UTF-8; undefined if a text is another, or if the shape of a turn is unusual, or if the last calls functions
   */
  replyTo(
    texts: readonly string[],
    start: number,
    end: number,
  ): { readonly from: string; readonly spelled: string } | undefined {
    const { exports } = this;
    let at = start;
    exports.beginVerify(end);
    for (const text of texts) {
      const length = this.write(text);
      at = length === undefined ? 0 : exports.verifyTurn(at, length);
      if (at === 0) return undefined;
    }
    const length = exports.spellReply(at);
    if (length === 0) return undefined;
    const replyAt = exports.replyAt();
    const roleAt = exports.roleAt();
    return {
      from: this.bytes.toString('utf8', roleAt, roleAt + exports.roleLength()),
      spelled: this.bytes.toString('latin1', replyAt, replyAt + length),
    };
  }

  /** From now on, walks compute the keys of all texts. */
  wantAll(): void {
    this.exports.wantAll();
  }

  /** From now on, walks compute only keys that are wanted. */
  wantNone(): void {
    this.exports.wantNone();
  }

  /** Says that the key of a text is looked for, and its normalized key if `normalized`. */
  want({ length, head }: TextKeys, normalized: boolean): void {
    this.exports.want(length, head.low, head.high, normalized);
  }

  /** What is wanted, to be copied to another kernel's, `WANTED_BYTES` of it. */
  get wanted(): Uint8Array {
    return new Uint8Array(this.exports.memory.buffer, this.exports.wantedAt(), WANTED_BYTES);
  }

  /**
   * Looks for the first place in the first `length` bytes of the input where a record of an array may begin, under both
   * hypotheses about what the first byte stands in. It must not stand behind a backslash.
   *
   * @returns undefined if neither hypothesis can be ruled out, or if none is left, or if nothing begins
   */
  surveyStart(length: number): number | undefined {
    const start = this.exports.inputAt();
    const possible = this.exports.survey(start, length);
    if (possible !== 1 && possible !== 2) return undefined;
    const at = this.exports.surveyedStart(possible - 1);
    return at === 0 ? undefined : at - start;
  }

  /** See `RowSorter`. The input is lost. */
  sortRows(count: number, parts: Iterable<RowNumbers>): SortedRows {
    const { exports } = this;
    const bytes = PAIR_BYTES * count;
    // Numbers and lengths go through the input.
    this.reserve(3 * 4 * ADDED_ROWS);
    let pairs = exports.spareRoom(2 * bytes);
    let other = pairs + bytes;
    this.takeViews();
    exports.beginSort();
    let filled = pairs;
    for (const part of parts) filled = this.addPairs(part, filled);
    exports.placeDigits();
    for (let digit = 0; digit < SORT_DIGITS; digit++) {
      for (let from = pairs; from < filled; from += MOVED_BYTES) {
        exports.moveByDigit(digit, from, Math.min(from + MOVED_BYTES, filled), other);
      }
      filled += other - pairs;
      [pairs, other] = [other, pairs];
    }
    const numbers = other + bytes / 2;
    const found = exports.takeRows(pairs, count, other, numbers);
    const { buffer } = exports.memory;
    return {
      rows: new Uint32Array(buffer, pairs, count),
      numbers: new Uint32Array(buffer, numbers, count),
      equal: new Uint32Array(buffer, other, found),
    };
  }

  /** See `RowSorter`. */
  leadersOf(rows: Uint32Array): Uint32Array {
    const count = Math.ceil(rows.length / LED_ROWS);
    // Behind the rows there is room as long: the pairs stood there.
    const out = rows.byteOffset + rows.byteLength;
    this.exports.leastRows(rows.byteOffset, rows.length, LED_ROWS, out);
    return new Uint32Array(this.exports.memory.buffer, out, count);
  }

  /** Adds pairs for some rows behind those that are there; returns the address behind them. */
  private addPairs({ firstRow, lengths, numbers, stride, offset }: RowNumbers, out: number): number {
    const { exports } = this;
    this.written = undefined;
    const start = exports.inputAt();
    const copied = new Uint32Array(exports.memory.buffer, start, (1 + stride) * ADDED_ROWS);
    let filled = out;
    for (let row = 0; row < lengths.length; row += ADDED_ROWS) {
      const count = Math.min(ADDED_ROWS, lengths.length - row);
      copied.set(numbers.subarray(row * stride, (row + count) * stride));
      copied.set(lengths.subarray(row + 1, row + 1 + count), stride * ADDED_ROWS);
      // Behind the last turn of a part stands none of its conversation.
      if (row + count === lengths.length) copied[stride * ADDED_ROWS + count - 1] = FIRST_FLAG;
      const lengthsAt = start + 4 * stride * ADDED_ROWS;
      filled = exports.addPairs(firstRow + row, count, lengthsAt, start + 4 * offset, 4 * stride, filled);
    }
    return filled;
  }

  /** Gets ready to walk from a place where a record begins, or, if `first`, behind the list's opening bracket. */
  beginWalk(format: DatasetFormat, first: boolean, recordBytesMax: number): void {
    this.exports.beginWalk(format === 'lines', first, recordBytesMax);
  }

  /**
   * Walks on through the bytes from `from` to `to` of the input, to the first record that begins at `stop` or behind it.
   * The rows are those of the records that were read whole.
   */
  walk(from: number, to: number, stop: number): (typeof WALKED)[keyof typeof WALKED] {
    const start = this.exports.inputAt();
    const within = Math.max(0, Math.min(stop, this.capacity));
    const walked = this.exports.walk(start + from, start + to, start + within);
    return walked as (typeof WALKED)[keyof typeof WALKED];
  }

  /** Where the walk stands: at a record, or right behind one. */
  get walkedTo(): number {
    return this.exports.walkedTo() - this.exports.inputAt();
  }

  /** Where the byte is that made a walk invalid. */
  get invalidAt(): number {
    return this.exports.invalidAt() - this.exports.inputAt();
  }

  /** True if the walk stands at a record, false if it stands behind one. */
  get isAtRecord(): boolean {
    return Boolean(this.exports.isAtRecord());
  }

  /**
   * Passes over the record at which the walk stands, without looking into it.
   *
   * @param begins true for the record's first bytes, false for those that follow
   * @returns the place behind it; undefined if it goes on after `to`
   */
  passOver(from: number, to: number, begins: boolean, format: DatasetFormat): number | undefined {
    const start = this.exports.inputAt();
    const end = this.exports.passOver(start + from, start + to, begins, format === 'lines');
    if (end === 0) return undefined;
    this.exports.continueBehindRecord();
    return end - start;
  }

  /** The rows of the last walk's turns, `TURN_NUMBERS` a turn. Starts count from the start of the memory: see `inputStart`. */
  get turnRows(): Uint32Array {
    const { memory } = this.exports;
    return new Uint32Array(memory.buffer, this.exports.turnsAt(), this.exports.turnRows() * TURN_NUMBERS);
  }

  /** The rows of its records, `RECORD_NUMBERS` a record. */
  get recordRows(): Uint32Array {
    const { memory } = this.exports;
    return new Uint32Array(
      memory.buffer,
      this.exports.recordsAt(),
      this.exports.recordRows() * RECORD_NUMBERS,
    );
  }

  /** How many of the records are conversations. */
  get conversations(): number {
    return this.exports.conversationRows();
  }

  /** Forgets what was kept for an index. */
  beginKeeping(): void {
    this.exports.beginKeeping();
  }

  /**
   * Keeps what an index needs of the rows that the last walk wrote.
   *
   * @param base add it to a start in a row for its offset in the file
   * @param firstRecord how many of the shard's records stand before them
   */
  keep(base: number, firstRecord: number): void {
    this.exports.keep(base, firstRecord);
    this.takeViews();
  }

  /** A copy of what was kept, in memory that threads share. */
  kept(): RowData {
    const { exports } = this;
    const size = { turns: exports.keptTurns(), conversations: exports.keptConversations() };
    const buffer = new SharedArrayBuffer(IndexRows.byteLength(size));
    const copy = new IndexRows({ size, buffer });
    const room = { turns: exports.keptRoom(), conversations: exports.keptRoom() };
    const kept = new IndexRows({ size: room, buffer: exports.memory.buffer }, exports.keptAt());
    for (const name of ROW_ARRAYS) copy[name].set(kept[name].subarray(0, copy[name].length));
    return { size, buffer };
  }

  /** What the starts in rows count from: the address of the input. */
  get inputStart(): ByteCount {
    return byteCount(this.exports.inputAt());
  }

  /** Memory that grows gets another buffer, and old views of it are empty. */
  private takeViews(): void {
    const { memory } = this.exports;
    this.bytes = Buffer.from(memory.buffer);
    const start = this.exports.inputAt();
    this.inputView = new Uint8Array(memory.buffer, start, this.capacity);
    this.spelledView = new Uint8Array(memory.buffer, start - 1, this.capacity + 2);
    this.textView = new Uint8Array(memory.buffer, this.exports.textAt(), 3 * this.capacity);
    this.keyRow = new Uint32Array(memory.buffer, this.exports.turnsAt(), KEY_NUMBERS);
  }

  /** Puts a text into the input, as `JSON.stringify` spells it, if it isn't there. Returns its length in bytes. */
  private write(text: string): number | undefined {
    if (text === this.written) return this.writtenLength;
    if (text.length > TEXT_LENGTH_MAX) return undefined;
    const length = text.isWellFormed() ? this.spell(text) : this.writeSpelled(text);
    // A longer one would be held in memory.
    this.written = length === undefined || text.length > REMEMBERED_LENGTH_MAX ? undefined : text;
    this.writtenLength = length ?? 0;
    return length;
  }

  /** Spells a text that UTF-8 can encode; undefined if that takes more bytes than a record has room for. */
  private spell(text: string): number | undefined {
    for (let room = text.length; ; room = Math.min(2 * this.capacity, TEXT_BYTES_MAX)) {
      this.reserve(room);
      const { written } = encoder.encodeInto(text, this.textView);
      const length = this.exports.spell(written);
      if (length >= 0) return length;
      if (this.capacity >= TEXT_BYTES_MAX) return undefined;
    }
  }

  /** Writes a text that has half a surrogate pair, with its quotes, which stand around the input: to cut them off would take a copy. */
  private writeSpelled(text: string): number | undefined {
    if (text.length > HALF_PAIRS_LENGTH_MAX) return undefined;
    const spelled = JSON.stringify(text);
    this.reserve(Buffer.byteLength(spelled));
    return encoder.encodeInto(spelled, this.spelledView).written - 2;
  }
}

/** Some characters of a text, two of them at least if there are, without the first half of a surrogate pair at their end. */
function sliceAt(text: string, from: number, length: number): string {
  const to = from + length;
  const last = text.charCodeAt(to - 1);
  const isHalf = to < text.length && last >= 0xd800 && last < 0xdc00;
  return text.slice(from, isHalf ? to - 1 : to);
}
