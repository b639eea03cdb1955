/** TypeScript bindings of the kernel, the WebAssembly built from `assembly/`, with the contracts of its functions. */

import { readFileSync } from 'node:fs';
import type { Anchor } from '../core/anchor.js';
import { type ByteCount, byteCount, type Room } from '../core/bytes.js';
import { type Key, type KeySeed, NO_SEED, type TextKeys } from '../core/keys.js';
import { KEYED_TOGETHER_MAX, RECORD_BYTES_MAX } from '../core/limits.js';
import type { TextSearch } from '../core/search.js';
import { withoutThinking } from '../core/thinking.js';
import type { DatasetFormat } from '../dataset/file.js';
import type { DividedPairs, RowSorter, SortedPairs, SortedRows } from '../index/order.js';
import {
  ENTRY_ROWS,
  FIRST_FLAG,
  IndexRows,
  LED_ROWS,
  type NumberedRows,
  ROW,
  ROW_NUMBERS,
  type RowData,
} from '../index/table.js';
import { bodyTexts } from './known-spelling.js';
import { LazyKeys } from './lazy-keys.js';
import { layAnchor, laySearch, type SearchExports } from './searching.js';

/** The exports of `assembly/index.ts`. Addresses and lengths are in bytes of the instance's memory. */
interface Exports extends SearchExports {
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
  leftOutTurns(): number;
  textsJoined(): number;
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
  measuredAt(): number;
  measuredAtOnce(): number;
  key(at: number, length: number): void;
  ends(at: number, length: number): void;
  keys(at: number, length: number): void;
  keyingAt(): number;
  keyingBytes(): number;
  beginKeys(): void;
  addToKeys(at: number, length: number): void;
  endKeys(): void;
  want(length: number, headLow: number, headHigh: number, normalized: boolean): void;
  wantAll(whole: boolean): void;
  wantNone(): void;
  wantSketches(): void;
  wantSearch(): void;
  foundTexts(): number;
  scan(from: number, to: number): number;
  sketch(at: number, length: number): void;
  wantedAt(): number;
  beginSort(inRuns: boolean): void;
  beginEntries(filter: number, words: number, entries: number): void;
  addPairs(
    firstRow: number,
    count: number,
    rows: number,
    numbers: number,
    stride: number,
    out: number,
  ): number;
  placeDigits(): void;
  moveByDigit(digit: number, from: number, to: number, other: number): void;
  moveRows(from: number, to: number, other: number): void;
  findEqual(pairs: number, from: number, to: number, out: number): number;
  beginDivide(count: number, out: number): number;
  divide(from: number, to: number): void;
  findBuckets(pairs: number, first: number, end: number, bits: number, out: number): void;
  leastRows(from: number, to: number, stretch: number, out: number): number;
  beginVerify(to: number, isThinkingIgnored: boolean): void;
  verifyTurn(at: number, textAt: number, length: number): number;
  areTextsWhole(): boolean;
  mayHaveReasoning(): boolean;
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

/** How a walk ended. `assembly/index.ts` has the same numbers. */
export const WALKED = {
  /** The last record is incomplete, or the walk has read the input to its end. */
  needsMore: 0,
  /** The next record begins at or after the stop. */
  reachedStop: 1,
  /** The list's closing bracket was read. */
  listEnded: 2,
  /** There is no room for more rows: take them before walking on. */
  rowsAreFull: 3,
  /** The next record is nested too deeply for the kernel. */
  tooDeep: 4,
  invalid: 5,
} as const;

/** How many numbers a turn's row has. */
export const TURN_NUMBERS = 7;
/**
 * The columns of a turn's row. Keys are split into halves. After `wantAll`, the normalized key may be that of the ends. A conversation's
 * last turn has no reply, so it may lack its key and, unless all keys are wanted, its normalized key. A start is an address in the input.
 * A length has the flags `EMPTY_FLAG` and `NOT_ASSISTANT_FLAG` of index/table.ts. The length of the text, as `JSON.stringify` spells it, has
 * the number of the role among `ROLES` in its upper two bits; it is right only if all keys or sketches are wanted.
 */
export const TURN = {
  keyLow: 0,
  keyHigh: 1,
  normalizedLow: 2,
  normalizedHigh: 3,
  start: 4,
  length: 5,
  text: 6,
} as const;

/** The parts of a row's `text`. */
export const TEXT_LENGTH_MASK = 0x3fff_ffff;
export const ROLE_SHIFT = 30;

/** The keys of one text begin like a turn's row, with four halves. These are the columns after them, and the total number of columns. */
const ENDS_LOW = 4;
const HEAD_LOW = 6;
const LENGTH = 8;
const KEY_NUMBERS = 9;

/** A sketch, and how many numbers it has. */
export type Sketch = Uint32Array;
export const SKETCH_NUMBERS = 4;

/** After `wantSearch`, the column of a turn's row that is 1 if it was found, else 0. */
export const IS_FOUND = TURN.keyLow;

/** How many numbers a record's row has. */
export const RECORD_NUMBERS = 5;
/** The columns of a record's row. Without an id, `idLength` is 0. `turns` may be `NO_CONVERSATION`. */
export const RECORD = { start: 0, length: 1, turns: 2, idStart: 3, idLength: 4 } as const;
/** Replaces the number of turns if the record isn't a conversation. */
export const NO_CONVERSATION = 0xffff_ffff;

/** The size of the two bitmaps of wanted keys and the length after them. See `assembly/wanted.ts`. */
export const WANTED_BYTES = 16_392;

/** The size of a pair (a number and its row), the digits of a number, and the work of one call. See `assembly/sorting.ts`. */
const PAIR_BYTES = 8;
const SORT_DIGITS = 3;
const SORTED_BYTES = 1 << 15;
const LED_PAIRS_BYTES = 16 * PAIR_BYTES * LED_ROWS;
const ADDED_ROWS = 1 << 12;
/** The size of a number, and of a row of a turn. */
const NUMBER_BYTES = 4;
const ROW_BYTES = NUMBER_BYTES * ROW_NUMBERS;

/** The length of a key. */
export const KEY_BITS = 64;

/** No record has a text of more characters: a byte decodes to at most one. A byte that isn't UTF-8 takes three bytes when spelled. */
const TEXT_LENGTH_MAX = RECORD_BYTES_MAX;
const TEXT_BYTES_MAX = 3 * RECORD_BYTES_MAX;

/** The longest text with a lone surrogate that is looked up, in characters: `JSON.stringify` takes a second for six million. */
const HALF_PAIRS_LENGTH_MAX = 1 << 18;

/** The longest text that `write` remembers to be in the input, in characters. */
const REMEMBERED_LENGTH_MAX = 1 << 16;

const encoder = new TextEncoder();
let compiled: WebAssembly.Module | undefined;

/** The compiled kernel. It can be passed to other threads, which then need not compile it. */
export function kernelModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(readFileSync(new URL('./kernel.wasm', import.meta.url)));
  return compiled;
}

