import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { PACED_BATCH_LENGTH, PACED_BATCH_PIECES } from '../core/limits.js';
import type { Failure } from '../delivery/failure.js';
import type { Schedule } from '../delivery/schedule.js';
import { EARLY_MS, type Timed, type TimerWheel } from '../delivery/timer-wheel.js';
import type { StreamBytes } from './stream-bytes.js';

/** How a stream is paced. */
export interface Pace {
  readonly wheel: TimerWheel;
  readonly schedule: Schedule;
  /** Tokens in each chunk; 0 for words. */
  readonly interval: number;
  readonly failure: Failure | undefined;
  /** Returns the event that ends a stream which fails. It has the number of the event, for streams whose events are numbered. */
  readonly errorEvent: (eventNumber: number) => string;
  /** Called in place of that event if nothing has been sent: the request gets an error with a status. */
  readonly refuse: () => void;
  /** Called when it fails after chunks were sent. */
  readonly onFailed: (failure: Failure) => void;
  /** Called when chunks are sent, with their tokens and the time since the chunks before them, in ms; undefined for the first. */
  readonly onSent: (tokens: number, gapMs: number | undefined) => void;
}

/**
 * The entries of a chunk in a batch: where it ends in the text of the batch, when it is due, and how many tokens it has.
 */
const END = 0;
const DUE = 1;
const TOKENS = 2;
const ENTRIES = 3;

/** A stream whose chunks are sent when they are due. If its client reads slowly, it waits; others don't. */
export class PacedStream implements Timed {
  dueMs = 0;
  wheelNext: Timed | undefined = undefined;
  wheelPrevious: Timed | undefined = undefined;
  private readonly response: ServerResponse;
  private readonly socket: Socket;
  /** How long a client may read nothing, in ms. Each write would renew it, which costs as much as all else about a chunk. */
  private readonly stalledMs: number;
  private readonly sink: NodeJS.WritableStream;
  private head: (() => string) | undefined;
  private readonly bytes: StreamBytes;
  private readonly pace: Pace;
  /**
   * Some chunks are built together, since the memory of a thousand streams doesn't fit into the processor's caches: each visit of a stream
   * costs more than building a chunk. Their text is a byte string, a slice of which is a reference: it copies nothing.
   */
  private text = '';
  private readonly batch = new Float64Array(ENTRIES * PACED_BATCH_PIECES);
  /** How many chunks the batch has, the index of the next one, and where that begins in the text. */
  private count = 0;
  private next = 0;
  private start = 0;
  /** How many chunks have been built, and how many of them sent. */
  private built = 0;
  private sent = 0;
  /** The number of the event after the chunks that have been built. */
  private eventNumber = 0;
  /** When chunks were sent last; negative before the first. */
  private sentMs = -1;
  /** After how many chunks it fails. */
  private readonly failsAfter: number;

  /**
   * @param sink where the bytes go
   * @param head makes the head of the response when it begins
   */
  constructor(
    response: ServerResponse,
    sink: NodeJS.WritableStream,
    head: () => string,
    bytes: StreamBytes,
    pace: Pace,
  ) {
    this.response = response;
    this.socket = response.req.socket;
    this.stalledMs = this.socket.timeout ?? 0;
    this.sink = sink;
    this.head = head;
    this.bytes = bytes;
    this.pace = pace;
    const { failure } = pace;
    const isCut = failure?.kind === 'cut' || failure?.kind === 'error';
    this.failsAfter = isCut ? failure.chunks : Number.POSITIVE_INFINITY;
    if (failure?.kind === 'malformed') bytes.brokenPiece = failure.chunks;
    this.buildBatch();
  }

  /** Begins to send. */
  begin(): void {
    this.response.once('close', () => {
      this.pace.wheel.remove(this);
      this.sink.off('drain', this.onDrain);
    });
    this.socket.setTimeout(0);
    // What is due at once doesn't wait for the timer.
    if (this.dueMs <= this.pace.wheel.now) this.act(this.pace.wheel.now);
    else this.goOn();
  }

