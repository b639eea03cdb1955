/**
 * OpenAI's tokenizers in the kernel: texts are counted, encoded and decoded at once, in any thread, by a vocabulary that all threads of a
 * process share. Results are exact for words of any length.
 *
 * They equal those of tiktoken. gpt-tokenizer 4.0, from which the vocabularies are, differs in a few characters: it takes U+FEFF for white
 * space, which it isn't, and never merges its bytes with others; U+0085 is white space, which it doesn't know; `'ſ`, with a long s, is a
 * contraction. A lone surrogate is U+FFFD in all of them. The categories of other characters are those of the Unicode version of the
 * JavaScript engine, which isn't always tiktoken's.
 */

import { readFileSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import type { TokenizerName } from '../core/tokens.js';
import { PAGE_CODE_POINTS, tiktokenClassesOf } from './character-classes.js';

/** A vocabulary in memory that threads share; it can be passed to a worker in workerData. */
export interface Vocabulary {
  readonly name: TokenizerName;
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
}

/** The delimiters of a chat's messages, one token each. */
export interface ChatMarks {
  readonly start: number;
  readonly separator: number;
  readonly end: number;
}

/** The numbers of `<|im_start|>`, `<|im_sep|>` and `<|im_end|>`, which no text has. */
export const CHAT_MARKS: Readonly<Record<TokenizerName, ChatMarks>> = {
  o200k_base: { start: 200_003, separator: 200_005, end: 200_004 },
  cl100k_base: { start: 100_264, separator: 100_266, end: 100_265 },
};

/** The exports of `assembly/tokenizer.ts`. Addresses and lengths are in bytes of the memory. */
interface Exports {
  layVocabulary(count: number, bytes: number): number;
  takeVocabulary(lengthsAt: number): void;
  begin(isO200k: boolean): void;
  sharedEnd(): number;
  tokenCount(): number;
  tokenStartsAt(): number;
  bytesAt(): number;
  classesAt(): number;
  takePlainAscii(): void;
  claimRoom(thread: number): boolean;
  takeOwnRoom(): void;
  leaveRoom(): void;
  freeRooms(thread: number): void;
  textBytesMax(): number;
  textAt(): number;
  spelledAt(): number;
  tokensAt(): number;
  unspell(length: number): number;
  takeText(length: number, isSlice: boolean): number;
  resume(from: number, unfinished: number): void;
  advance(bytes: number, isEncoding: boolean): number;
  position(): number;
  isDone(): number;
  unfinishedEnd(): number;
  splitBytes(): number;
  unitsLeft(): number;
  findPieceEnd(phase: number, units: number, marked: number): boolean;
  runPhase(): number;
  runUnits(): number;
  runMarked(): number;
}

const PAGE_BYTES = 65_536;
/** What the module needs before it knows how long a vocabulary is. */
const PAGES_MIN = 32;
/** The most that a vocabulary and its rooms take, or a copy of the vocabulary. */
const SHARED_PAGES_MAX = 4096;

/** The UTF-16 units of a text that are written to a room together. Each has at most three bytes of UTF-8. */
const SLICE_UNITS = 20_000;
/** The bytes of a text that are encoded in a step: the slowest take about a millisecond. At most `STEP_BYTES` of `assembly/rooms.ts`. */
const STEP_BYTES = 1 << 13;
const ALL = 2 ** 31;

let compiled: WebAssembly.Module | undefined;

/**
 * Loads a vocabulary: some 10 MB.
 *
 * @throws the error of Node if its file can't be read
 */
export function loadVocabulary(name: TokenizerName): Vocabulary {
  compiled ??= new WebAssembly.Module(readFileSync(new URL('./tokenizer.wasm', import.meta.url)));
  const file = readFileSync(new URL(`../vocabularies/${name}.bin`, import.meta.url));
  const memory = new WebAssembly.Memory({ initial: PAGES_MIN, maximum: SHARED_PAGES_MAX, shared: true });
  const vocabulary = { name, module: compiled, memory };
  const exports = instantiate(compiled, memory);
  const count = file.readUInt32LE();
  const [lengths, tokens] = [file.subarray(4, 4 + count), file.subarray(4 + count)];
  const tokensAt = exports.layVocabulary(count, tokens.length);
  const bytes = Buffer.from(memory.buffer);
  bytes.set(tokens, tokensAt);
  bytes.set(lengths, tokensAt + tokens.length);
  exports.takeVocabulary(tokensAt + tokens.length);
  bytes.set(tiktokenClassesOf(0), exports.classesAt());
  exports.takePlainAscii();
  return vocabulary;
}

/** Frees what the tokenizers of a thread used that has ended without closing them. */
export function freeTokenizersOf(vocabulary: Vocabulary, thread: number): void {
  instantiate(vocabulary.module, vocabulary.memory).freeRooms(thread);
}

function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Exports {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Exports;
}

/**
 * Counts and encodes with an instance of its own, in a room of the shared memory. Long texts are written to it slice by slice, so that it has
 * space for words of any length, and for any number of texts that are counted in turn.
 */
export class KernelTokenizer {
  private readonly vocabulary: Vocabulary;
  private room: Room;
  private readonly starts: Uint32Array;
  private readonly tokens: Uint8Array;
  private readonly marks: ReadonlyMap<number, Uint8Array>;

  constructor(vocabulary: Vocabulary) {
    const { name, memory } = vocabulary;
    this.vocabulary = vocabulary;
    this.room = roomOf(vocabulary);
    const { exports } = this.room;
    const { buffer } = memory;
    this.starts = new Uint32Array(buffer, exports.tokenStartsAt(), exports.tokenCount() + 1);
    this.tokens = new Uint8Array(buffer, exports.bytesAt(), this.starts.at(-1));
    const { start, separator, end } = CHAT_MARKS[name];
    this.marks = new Map([
      [start, Buffer.from('<|im_start|>')],
      [separator, Buffer.from('<|im_sep|>')],
      [end, Buffer.from('<|im_end|>')],
    ]);
  }

  /** How many tokens a text of any length has. */
  count(text: string): number {
    if (text.length > SLICE_UNITS) return finished(this.countInSteps(text));
    const { room } = this;
    room.lay(text, false);
    return room.exports.advance(ALL, false);
  }

  /** The same, in steps of about a millisecond or less. Other texts may be counted between two steps. */
  *countInSteps(text: string): Generator<void, number> {
    let count = 0;
    for (const tokens of this.steps(new Slices(text), false)) {
      count += tokens;
      yield;
    }
    return count;
  }

  /**
   * Counts a text that is spelled as `JSON.stringify` spells it, without quotes.
   *
   * @param at where its `length` bytes start in `bytes`, which may be a kernel's memory
   */
  countSpelled(bytes: Uint8Array, at: number, length: number): number {
    const { room } = this;
    const spelled = bytes.subarray(at, at + length);
    if (2 * length > room.textBytes) return this.count(JSON.parse(`"${Buffer.from(spelled)}"`) as string);
    room.laySpelled(spelled);
    return room.exports.advance(ALL, false);
  }

  /** The tokens of a text of any length. Special tokens, such as the end-of-text marker, are ordinary text. */
  encode(text: string): Uint32Array {
    return finished(this.encodeInSteps(text));
  }

  /** The same, in steps of about a millisecond or less. */
  *encodeInSteps(text: string): Generator<void, Uint32Array> {
    const parts: Uint32Array[] = [];
    for (const count of this.steps(new Slices(text), true)) {
      parts.push(this.room.tokens(count));
      yield;
    }
    return joined(parts);
  }

  /** The bytes of tokens; undefined if one of them isn't in the vocabulary. */
  decode(tokens: Iterable<number>): Uint8Array | undefined {
    const parts: Uint8Array[] = [];
    for (const token of tokens) {
      const bytes = this.bytesOf(token);
      if (bytes === undefined) return undefined;
      parts.push(bytes);
    }
    return Buffer.concat(parts);
  }

  /** The number of bytes of a token; 0 if it isn't in the vocabulary. */
  sizeOf(token: number): number {
    return this.bytesOf(token)?.length ?? 0;
  }

  /** Goes on with another instance: after a trap, what the last one wrote is undefined. Texts that are counted in steps go on, too. */
  renew(): void {
    this.close();
    this.room = roomOf(this.vocabulary);
  }

  /** Gives back what the tokenizer used of the shared memory. It can't be used any more. */
  close(): void {
    this.room.exports.leaveRoom();
  }

  private bytesOf(token: number): Uint8Array | undefined {
    const start = this.starts[token];
    const end = this.starts[token + 1];
    return start === undefined || end === undefined
      ? this.marks.get(token)
      : this.tokens.subarray(start, end);
  }

  /** Encodes a text, step by step: yields how many tokens each step has. They are in the room until the next step. */
  private *steps(slices: Slices, isEncoding: boolean): Generator<number, void> {
    while (true) {
      const { room } = this;
      if (room.laid !== slices) slices.lay(room);
      const { exports } = room;
      const count = exports.advance(STEP_BYTES, isEncoding);
      const isDone = exports.isDone() !== 0;
      const isLast = isDone && slices.isLast;
      slices.encoded(exports);
      const isLong = isDone && !isLast && !slices.goOn(room);
      yield count;
      if (isLast) return;
      if (isLong) yield* this.pieceEnd(slices);
    }
  }

  /** Finds the end of the long piece that slices go on with, slice by slice. */
  private *pieceEnd(slices: Slices): Generator<number, void> {
    let run: Run = RUN_START;
    let isFound = false;
    while (!isFound) {
      const { room } = this;
      slices.layAhead(room, run.units);
      const { exports } = room;
      isFound = Boolean(exports.findPieceEnd(run.phase, run.units, run.marked));
      run = { phase: exports.runPhase(), units: exports.runUnits(), marked: exports.runMarked() };
      yield 0;
    }
    slices.beginWord(run.units);
  }
}

/** What was read of a long piece: see `assembly/runs.ts`. */
interface Run {
  readonly phase: number;
  readonly units: number;
  readonly marked: number;
}

const RUN_START: Run = { phase: 0, units: 0, marked: 0 };

/** A text that is encoded in slices, and how far it was. */
class Slices {
  private readonly text: string;
  /** Where the slice begins, in UTF-16 units. */
  private from = 0;
  /** How far the slice was encoded, in bytes, and the end of the word that is unfinished there, or 0. */
  private position = 0;
  private unfinished = 0;
  /** Where a word ends in the text that began before the slice, or is longer than it. */
  private wordEnd = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** True if the slice is the last one. */
  get isLast(): boolean {
    return this.from + SLICE_UNITS >= this.text.length;
  }

  /** Writes the slice to a room, and goes on where the text was encoded to. */
  lay(room: Room): void {
    this.layAhead(room, 0);
    room.exports.resume(this.position, this.unfinished);
    room.laid = this;
  }

  /** Writes a slice to a room that is some UTF-16 units ahead. */
  layAhead(room: Room, units: number): void {
    const from = this.from + units;
    const end = from + SLICE_UNITS;
    room.lay(this.text.slice(from, end), end < this.text.length);
  }

  /** Takes note of how far the slice was encoded. */
  encoded(exports: Exports): void {
    this.position = exports.position();
    this.unfinished = exports.unfinishedEnd();
  }

  /** Goes on to the next slice, which begins with what wasn't encoded. @returns false if that is the same slice */
  goOn(room: Room): boolean {
    const { exports } = room;
    room.laid = undefined;
    const passed = SLICE_UNITS - exports.unitsLeft();
    this.from += passed;
    this.position = exports.splitBytes();
    this.findUnfinished();
    return passed > 0;
  }

  /** Begins with a word of which a number of UTF-16 units is known to be one piece. */
  beginWord(units: number): void {
    this.wordEnd = this.from + units;
    this.findUnfinished();
  }

  private findUnfinished(): void {
    const { text, from, wordEnd } = this;
    if (wordEnd <= from) this.unfinished = 0;
    else if (wordEnd > from + SLICE_UNITS) this.unfinished = ALL;
    else this.unfinished = Buffer.byteLength(text.slice(from, wordEnd));
  }
}

/** An instance, and the part of the memory that it writes to. */
class Room {
  readonly exports: Exports;
  /** The longest text, in bytes. */
  readonly textBytes: number;
  /** Whose slice the room has, if it is one that is encoded in steps. */
  laid: Slices | undefined;
  private readonly bytes: Buffer;
  private readonly textAt: number;
  private readonly spelledAt: number;

  constructor(exports: Exports, memory: WebAssembly.Memory) {
    this.exports = exports;
    this.textBytes = exports.textBytesMax();
    this.bytes = Buffer.from(memory.buffer);
    this.textAt = exports.textAt();
    this.spelledAt = exports.spelledAt();
  }

  /** Writes a text. @param isSlice true if more text follows */
  lay(text: string, isSlice: boolean): void {
    // A lone surrogate becomes U+FFFD.
    this.take(this.bytes.write(text, this.textAt, 'utf8'), isSlice);
  }

  /** The same for a text that is spelled, of at most half of `textBytes`. */
  laySpelled(spelled: Uint8Array): void {
    this.bytes.set(spelled, this.spelledAt);
    this.take(this.exports.unspell(spelled.length), false);
  }

  /** The first `count` tokens of the last step. */
  tokens(count: number): Uint32Array {
    return new Uint32Array(this.bytes.buffer, this.exports.tokensAt(), count).slice();
  }

  private take(length: number, isSlice: boolean): void {
    const { exports, bytes } = this;
    this.laid = undefined;
    for (let page = exports.takeText(length, isSlice); page >= 0; page = exports.takeText(length, isSlice)) {
      // Other threads may use the page at once: each byte is written once.
      bytes.set(tiktokenClassesOf(page), exports.classesAt() + page * PAGE_CODE_POINTS);
    }
  }
}

/** A room for the calling thread. */
function roomOf(vocabulary: Vocabulary): Room {
  const { name, module, memory } = vocabulary;
  const exports = instantiate(module, memory);
  exports.begin(name === 'o200k_base');
  return exports.claimRoom(threadId) ? new Room(exports, memory) : ownRoom(vocabulary, exports.sharedEnd());
}

/** A room in a copy of the vocabulary, if all shared ones are used. @param end of the vocabulary, in bytes */
function ownRoom({ name, module, memory }: Vocabulary, end: number): Room {
  const own = new WebAssembly.Memory({
    initial: Math.ceil(end / PAGE_BYTES),
    maximum: SHARED_PAGES_MAX,
    shared: true,
  });
  new Uint8Array(own.buffer).set(new Uint8Array(memory.buffer, 0, end));
  const exports = instantiate(module, own);
  exports.begin(name === 'o200k_base');
  exports.takeOwnRoom();
  return new Room(exports, own);
}

function finished<T>(work: Generator<void, T>): T {
  let result = work.next();
  while (result.done !== true) result = work.next();
  return result.value;
}

function joined(parts: readonly Uint32Array[]): Uint32Array {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first;
  const all = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