/** A reply whose turn was verified, as the kernel reads it: see `replyTo`. */
interface VerifiedReply {
  readonly from: string;
  readonly spelled: string;
  readonly areWhole: boolean;
  readonly recorded: string | undefined;
}

/** Addresses to sort at: those of two lists of pairs, and of the room after them. */
interface SortRoom {
  readonly pairs: number;
  readonly other: number;
  readonly spare: number;
}

/** A text in a kernel's memory. */
interface SpelledBytes extends Room {
  readonly length: number;
}

/** One instance of the kernel. Its memory only ever grows. */
export class Kernel implements RowSorter {
  /** How many bytes the input can hold. */
  capacity = 0;
  private readonly module: WebAssembly.Module;
  private readonly keyBits: number;
  private exports: Exports;
  private inputView = new Uint8Array();
  /** The input with the bytes before and after it: room for a text with its quotes. */
  private spelledView = new Uint8Array();
  /** Where a text is written before the kernel spells it. */
  private textView = new Uint8Array();
  private keyRow = new Uint32Array();
  private seed: KeySeed = NO_SEED;
  /** True if the instance knows how letters fold. */
  private hasFoldings = false;
  /** The instance's whole memory. */
  private bytes = Buffer.alloc(0);
  /** The text whose spelling is in the input, and the length of the spelling in bytes. */
  private written: string | undefined;
  private writtenLength = 0;
  /** Where the input is, and the text that was written last: in the input, or in a body. */
  private inputAddress = 0;
  private textAddress = 0;
  /** The room for a body whose texts are spelled in it, its address, and the number of the body that is there. */
  private bodyView = new Uint8Array();
  private bodyAddress = 0;
  private bodyNumber = 0;