  /** Sends everything that is due. */
  act(nowMs: number): void {
    const { batch } = this;
    const dueMs = nowMs + EARLY_MS;
    const { sent } = this;
    let isTaken = true;
    let tokens = 0;
    while (isTaken && !this.isOver && !this.isDone && (this.dueMs <= dueMs || this.sent === sent)) {
      let at = ENTRIES * this.next;
      const last = ENTRIES * this.count;
      let end = 0;
      do {
        end = batch[at + END] as number;
        tokens += batch[at + TOKENS] as number;
        this.sent++;
        at += ENTRIES;
      } while (at < last && (batch[at + DUE] as number) <= dueMs);
      const text = this.text.slice(this.start, end);
      if (at === last) this.buildBatch();
      else {
        this.start = end;
        this.next = at / ENTRIES;
        this.dueMs = batch[at + DUE] as number;
      }
      isTaken = this.write(text);
    }
    if (this.sent > sent) {
      this.pace.onSent(tokens, this.sentMs < 0 ? undefined : nowMs - this.sentMs);
      this.sentMs = nowMs;
    }
    if (this.isDone) this.end();
    else if (isTaken && this.isOver) this.fail();
    else if (isTaken) this.goOn();
    else {
      this.socket.setTimeout(this.stalledMs);
      this.sink.once('drain', this.onDrain);
    }
  }

  private readonly onDrain = (): void => {
    this.socket.setTimeout(0);
    this.goOn();
  };

  private goOn(): void {
    if (!this.response.destroyed) this.pace.wheel.add(this);
  }

  private end(): void {
    this.socket.setTimeout(this.stalledMs);
    this.response.end();
  }

  /** True once all bytes have been written. */
  private get isDone(): boolean {
    return this.count === 0 && !this.isOver;
  }

  /** True once the stream fails, before its last events if it has fewer chunks. */
  private get isOver(): boolean {
    return this.sent === this.failsAfter || (this.count === 0 && this.failsAfter < Number.POSITIVE_INFINITY);
  }

  /** Builds the next chunks, and draws when they are due. A stream that fails after some of them gets no events after a chunk. */
  private buildBatch(): void {
    const { bytes, batch } = this;
    const isCut = this.failsAfter < Number.POSITIVE_INFINITY;
    // The times of further chunks depend on the requests that run until then.
    const longest = this.pace.schedule.isSteady ? batch.length : ENTRIES;
    const texts: string[] = [];
    let length = 0;
    let at = 0;
    while (!bytes.isDone && this.built < this.failsAfter && at < longest && length < PACED_BATCH_LENGTH) {
      const text = bytes.nextPiece(!isCut);
      // The events after the last chunk.
      if (isCut && bytes.isDone) break;
      this.eventNumber = bytes.eventNumber;
      texts.push(text);
      length += text.length;
      batch[at + END] = length;
      batch[at + DUE] = this.dueOf(this.built++, bytes.tokens, bytes.atMs);
      batch[at + TOKENS] = bytes.tokens;
      at += ENTRIES;
    }
    this.text = texts.join('');
    this.count = texts.length;
    this.next = 0;
    this.start = 0;
    if (at > 0) this.dueMs = batch[DUE] as number;
  }

  /** When a chunk is due. The chunks before it are known. */
  private dueOf(index: number, tokens: number, atMs: number | undefined): number {
    const { failure, schedule, interval, wheel } = this.pace;
    schedule.chunk(tokens || interval, atMs);
    if (index === 0) schedule.beginAfter(wheel.now);
    if (failure?.kind === 'stall' && failure.chunks === index) schedule.stall(failure.ms);
    return schedule.dueMs;
  }

  /** Writes bytes, with the head before the first ones. */
  private write(text: string): boolean {
    const { head, sink } = this;
    if (head === undefined) return sink.write(text, 'latin1');
    this.head = undefined;
    return sink.write(head() + text, 'latin1');
  }

  /** Ends the stream: with an error, or without anything. */
  private fail(): void {
    const { bytes, pace } = this;
    const { failure } = pace;
    if (failure?.kind === 'error' && this.head !== undefined) {
      this.socket.setTimeout(this.stalledMs);
      pace.refuse();
      return;
    }
    if (failure !== undefined) pace.onFailed(failure);
    if (failure?.kind !== 'error') {
      this.socket.setTimeout(this.stalledMs);
      this.socket.destroySoon();
      return;
    }
    this.write(bytes.lastBytes(pace.errorEvent(this.eventNumber)));
    this.end();
  }
}
