/**
 * OpenAI's tokenizers in the kernel: texts are counted, encoded and decoded at once, in any thread, by a vocabulary that all threads of a
 * process share. Results are exact for words of any length.
 *
 * They equal those of tiktoken. gpt-tokenizer 4.0, from which the vocabularies are, differs in a few characters: it takes U+FEFF for white
 * space, which it isn't, and never merges its bytes with others; U+0085 is white space, which it doesn't know; `'ſ`, with a long s, is a
 * contraction. A lone surrogate is U+FFFD in all of them. The categories of other characters are those of the Unicode version of the
 * JavaScript engine, which isn't always tiktoken's.
 */

import { atOnce } from '../core/steps.js';
import { joinedTokens, type TokenizerName } from '../core/tokens.js';
import { SLICE_UNITS, Slices } from './text-slices.js';
import { type Room, roomOf } from './tokenizer-room.js';
import type { Vocabulary } from './vocabulary.js';

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

/** The bytes of a text that are encoded in a step: the slowest take about a millisecond. At most `STEP_BYTES` of `assembly/rooms.ts`. */
const STEP_BYTES = 1 << 13;
/** More bytes than any slice has. */
const ALL = 2 ** 31;

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
    if (text.length > SLICE_UNITS) return atOnce(this.countInSteps(text));
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
    return atOnce(this.encodeInSteps(text));
  }

  /** The same, in steps of about a millisecond or less. */
  *encodeInSteps(text: string): Generator<void, Uint32Array> {
    const parts: Uint32Array[] = [];
    for (const count of this.steps(new Slices(text), true)) {
      parts.push(this.room.tokens(count));
      yield;
    }
    return joinedTokens(parts);
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
