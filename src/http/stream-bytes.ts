/** Builds the bytes of a stream's events, slice by slice. */

import type { EventStream, PieceEvents, Pieces } from '../core/event-stream.js';
import { type SpelledText, spell } from '../core/spelled-text.js';
import type { TokenizerName } from '../core/tokens.js';
import {
  ENVELOPE_BYTES_MAX,
  type EventWriter,
  envelopeBytes,
  TEXT_START,
  type TextEvents,
  type TextPosition,
} from '../kernel/event-writer.js';
import { piecesOf } from '../openai/pieces.js';

/** Builds the events of texts. */
export interface EventMaker {
  writer: EventWriter;
  /** The tokenizer that cuts texts into pieces. */
  readonly tokenizer: TokenizerName;
  /** Creates a writer to replace one that has trapped. */
  readonly newWriter: (trap: WebAssembly.RuntimeError) => EventWriter;
}

/** The last chunk of HTTP's chunked encoding. */
const LAST_CHUNK = '0\r\n\r\n';

/** The events of one stream, and how far they have been built. */
export class StreamBytes {
  private readonly stream: EventStream;
  private head: string;
  private readonly maker: EventMaker;
  private readonly isChunked: boolean;
  /** How many parts have begun. */
  private begun = 0;
  /** The number of the next event. */
  private number = 0;
  /** The next event, if it is already built. */
  private event: string | undefined;
  /** Otherwise, the text whose next events the kernel writes, from `position` on. */
  private text: { readonly events: TextEvents; readonly part: PieceEvents } | undefined;
  private position: TextPosition = TEXT_START;
  /** Or the events of a text that are built one by one, without the kernel. */
  private others: Iterator<string> | undefined;
  private readonly isOneByOne: boolean;
  /** True if the next event has a piece of a text. */
  private isPiece = false;
  /** How many pieces of the text have been built, and how they are cut. */
  private piece = 0;
  private pieces: Pieces | undefined;
  /** How many pieces of all texts have been built. */
  private allPieces = 0;
  private isEnded = false;
  /** True once all bytes have been built. */
  isDone = false;
  /** Of the piece that `nextPiece` has returned: its tokens, and when it came in a recorded stream, in ms since the request; 0 without one. */
  tokens = 0;
  atMs: number | undefined = undefined;
  /** The index among all pieces of one whose event is cut off, so that it isn't JSON; -1 for none. */
  brokenPiece = -1;

  /**
   * @param head the beginning of each event, or of the first, a byte string
   * @param isChunked true to frame each event as a chunk of HTTP's chunked encoding, and to end with the last chunk
   * @param isOneByOne true if `nextPiece` is called rather than `fill`
   */
  constructor(stream: EventStream, head: string, maker: EventMaker, isChunked: boolean, isOneByOne = false) {
    this.stream = stream;
    this.head = head;
    this.maker = maker;
    this.isChunked = isChunked;
    this.isOneByOne = isOneByOne;
  }

  /**
   * The bytes of the next events: those before the next piece, and that piece. At the end, those after the last piece, if they weren't taken
   * with it.
   *
   * @param takesFollowing true to take the events after the piece, too, up to the next one
   */
  nextPiece(takesFollowing: boolean): string {
    let bytes = '';
    this.tokens = 0;
    this.atMs = undefined;
    for (let hasPiece = false; !this.isDone; this.advance()) {
      if (this.event === undefined) continue;
      if (this.isPiece && hasPiece) return bytes;
      bytes += this.event;
      this.event = undefined;
      if (!this.isPiece) continue;
      hasPiece = true;
      const { tokens, atMs } = this.pieces ?? {};
      this.tokens = (tokens?.[this.piece - 1] ?? 0) - (tokens?.[this.piece - 2] ?? 0);
      this.atMs = atMs?.[this.piece - 1];
      if (!takesFollowing) return bytes;
    }
    return bytes;
  }

  /** The number of the next event. */
  get eventNumber(): number {
    return this.number;
  }

  /** The bytes of an event that ends the stream early. */
  lastBytes(event: string): string {
    return this.frame(event) + (this.isChunked ? LAST_CHUNK : '');
  }

  /**
   * Writes as many events as there is room for.
   *
   * @returns where their bytes end. If that is `at`, the next event is too long: it has `eventBytes`
   */
  fill(out: Buffer, at: number): number {
    let end = at;
    while (!this.isDone) {
      if (this.event !== undefined) {
        if (this.event.length > out.length - end) return end;
        end += out.write(this.event, end, 'latin1');
        this.event = undefined;
      } else if (this.text !== undefined) {
        end = this.writeText(this.text, out, end);
        if (this.text !== undefined) return end;
      }
      this.advance();
    }
    return end;
  }

  /** The length of the next event, if it is already built; else 0. */
  get eventBytes(): number {
    return this.event?.length ?? 0;
  }

  private writeText({ events, part }: NonNullable<typeof this.text>, out: Buffer, at: number): number {
    const { writer, tokenizer } = this.maker;
    try {
      // Another stream may have been written in between.
      writer.load(part.content.spelled, tokenizer);
      const written = writer.write(events, this.position, this.isChunked, out, at);
      this.position = written;
      if (written.isDone) {
        this.text = undefined;
        this.number += written.piece;
      }
      return written.end;
    } catch (error) {
      this.goOnWithout(part, error);
      return at;
    }
  }