  /** @param keyBits how many bits of a key are kept; tests keep fewer, so that keys collide */
  constructor(module: WebAssembly.Module, capacity: number, keyBits: number = KEY_BITS) {
    this.module = module;
    this.keyBits = keyBits;
    this.exports = this.instantiate();
    this.reserve(capacity);
  }

  /** Replaces the instance after a trap, which leaves its memory undefined. */
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
    this.hasFoldings = false;
    this.bodyNumber = 0;
    return exports;
  }

  /**
   * The bytes to walk, survey or hash. The view becomes invalid when `reserve` grows the memory. The caller may write to it, so
   * getting it marks the text of the last keys as overwritten: don't hold the view across later calls that compute keys.
   */
  get input(): Uint8Array {
    this.written = undefined;
    return this.inputView;
  }

  /** Makes room for `capacity` bytes of input. Its contents are preserved. */
  reserve(capacity: number): void {
    if (capacity <= this.capacity) return;
    this.exports.reserve(capacity);
    this.capacity = capacity;
    this.takeViews();
  }

  /** Sets the seed of all keys that are computed from now on. */
  useSeed(seed: KeySeed): void {
    if (seed === this.seed) return;
    this.exports.seedKeys(seed.low, seed.high);
    this.seed = seed;
  }

  /**
   * The keys of a text without its thinking, under the current seed. All but the first are computed when they are needed.
   *
   * @returns undefined if it is longer than any text of a dataset
   */
  keysOf(text: string): TextKeys | undefined {
    const answer = withoutThinking(text);
    const length = this.write(answer);
    if (length === undefined) return undefined;
    this.exports.key(this.textAddress, length);
    return new LazyKeys(this, this.seed, answer, this.keyAt(TURN.keyLow), length);
  }

  /** The key of the ends of a text that has keys. */
  endsOf(text: string, seed: KeySeed): Key {
    this.useSeed(seed);
    const length = this.write(text) as number;
    this.exports.ends(this.textAddress, length);
    return this.keyAt(TURN.keyLow);
  }

  /** All keys of a text that has keys. */
  allKeysOf(text: string, seed: KeySeed): TextKeys {
    this.useSeed(seed);
    const length = this.write(text) as number;
    this.exports.keys(this.textAddress, length);
    return this.writtenKeys();
  }

  /**
   * The same for a long text, computed slice by slice. Yields after each slice; other texts may be processed in between.
   *
   * @param sliceLength the length of a slice, in characters
   * @returns undefined if it is longer than any text of a dataset
   */
  *keysInSlices(
    whole: string,
    seed: KeySeed,
    sliceLength: number = KEYED_TOGETHER_MAX,
  ): Generator<void, TextKeys | undefined> {
    const text = withoutThinking(whole);
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
      inState(() => this.exports.addToKeys(this.textAddress, length));
      at += slice.length;
      yield;
    }
    inState(() => this.exports.endKeys());
    return this.writtenKeys();
  }

  private writtenKeys(): TextKeys {
    return {
      key: this.keyAt(TURN.keyLow),
      normalized: this.keyAt(TURN.normalizedLow),
      ends: this.keyAt(ENDS_LOW),
      head: this.keyAt(HEAD_LOW),
      length: this.keyRow[LENGTH] as number,
    };
  }

  /** The key whose lower half is in this column. The upper half is in the next one. */
  private keyAt(column: number): Key {
    return { low: this.keyRow[column] as number, high: this.keyRow[column + 1] as number };
  }

  /** Room for the turns to verify, `capacity` bytes. All operations other than verifying may overwrite it. */
  get verifyRoom(): Room {
    return { bytes: this.bytes, at: this.exports.verifyAt() };
  }

  /**
   * Verifies that consecutive turns have the given texts.
   *
   * @param texts the texts of all turns except the last; their keys have been computed before
   * @param start where the turns, separated by commas, begin in the bytes of `verifyRoom`
   * @param end where they end
   * @param isThinkingIgnored true if the texts of an assistant's turns are compared without their thinking
   * @param isRecordWanted true if the last turn is needed as recorded
   * @returns the role of the last turn, and its text as `JSON.stringify` spells it, quotes included: a byte string, each character a
   *     byte of UTF-8; whether the other turns have the texts with their thinking; and the last turn as recorded, if it is wanted
   *     or may have reasoning; undefined if a text differs, if a turn has an unusual shape, or if the last turn calls functions
   */
  replyTo(
    texts: readonly string[],
    start: number,
    end: number,
    isThinkingIgnored: boolean,
    isRecordWanted = false,
  ): VerifiedReply | undefined {
    const { exports } = this;
    const { capacity } = this;
    let at = start;
    exports.beginVerify(end, isThinkingIgnored);
    for (const text of texts) {
      const length = this.write(text);
      // More capacity moves the turns. The next call has it already.
      const hasMoved = this.capacity !== capacity;
      at = length === undefined || hasMoved ? 0 : exports.verifyTurn(at, this.textAddress, length);
      if (at === 0) return undefined;
    }
    const length = exports.spellReply(at);
    if (length === 0) return undefined;
    const replyAt = exports.replyAt();
    const roleAt = exports.roleAt();
    const isRecorded = isRecordWanted || exports.mayHaveReasoning();
    return {
      from: this.bytes.toString('utf8', roleAt, roleAt + exports.roleLength()),
      spelled: this.bytes.toString('latin1', replyAt, replyAt + length),
      areWhole: Boolean(exports.areTextsWhole()),
      recorded: isRecorded ? this.bytes.toString('utf8', at, end) : undefined,
    };
  }

  /** Prepares for `spellTurn`: `verifyRoom` has `length` bytes of a list of turns, which may be cut off. */
  beginSpelling(length: number): void {
    this.exports.beginVerify(this.exports.verifyAt() + length, false);
  }

  /**
   * Spells the text of a turn as `JSON.stringify` does.
   *
   * @param start where the turn begins in the bytes of `verifyRoom`
   * @returns the bytes of the text in the kernel's memory, without quotes, until the next call; undefined if the turn has an unusual shape,
   *     or calls functions
   */
  spellTurn(start: number): SpelledBytes | undefined {
    const length = this.exports.spellReply(start);
    return length === 0
      ? undefined
      : { bytes: this.bytes, at: this.exports.replyAt() + 1, length: length - 2 };
  }

  /**
   * From now on, walks compute the keys of all texts.
   *
   * @param whole true if normalized keys are always those of whole texts, which takes longer
   */
  wantAll(whole = false): void {
    this.exports.wantAll(whole);
  }

  /** From now on, walks compute the sketch of each text that has a reply, in the first four numbers of its row, and no keys. */
  wantSketches(): void {
    this.exports.wantSketches();
  }

  /** From now on, walks search all texts, and compute no keys. See `IS_FOUND`. */
  wantSearch(search: Pick<TextSearch, 'terms' | 'ignoresCase' | 'lengthMin' | 'lengthMax'>): void {
    this.exports.wantSearch();
    laySearch(this.exports, search, this.hasFoldings);
    this.hasFoldings ||= search.ignoresCase;
  }

  /** How many texts were found since `wantSearch`. If it hasn't changed, the last walk has found none. */
  get foundTexts(): number {
    return this.exports.foundTexts();
  }

  /** What `scan` looks for from now on. */
  useAnchor(anchor: Anchor): void {
    layAnchor(this.exports, anchor);
  }

  /** The first place in the input between two where the anchor may be, or is near; undefined if nowhere. */
  scan(from: number, to: number): number | undefined {
    const start = this.exports.inputAt();
    const at = this.exports.scan(start + from, start + to);
    return at === 0 ? undefined : at - start;
  }

  /**
   * The sketch of a text without its thinking: see `assembly/sketch.ts`.
   *
   * @returns undefined if it is longer than any text of a dataset
   */
  sketchOf(text: string): Sketch | undefined {
    const length = this.write(withoutThinking(text));
    if (length === undefined) return undefined;
    this.exports.sketch(this.textAddress, length);
    return this.keyRow.slice(0, SKETCH_NUMBERS);
  }

  /** From now on, walks compute only the keys that were passed to `want` since. */
  wantNone(): void {
    this.exports.wantNone();
  }

  /** Marks the key of a text as wanted, and its normalized key if `normalized`. */
  want({ length, head }: TextKeys, normalized: boolean): void {
    this.exports.want(length, head.low, head.high, normalized);
  }

  /** The set of wanted keys, `WANTED_BYTES` long. It can be copied to that of another kernel. */
  get wanted(): Uint8Array {
    return new Uint8Array(this.exports.memory.buffer, this.exports.wantedAt(), WANTED_BYTES);
  }

  /**
   * Finds the first place in the first `length` bytes of the input where a record of an array may begin. Tries both hypotheses: that
   * the first byte is inside a string, and that it is outside. A backslash must not precede it.
   *
   * @returns undefined if neither hypothesis is refuted, if both are, or if no record begins
   */
  surveyStart(length: number): number | undefined {
    const start = this.exports.inputAt();
    const possible = this.exports.survey(start, length);
    if (possible !== 1 && possible !== 2) return undefined;
    const at = this.exports.surveyedStart(possible - 1);
    return at === 0 ? undefined : at - start;
  }

  /** See `RowSorter`. Overwrites the input. */
  sortByKeys(count: number, parts: readonly NumberedRows[], runBuckets: number): SortedPairs {
    const { exports } = this;
    const room = this.beginSort(count, false, NUMBER_BYTES * (2 * runBuckets + 1));
    this.addPairs(parts, false, room.pairs);
    const { pairs, other } = this.moveByDigits(room, count, SORT_DIGITS);
    let found = other;
    forEachPart(pairs, pairs + PAIR_BYTES * count, SORTED_BYTES, (from, to) => {
      found = exports.findEqual(pairs, from, to, found);
    });
    const { buffer } = exports.memory;
    return {
      pairs: new Uint32Array(buffer, pairs, 2 * count),
      equal: new Uint32Array(buffer, other, (found - other) / NUMBER_BYTES),
      buckets: new Uint32Array(buffer, room.spare, 2 * runBuckets + 1),
    };
  }

  /** See `RowSorter`. */
  divide({ pairs, equal, buckets }: SortedPairs): DividedPairs {
    const { exports } = this;
    const { byteOffset: at, byteLength: bytes } = pairs;
    const count = bytes / PAIR_BYTES;
    const order = equal.byteOffset;
    const middle = exports.beginDivide(count, order);
    forEachPart(at, at + bytes, SORTED_BYTES, (from, to) => exports.divide(from, to));
    let leader = at;
    forEachPart(order, order + bytes, LED_PAIRS_BYTES, (from, to) => {
      leader = exports.leastRows(from, to, PAIR_BYTES * LED_ROWS, leader);
    });
    const runBuckets = (buckets.length - 1) / 2;
    const bits = Math.log2(runBuckets);
    exports.findBuckets(order, 0, middle, bits, buckets.byteOffset);
    exports.findBuckets(order, middle, count, bits, buckets.byteOffset + NUMBER_BYTES * runBuckets);
    buckets[2 * runBuckets] = count;
    const { buffer } = exports.memory;
    return {
      order: new Uint32Array(buffer, order, pairs.length),
      leaders: new Uint32Array(buffer, at, (leader - at) / NUMBER_BYTES),
      buckets,
    };
  }

  /** See `RowSorter`. Overwrites the input. */
  sortByNormalized(count: number, parts: readonly NumberedRows[], endingWords: number): SortedRows {
    const { exports } = this;
    const turns = parts.reduce((sum, { normalized }) => sum + normalized.length, 0);
    const entries = Math.ceil(turns / ENTRY_ROWS);
    const room = this.beginSort(count, true, NUMBER_BYTES * (endingWords + entries));
    const endingsAt = room.spare;
    const entriesAt = endingsAt + NUMBER_BYTES * endingWords;
    exports.beginEntries(endingsAt, endingWords, entriesAt);
    this.addPairs(parts, true, room.pairs);
    const { pairs, other } = this.moveByDigits(room, count, SORT_DIGITS - 1);
    forEachPart(pairs, pairs + PAIR_BYTES * count, SORTED_BYTES, (from, to) =>
      exports.moveRows(from, to, other),
    );
    const { buffer } = exports.memory;
    return {
      rows: new Uint32Array(buffer, other, count),
      endings: new Uint32Array(buffer, endingsAt, endingWords),
      entries: new Uint32Array(buffer, entriesAt, entries),
    };
  }

  /** Makes room for two lists of pairs, and for `spareBytes` more. */
  private beginSort(count: number, inRuns: boolean, spareBytes: number): SortRoom {
    // Rows and numbers are passed in the input.
    this.reserve((ADDED_ROWS + 1) * ROW_BYTES + ADDED_ROWS * NUMBER_BYTES);
    const bytes = PAIR_BYTES * count;
    const pairs = this.exports.spareRoom(2 * bytes + spareBytes);
    this.takeViews();
    this.exports.beginSort(inRuns);
    return { pairs, other: pairs + bytes, spare: pairs + 2 * bytes };
  }

  /** Writes the pairs of all rows to `out`, by their normalized keys or by the upper halves of their keys. */
  private addPairs(parts: readonly NumberedRows[], byNormalized: boolean, out: number): void {
    const { exports } = this;
    this.written = undefined;
    const at = exports.inputAt();
    const afterRows = (ADDED_ROWS + 1) * ROW_NUMBERS;
    const copied = new Uint32Array(exports.memory.buffer, at, afterRows + ADDED_ROWS);
    const numbersAt = at + NUMBER_BYTES * (byNormalized ? afterRows : ROW.keyHigh);
    const stride = byNormalized ? NUMBER_BYTES : ROW_BYTES;
    let filled = out;
    let before = 0;
    for (const { rows, normalized } of parts) {
      for (let row = 0; row < normalized.length; row += ADDED_ROWS) {
        const count = Math.min(ADDED_ROWS, normalized.length - row);
        copied.set(rows.subarray(row * ROW_NUMBERS, (row + count + 1) * ROW_NUMBERS));
        // The last turn of a part ends its conversation.
        if (row + count === normalized.length) copied[count * ROW_NUMBERS + ROW.length] = FIRST_FLAG;
        if (byNormalized) copied.set(normalized.subarray(row, row + count), afterRows);
        filled = exports.addPairs(before + row, count, at, numbersAt, stride, filled);
      }
      before += normalized.length;
    }
    exports.placeDigits();
  }

  /** Sorts pairs by some digits, from the lowest. Returns where they are then, and the other room. */
  private moveByDigits({ pairs, other }: SortRoom, count: number, digits: number): Omit<SortRoom, 'spare'> {
    let room = { pairs, other };
    for (let digit = 0; digit < digits; digit++) {
      const { pairs, other } = room;
      forEachPart(pairs, pairs + PAIR_BYTES * count, SORTED_BYTES, (from, to) => {
        this.exports.moveByDigit(digit, from, to, other);
      });
      room = { pairs: other, other: pairs };
    }
    return room;
  }

  /** Prepares a walk from the start of a record or, if `first`, from after the list's opening bracket. */
  beginWalk(format: DatasetFormat, first: boolean, recordBytesMax: number): void {
    this.exports.beginWalk(format === 'lines', first, recordBytesMax);
  }

  /**
   * Continues the walk over the input's bytes from `from` to `to`, up to the first record that begins at or after `stop`.
   * Only complete records get rows.
   */
  walk(from: number, to: number, stop: number): (typeof WALKED)[keyof typeof WALKED] {
    const start = this.exports.inputAt();
    const within = Math.max(0, Math.min(stop, this.capacity));
    const walked = this.exports.walk(start + from, start + to, start + within);
    return walked as (typeof WALKED)[keyof typeof WALKED];
  }

  /** The walk's position: at a record, or right after one. */
  get walkedTo(): number {
    return this.exports.walkedTo() - this.exports.inputAt();
  }

  /** The position of the byte that made the walk invalid. */
  get invalidAt(): number {
    return this.exports.invalidAt() - this.exports.inputAt();
  }

  /** True if the walk's position is at a record, false if it is after one. */
  get isAtRecord(): boolean {
    return Boolean(this.exports.isAtRecord());
  }

  /**
   * Skips the record at the walk's position without parsing it.
   *
   * @param begins true for the record's first bytes, false for those that follow
   * @returns the position after it; undefined if it continues after `to`
   */
  passOver(from: number, to: number, begins: boolean, format: DatasetFormat): number | undefined {
    const start = this.exports.inputAt();
    const end = this.exports.passOver(start + from, start + to, begins, format === 'lines');
    if (end === 0) return undefined;
    this.exports.continueBehindRecord();
    return end - start;
  }

  /** The rows of the last walk's turns, `TURN_NUMBERS` per turn. Starts count from the start of the memory: see `inputStart`. */
  get turnRows(): Uint32Array {
    const { memory } = this.exports;
    return new Uint32Array(memory.buffer, this.exports.turnsAt(), this.exports.turnRows() * TURN_NUMBERS);
  }

  /** The rows of the last walk's records, `RECORD_NUMBERS` per record. */
  get recordRows(): Uint32Array {
    const { memory } = this.exports;
    return new Uint32Array(
      memory.buffer,
      this.exports.recordsAt(),
      this.exports.recordRows() * RECORD_NUMBERS,
    );
  }

  /** How many of those records are conversations. */
  get conversations(): number {
    return this.exports.conversationRows();
  }

  /** How many elements of their lists aren't turns. */
  get leftOut(): number {
    return this.exports.leftOutTurns();
  }

  /** How many of their texts were put together from several parts. */
  get joinedTexts(): number {
    return this.exports.textsJoined();
  }

  /** Discards the rows that were kept for an index. */
  beginKeeping(): void {
    this.exports.beginKeeping();
  }

  /**
   * Keeps what an index needs of the rows that the last walk wrote.
   *
   * @param base what to add to a start in a row to get its offset in the file
   * @param firstRecord how many of the shard's records come before them
   */
  keep(base: number, firstRecord: number): void {
    this.exports.keep(base, firstRecord);
    this.takeViews();
  }

  /** A copy of the kept rows, in memory that threads share. */
  kept(): RowData {
    const { exports } = this;
    const size = { turns: exports.keptTurns(), conversations: exports.keptConversations() };
    const buffer = new SharedArrayBuffer(IndexRows.byteLength(size));
    const copy = new IndexRows({ size, buffer });
    const room = { turns: exports.keptRoom(), conversations: exports.keptRoom() };
    const kept = new IndexRows({ size: room, buffer: exports.memory.buffer }, exports.keptAt());
    copy.conversations.set(kept.conversations.subarray(0, copy.conversations.length));
    copy.rows.set(kept.rows.subarray(0, copy.rows.length));
    copy.normalized.set(kept.normalized.subarray(0, copy.normalized.length));
    return { size, buffer };
  }

  /** The address of the input. Subtract it from a start in a row to get the position in the input. */
  get inputStart(): ByteCount {
    return byteCount(this.exports.inputAt());
  }

  /** Creates new views. When the memory grows, its buffer is replaced and the old views become empty. */
  private takeViews(): void {
    const { memory } = this.exports;
    this.bytes = Buffer.from(memory.buffer);
    const start = this.exports.inputAt();
    this.inputAddress = start;
    this.bodyAddress = this.exports.measuredAt();
    this.bodyView = new Uint8Array(memory.buffer, this.bodyAddress, this.exports.measuredAtOnce());
    this.inputView = new Uint8Array(memory.buffer, start, this.capacity);
    this.spelledView = new Uint8Array(memory.buffer, start - 1, this.capacity + 2);
    this.textView = new Uint8Array(memory.buffer, this.exports.textAt(), 3 * this.capacity);
    this.keyRow = new Uint32Array(memory.buffer, this.exports.turnsAt(), KEY_NUMBERS);
  }

  /**
   * Spells a text as `JSON.stringify` does, at `textAddress`: in the input, or in the body that it came in. Returns its length in bytes;
   * undefined if it is longer than any text of a dataset.
   */
  private write(text: string): number | undefined {
    if (bodyTexts.find(text)) return this.placeKnown();
    this.textAddress = this.inputAddress;
    if (text === this.written) return this.writtenLength;
    if (text.length > TEXT_LENGTH_MAX) return undefined;
    const length = text.isWellFormed() ? this.spell(text) : this.writeSpelled(text);
    // Remembering a longer text would keep it in memory.
    this.written = length === undefined || text.length > REMEMBERED_LENGTH_MAX ? undefined : text;
    this.writtenLength = length ?? 0;
    this.textAddress = this.inputAddress;
    return length;
  }

  /** Copies the body of the text that was found among the known ones, once for all of them. */
  private placeKnown(): number {
    const { length, start, number, bytes } = bodyTexts;
    // The other regions have room for a text of the input.
    this.reserve(length);
    if (number !== this.bodyNumber) this.bodyView.set(bytes);
    this.bodyNumber = number;
    this.textAddress = this.bodyAddress + start;
    return length;
  }

  /** Spells a text that UTF-8 can encode; undefined if the spelling is too long for any record. */
  private spell(text: string): number | undefined {
    for (let room = text.length; ; room = Math.min(2 * this.capacity, TEXT_BYTES_MAX)) {
      this.reserve(room);
      const { written } = encoder.encodeInto(text, this.textView);
      const length = this.exports.spell(written);
      if (length >= 0) return length;
      if (this.capacity >= TEXT_BYTES_MAX) return undefined;
    }
  }

  /** Writes a text with a lone surrogate. Its quotes go before and after the input: cutting them off would take a copy. */
  private writeSpelled(text: string): number | undefined {
    if (text.length > HALF_PAIRS_LENGTH_MAX) return undefined;
    const spelled = JSON.stringify(text);
    this.reserve(Buffer.byteLength(spelled));
    return encoder.encodeInto(spelled, this.spelledView).written - 2;
  }
}

/** A slice of a text, one character shorter if it would end within a surrogate pair. `length` is at least two. */
function sliceAt(text: string, from: number, length: number): string {
  const to = from + length;
  const last = text.charCodeAt(to - 1);
  const isHalf = to < text.length && last >= 0xd800 && last < 0xdc00;
  return text.slice(from, isHalf ? to - 1 : to);
}

/** The initial memory of a kernel for queries, in bytes: most texts fit, and it grows with the longest one. */
const QUERY_KERNEL_BYTES = 1 << 16;

/** A kernel for the texts of queries, and for the turns that they are compared with. */
export function queryKernel(): Kernel {
  return new Kernel(kernelModule(), QUERY_KERNEL_BYTES);
}

/** Calls a function for each part of a range of addresses, in order. @param bytes the length of a part; the last one may be shorter */
function forEachPart(
  start: number,
  end: number,
  bytes: number,
  act: (from: number, to: number) => void,
): void {
  for (let from = start; from < end; from += bytes) act(from, Math.min(from + bytes, end));
}
