import type { ServerResponse } from 'node:http';
import { PACED_WRITE_LENGTH_MAX } from '../core/limits.js';
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
  /** How many chunks have been sent. */
  private sent = 0;
  private sentMs: number | undefined = undefined;
  /** True if the stream ends after a number of chunks: then the events after a chunk aren't sent with it. */
  private readonly isCut: boolean;

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
    const { failure, schedule, interval } = pace;
    this.isCut = failure?.kind === 'cut' || failure?.kind === 'error';
    if (failure?.kind === 'malformed') bytes.brokenPiece = failure.chunks;
    this.dueMs = schedule.chunk(interval);
    this.stallIfAsked();
  }

  /** Begins to send. */
  start(): void {
    this.response.once('close', () => {
      this.pace.wheel.remove(this);
      this.sink.off('drain', this.goOn);
    });
    // The first chunk is due, or fails, at once: don't wait for the timer.
    if (this.dueMs <= this.pace.wheel.now) this.act(this.pace.wheel.now);
    else this.goOn();
  }

  /** Sends everything that is due, in one write. */
  act(nowMs: number): void {
    const { bytes, pace, isCut } = this;
    let text = this.head?.() ?? '';
    this.head = undefined;
    let tokens = 0;
    do {
      const isOver = isCut && this.sent === (this.pace.failure as { chunks: number }).chunks;
      const before = bytes.tokens;
      const next = isOver ? '' : bytes.nextPiece(!isCut);
      // A stream with fewer chunks than that fails before its last events.
      if (isOver || (isCut && bytes.isDone)) {
        this.fail(text);
        return;
      }
      text += next;
      this.sent++;
      tokens += before || pace.interval;
      if (bytes.isDone) break;
      this.dueMs = pace.schedule.chunk(bytes.tokens || pace.interval);
      this.stallIfAsked();
    } while (this.dueMs <= nowMs + EARLY_MS && text.length < PACED_WRITE_LENGTH_MAX);
    pace.onSent(tokens, this.sentMs === undefined ? undefined : nowMs - this.sentMs);
    this.sentMs = nowMs;
    const isTaken = this.sink.write(text, 'latin1');
    if (bytes.isDone) this.response.end();
    else if (isTaken) this.goOn();
    else this.sink.once('drain', this.goOn);
  }

  private readonly goOn = (): void => {
    if (!this.response.destroyed) this.pace.wheel.add(this);
  };

  private stallIfAsked(): void {
    const { failure, schedule } = this.pace;
    if (failure?.kind === 'stall' && failure.chunks === this.sent) this.dueMs = schedule.stall(failure.ms);
  }

  /** Ends the stream: with an error, or without anything. */
  private fail(text: string): void {
    const { bytes, pace, response, sink } = this;
    if (pace.failure?.kind === 'error') {
      sink.write(text + bytes.lastBytes(pace.errorEvent(bytes.eventNumber)), 'latin1');
      response.end();
    } else {
      if (this.sent > 0) sink.write(text, 'latin1');
      response.socket?.destroySoon();
    }
  }
}
