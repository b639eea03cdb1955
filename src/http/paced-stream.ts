import type { ServerResponse } from 'node:http';
import { PACED_BATCH_LENGTH, PACED_BATCH_PIECES } from '../core/limits.js';
import type { Schedule } from '../delivery/delivery.js';
import type { Failure } from '../delivery/failure.js';
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
  /** Called when chunks are sent, with their tokens and the time since the chunks before them, in ms; undefined for the first. */
  readonly onSent: (tokens: number, gapMs: number | undefined) => void;
}

/**
 * Some chunks, built together: the memory of a thousand streams doesn't fit into the processor's caches, so that each visit of a stream
 * costs more than building a chunk.
 */
interface Batch {
  readonly bytes: Buffer;
  /** Where each chunk ends in the bytes. */
  readonly ends: readonly number[];
  /** The tokens of each chunk. */
  readonly tokens: readonly number[];
  /** When each chunk came in a recorded stream, in ms since the request. */
  readonly atMs: readonly (number | undefined)[];
}

const NOTHING: Batch = { bytes: Buffer.alloc(0), ends: [], tokens: [], atMs: [] };

/** A stream whose chunks are sent when they are due. If its client reads slowly, it waits; others don't. */
export class PacedStream implements Timed {
  dueMs: number;
  wheelNext: Timed | undefined = undefined;
  wheelPrevious: Timed | undefined = undefined;
  private readonly response: ServerResponse;
  private readonly sink: NodeJS.WritableStream;
  private head: (() => string) | undefined;
  private readonly bytes: StreamBytes;
  private readonly pace: Pace;
  private batch = NOTHING;
  /** The index in the batch of the next chunk. */
  private next = 0;
  /** How many chunks have been sent. */
  private sent = 0;
  private sentMs: number | undefined = undefined;
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
    this.sink = sink;
    this.head = head;
    this.bytes = bytes;
    this.pace = pace;
    const { failure, schedule } = pace;
    const isCut = failure?.kind === 'cut' || failure?.kind === 'error';
    this.failsAfter = isCut ? failure.chunks : Number.POSITIVE_INFINITY;
    if (failure?.kind === 'malformed') bytes.brokenPiece = failure.chunks;
    this.buildBatch();
    schedule.chunk(this.batch.tokens[0] as number, this.batch.atMs[0]);
    this.dueMs = schedule.beginAfter(pace.wheel.now);
    this.stallIfAsked();
  }

  /** Begins to send. */
  start(): void {
    this.response.once('close', () => {
      this.pace.wheel.remove(this);
      this.sink.off('drain', this.goOn);
    });
    // What is due at once doesn't wait for the timer.
    if (this.dueMs <= this.pace.wheel.now) this.act(this.pace.wheel.now);
    else this.goOn();
  }

  /** Sends everything that is due. */
  act(nowMs: number): void {
    const { pace, sink } = this;
    let isTaken = true;
    let tokens = 0;
    do {
      if (this.isOver) {
        this.fail();
        return;
      }
      const { batch } = this;
      const start = batch.ends[this.next - 1] ?? 0;
      do {
        tokens += batch.tokens[this.next++] as number;
        this.sent++;
        if (this.next === batch.ends.length) this.buildBatch();
        if (this.isDone) break;
        this.dueMs = pace.schedule.chunk(this.batch.tokens[this.next] as number, this.batch.atMs[this.next]);
        this.stallIfAsked();
      } while (this.batch === batch && this.dueMs <= nowMs + EARLY_MS);
      const end = this.batch === batch ? batch.ends[this.next - 1] : batch.bytes.length;
      isTaken = this.write(batch.bytes.subarray(start, end));
    } while (!this.isDone && isTaken && this.dueMs <= nowMs + EARLY_MS);
    pace.onSent(tokens, this.sentMs === undefined ? undefined : nowMs - this.sentMs);
    this.sentMs = nowMs;
    if (this.isDone) this.response.end();
    else if (isTaken) this.goOn();
    else sink.once('drain', this.goOn);
  }

  private readonly goOn = (): void => {
    if (!this.response.destroyed) this.pace.wheel.add(this);
  };

  /** True once all bytes have been written. */
  private get isDone(): boolean {
    return this.bytes.isDone && this.next === this.batch.ends.length && !this.isOver;
  }

  /** True once the stream fails, before its last events if it has fewer chunks. */
  private get isOver(): boolean {
    return this.sent === this.failsAfter || (this.failsAfter < Number.POSITIVE_INFINITY && this.bytes.isDone);
  }

  /** Builds the next chunks. A stream that fails after some of them has one in each batch, without the events after it. */
  private buildBatch(): void {
    const { bytes, pace, failsAfter } = this;
    this.next = 0;
    if (bytes.isDone) {
      this.batch = NOTHING;
      return;
    }
    const isCut = failsAfter < Number.POSITIVE_INFINITY;
    const texts: string[] = [];
    const ends: number[] = [];
    const tokens: number[] = [];
    const atMs: (number | undefined)[] = [];
    let length = 0;
    do {
      const text = bytes.nextPiece(!isCut);
      texts.push(text);
      length += text.length;
      ends.push(length);
      tokens.push(bytes.tokens || pace.interval);
      atMs.push(bytes.atMs);
    } while (!isCut && !bytes.isDone && texts.length < PACED_BATCH_PIECES && length < PACED_BATCH_LENGTH);
    const built = Buffer.allocUnsafe(length);
    for (let i = 0; i < texts.length; i++) built.write(texts[i] as string, ends[i - 1] ?? 0, 'latin1');
    this.batch = { bytes: built, ends, tokens, atMs };
  }

  private stallIfAsked(): void {
    const { failure, schedule } = this.pace;
    if (failure?.kind === 'stall' && failure.chunks === this.sent) this.dueMs = schedule.stall(failure.ms);
  }

  /** Writes bytes, with the head before the first ones. */
  private write(bytes: Buffer): boolean {
    const { head, sink } = this;
    if (head === undefined) return sink.write(bytes);
    this.head = undefined;
    return sink.write(head() + bytes.toString('latin1'), 'latin1');
  }

  /** Ends the stream: with an error, or without anything. */
  private fail(): void {
    const { bytes, pace, response } = this;
    if (pace.failure?.kind !== 'error') {
      response.socket?.destroySoon();
      return;
    }
    this.write(Buffer.from(bytes.lastBytes(pace.errorEvent(bytes.eventNumber)), 'latin1'));
    response.end();
  }
}