  /** Builds the rest of a text's events without the kernel, which has trapped. */
  private goOnWithout(part: PieceEvents, error: unknown): void {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    this.maker.writer = this.maker.newWriter(error);
    this.text = undefined;
    this.others = eventsOf(part, this.head, this.maker.tokenizer);
    for (let made = 0; made < this.position.piece; made++) this.others.next();
    this.number += this.position.piece;
  }

  /** Advances to the next event or text. */
  private advance(): void {
    const other = this.others?.next();
    if (other !== undefined && !other.done) {
      this.piece++;
      this.isPiece = true;
      this.add(other.value, this.allPieces++ === this.brokenPiece);
      return;
    }
    this.others = undefined;
    this.isPiece = false;
    const part = this.stream.parts[this.begun++];
    if (typeof part === 'string') this.addPart(part);
    else if (typeof part === 'function') this.addPart(part());
    else if (part !== undefined) this.begin(part);
    else if (this.isEnded) this.isDone = true;
    else {
      this.isEnded = true;
      const { end } = this.stream;
      this.event = (end === '' ? '' : this.frame(end)) + (this.isChunked ? LAST_CHUNK : '');
    }
  }

  private addPart(part: string): void {
    this.add(this.head + part);
    if (this.stream.isHeadOnce === true) this.head = '';
  }

  private add(event: string, isBroken = false): void {
    const { from = 0, afterNumber } = this.stream;
    const number = this.number++;
    if (number < from) return;
    const whole = afterNumber === undefined ? event : `${event}${number}${afterNumber}`;
    this.event = this.frame(isBroken ? brokenEvent(whole) : whole);
  }

  private begin(part: PieceEvents): void {
    const { stream, maker, head } = this;
    const events = this.textEvents(part);
    this.position = TEXT_START;
    this.piece = 0;
    this.pieces = part.pieces;
    if (this.isOneByOne || part.pieces?.ends !== undefined) {
      this.others = eventsOf(part, head, maker.tokenizer);
      return;
    }
    const isWhole = stream.from === undefined || stream.from <= this.number;
    // The model's name may be as long as a request.
    if (!isWhole || envelopeBytes(events) > ENVELOPE_BYTES_MAX) {
      this.others = eventsOf(part, head, maker.tokenizer);
      return;
    }
    try {
      if (maker.writer.load(part.content.spelled, maker.tokenizer)) this.text = { events, part };
      else this.others = eventsOf(part, head, maker.tokenizer);
    } catch (error) {
      this.goOnWithout(part, error);
    }
  }

  private textEvents({ before, after, afterLast, numbers, counts }: PieceEvents): TextEvents {
    const { afterNumber } = this.stream;
    const start = { before: this.head + before };
    if (afterNumber === undefined) return { ...start, after, afterLast, numbers: numbers ?? [], counts };
    return { ...start, after: [...after, afterNumber], numbers: [this.number] };
  }

  private frame(event: string): string {
    return this.isChunked ? `${event.length.toString(16)}\r\n${event}\r\n` : event;
  }
}

/** Builds the events of a text one by one, without their sequence numbers. For most texts, the kernel does this. */
function* eventsOf(part: PieceEvents, head: string, tokenizer: TokenizerName): Generator<string, void> {
  const { content, before, after, afterLast = after, numbers = [], counts } = part;
  const start = head + before;
  let piece: string | undefined;
  let index = 0;
  const event = (parts: readonly string[]) => {
    const added = counts?.[index] ?? index;
    index++;
    let text = `${start}${piece}${parts[0]}`;
    for (let i = 1; i < parts.length; i++) text += `${(numbers[i - 1] ?? 0) + added}${parts[i]}`;
    return text;
  };
  const ends = part.pieces?.ends;
  for (const next of ends === undefined ? words(content.text, tokenizer) : slicesOf(content, ends)) {
    if (piece !== undefined) yield event(after);
    piece = next;
  }
  if (piece !== undefined) yield event(afterLast);
}

/** The first half of an event's JSON. */
function brokenEvent(event: string): string {
  const start = event.indexOf('data: ');
  return `${event.slice(0, start + Math.ceil((event.length - start) / 2))}\n\n`;
}

/** The words of a text, spelled without quotes. */
function* words(text: string, tokenizer: TokenizerName): Generator<string, void> {
  for (const piece of piecesOf(text, tokenizer)) yield spell(piece).slice(1, -1);
}

/** A text in slices that end there, the last one at the end of the text; spelled without quotes. */
function* slicesOf({ text, spelled }: SpelledText, ends: Uint32Array): Generator<string, void> {
  // Then each character of the text is one of its spelling, too, after the quote.
  const isPlain = spelled.length === text.length + 2;
  let start = 0;
  for (let i = 0; i < ends.length; i++) {
    const end = i === ends.length - 1 ? text.length : (ends[i] as number);
    yield isPlain ? spelled.slice(1 + start, 1 + end) : spell(text.slice(start, end)).slice(1, -1);
    start = end;
  }
}
