/**
 * Writes the server-sent events of a streamed text: the kernel cuts the text into a tokenizer's pieces and copies the envelope around
 * each. A reply has hundreds of pieces. Making an object for each, and its JSON, would cost a hundred times as much.
 */

import type { TokenizerName } from '../core/tokens.js';
import { classesOf, PAGE_CODE_POINTS } from './character-classes.js';

/** The longest text that `load` accepts, in bytes as spelled. Longer texts are rare, and would take memory in every writer. */
export const EVENT_TEXT_BYTES_MAX = 1 << 16;

/** The longest envelope, as `envelopeBytes` measures it. */
export const ENVELOPE_BYTES_MAX = 1 << 15;

/** The bytes of events made in one call. They stay in the processor's cache until they are copied. */
const ROOM_BYTES = 1 << 16;

/** The exports of `assembly/index.ts` that write events. Addresses and lengths are in bytes of the instance's memory. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  layEvents(textBytes: number, envelopeBytes: number, roomBytes: number): void;
  classesAt(): number;
  takeAscii(): void;
  eventTextAt(): number;
  takeText(length: number): number;
  isCutBefore(): number;
  beginEnvelope(): void;
  addPart(length: number): number;
  setNumber(index: number, number: number): void;
  countsAt(): number;
  writeEvents(
    from: number,
    index: number,
    bytes: number,
    isO200k: boolean,
    isChunked: boolean,
    hasCounts: boolean,
  ): number;
  eventsAt(): number;
  writtenBytes(): number;
  writtenPieces(): number;
}

/** The events of one text, one event per piece. All strings are byte strings: each character is a byte of UTF-8. */
export interface TextEvents {
  /** Before the piece, its opening quote included: `data: {…"content":"`. */
  readonly before: string;
  /** After the piece, from its closing quote to the event's blank line: one to four parts, with a number between two parts. */
  readonly after: readonly string[];
  /** Replaces `after` in the event of the last piece. It has as many parts. */
  readonly afterLast?: readonly string[] | undefined;
  /**
   * The numbers between the parts: `numbers[k]` plus the piece's number in `counts` or, without `counts`, plus the piece's index,
   * from 0. They and their sums are less than 2³².
   */
  readonly numbers?: readonly number[] | undefined;
  /** A number for each piece of the text. */
  readonly counts?: Uint32Array | undefined;
}

/** Where a piece begins. */
export interface TextPosition {
  /** In the spelled text, after its opening quote. */
  readonly byte: number;
  /** The index of the piece. */
  readonly piece: number;
}

/** The result of `write`. Its position is that of the first piece that was not written. */
export interface WrittenEvents extends TextPosition {
  /** Where the bytes end in `out`. */
  readonly end: number;
  /** True after the event of the last piece. */
  readonly isDone: boolean;
}

export const TEXT_START: TextPosition = { byte: 0, piece: 0 };

/** Writes events with a kernel instance of its own. It holds one text at a time. */
export class EventWriter {
  private readonly exports: Exports;
  /** The instance's whole memory, which never grows. */
  private readonly bytes: Buffer;
  private readonly counts: Uint32Array;
  private spelled: string | undefined;
  private textBytes = 0;
  private isWhole = false;
  private isO200k = false;
  /** The envelope in the memory. */
  private parts: readonly string[] = [];

  constructor(module: WebAssembly.Module) {
    const exports = new WebAssembly.Instance(module).exports as unknown as Exports;
    this.exports = exports;
    exports.layEvents(EVENT_TEXT_BYTES_MAX, ENVELOPE_BYTES_MAX, ROOM_BYTES);
    const { buffer } = exports.memory;
    this.bytes = Buffer.from(buffer);
    this.counts = new Uint32Array(buffer, exports.countsAt(), EVENT_TEXT_BYTES_MAX);
    this.learnPage(0);
    exports.takeAscii();
  }

  /**
   * Loads a text for `write`. Loading the same string again costs nothing.
   *
   * @param spelled the text as it is sent (`core/spelled-text.ts`), quotes included: a byte string
   * @returns false if `piecesOf` has to cut the text: it is longer than `EVENT_TEXT_BYTES_MAX`, or it has a longer word than a piece may be
   */
  load(spelled: string, tokenizer: TokenizerName): boolean {
    this.isO200k = tokenizer === 'o200k_base';
    if (spelled !== this.spelled) {
      const length = spelled.length - 2;
      if (length > EVENT_TEXT_BYTES_MAX) return false;
      this.spelled = spelled;
      this.textBytes = length;
      this.isWhole = this.take(spelled, length);
    }
    return this.isWhole;
  }

  /**
   * Writes the events of the loaded text from a position on, as many whole ones as fit into `out` from `at`. Writes none if the first
   * doesn't fit; 64 KiB are always enough for one.
   *
   * @param from `TEXT_START`, or what an earlier call for the same text returned
   * @param isChunked true frames each event as a chunk of HTTP's chunked transfer coding
   * @throws RangeError if the envelope is longer than `ENVELOPE_BYTES_MAX`
   */
  write(events: TextEvents, from: TextPosition, isChunked: boolean, out: Buffer, at: number): WrittenEvents {
    const { exports, textBytes } = this;
    const { before, after, numbers = [], counts } = events;
    this.setEnvelope(events);
    for (let k = 0; k + 1 < after.length; k++) exports.setNumber(k, numbers[k] ?? 0);
    const shortest = before.length + 1;
    let { byte, piece } = from;
    let end = at;
    while (byte < textBytes) {
      const room = Math.min(out.length - end, ROOM_BYTES);
      if (counts !== undefined) {
        this.counts.set(
          counts.subarray(piece, piece + Math.min(textBytes - byte, Math.ceil(room / shortest))),
        );
      }
      const written = exports.writeEvents(byte, piece, room, this.isO200k, isChunked, counts !== undefined);
      if (written === 0) break;
      const events = exports.eventsAt();
      this.bytes.copy(out, end, events, events + written);
      end += written;
      byte = exports.writtenBytes();
      piece = exports.writtenPieces();
    }
    return { byte, piece, end, isDone: byte >= textBytes };
  }

  /** Writes a text to the memory; false if it has a longer word than a piece may be. */
  private take(spelled: string, length: number): boolean {
    const { exports } = this;
    // The closing quote is included.
    this.bytes.write(spelled.slice(1), exports.eventTextAt(), 'latin1');
    for (let page = exports.takeText(length); page >= 0; page = exports.takeText(length))
      this.learnPage(page);
    return exports.isCutBefore() === 0;
  }

  /** Writes the classes of a page of code points into the kernel's table. */
  private learnPage(page: number): void {
    this.bytes.set(classesOf(page), this.exports.classesAt() + page * PAGE_CODE_POINTS);
  }

  /** Writes an envelope to the memory, unless it is there already. */
  private setEnvelope(events: TextEvents): void {
    const parts = envelopeOf(events);
    if (parts.length === this.parts.length && parts.every((part, i) => part === this.parts[i])) return;
    const bytes = envelopeBytes(events);
    if (bytes > ENVELOPE_BYTES_MAX) {
      throw new RangeError(`envelope of ${bytes} bytes: at most ${ENVELOPE_BYTES_MAX} are allowed`);
    }
    this.parts = parts;
    this.exports.beginEnvelope();
    for (const part of parts) this.bytes.write(part, this.exports.addPart(part.length), 'latin1');
  }
}

/** The length of an envelope, in bytes. Without `afterLast`, `after` is stored twice and counts twice. */
export function envelopeBytes(events: TextEvents): number {
  return envelopeOf(events).reduce((sum, { length }) => sum + length, 0);
}

function envelopeOf({ before, after, afterLast = after }: TextEvents): readonly string[] {
  return [before, ...after, ...afterLast];
}
