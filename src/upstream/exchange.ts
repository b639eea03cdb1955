import { AppError } from '../core/errors.js';
import { UPSTREAM_ANSWER_BYTES_MAX } from '../core/limits.js';

/** The status and the headers of an answer: names and values, alternating, of those that are passed on. */
export interface Head {
  readonly status: number;
  readonly headers: readonly string[];
}

/** How an exchange ended. */
export interface Ended {
  /** False if the answer was cut, or never came. */
  readonly isWhole: boolean;
  /** The whole body; empty if it is longer than `UPSTREAM_ANSWER_BYTES_MAX`. */
  readonly chunks: readonly Buffer[];
  /** When each chunk came, in ms since the request. */
  readonly atMs: readonly number[];
  /** Why it isn't whole. Its cause is for the log. */
  readonly failure: AppError | undefined;
}

/** Gets the body of an answer. */
export interface Follower {
  /** Called in the same tick as a chunk comes. Returns false to get no more until `resume`. */
  onChunk(chunk: Buffer): boolean;
  /** Called once, after the last chunk. `isWhole` is false if the answer was cut. */
  onEnd(isWhole: boolean): void;
}

/** What a follower does with its exchange. */
export interface Following {
  /** Goes on after `onChunk` returned false: calls it at once for what has come meanwhile. */
  resume(): void;
  /** Gets nothing more, `onEnd` included. */
  stop(): void;
}

/** Where the body comes from. */
export interface Source {
  /** Delays what comes next. */
  pause(): void;
  resume(): void;
  /** Ends the request. The exchange has ended already. */
  abort(): void;
}

/**
 * One request to an upstream and its answer, which any number of clients follow, each at its own pace. The answer is kept as it comes: a
 * client that joins late gets all of it, and a slow one delays no other.
 *
 * An answer longer than `UPSTREAM_ANSWER_BYTES_MAX` isn't kept any more: only what some follower hasn't read yet is, up to as many bytes.
 * Then the slowest follower sets the pace, and no other can join.
 */
export class Exchange {
  /** Rejects with an `AppError` if no answer comes. */
  readonly head: Promise<Head>;
  /** Never rejects. */
  readonly ended: Promise<Ended>;

  private readonly source: Source;
  private readonly now: () => number;
  private readonly askedAtMs: number;
  private readonly followers = new Set<Reader>();
  private readonly atMs: number[] = [];
  private chunks: Buffer[] = [];
  /** How many chunks came before the first that is kept. */
  private dropped = 0;
  private bytes = 0;
  private keepsAll = true;
  private isPaused = false;
  private end: Ended | undefined;
  private resolveHead: (head: Head) => void = () => {};
  private rejectHead: (error: AppError) => void = () => {};
  private resolveEnded: (ended: Ended) => void = () => {};

  /** @param now a clock, in ms */
  constructor(source: Source, now: () => number = () => performance.now()) {
    this.source = source;
    this.now = now;
    this.askedAtMs = now();
    this.head = new Promise((resolve, reject) => {
      this.resolveHead = resolve;
      this.rejectHead = reject;
    });
    this.ended = new Promise((resolve) => {
      this.resolveEnded = resolve;
    });
    // Without this, a caller that awaits only `ended` would leave a rejection unhandled.
    this.head.catch(() => {});
  }

  /** True if a follower can still join: the whole answer is kept. */
  get isKept(): boolean {
    return this.keepsAll;
  }

  /** True once a chunk has come. */
  get hasBegun(): boolean {
    return this.dropped + this.chunks.length > 0;
  }

  /**
   * Calls the follower with what has come so far, and then with each chunk in the same tick as it comes. If the answer isn't kept any more,
   * it ends at once, as cut.
   */
  follow(follower: Follower): Following {
    const reader = new Reader(follower);
    if (!this.keepsAll) {
      reader.isStopped = true;
      follower.onEnd(false);
    } else {
      this.followers.add(reader);
      this.serve(reader);
    }
    return {
      resume: () => {
        reader.isPaused = false;
        this.serve(reader);
        this.makeRoom();
      },
      stop: () => {
        reader.isStopped = true;
        this.followers.delete(reader);
        this.makeRoom();
      },
    };
  }

  /** Ends the request, unless the answer is complete. For the followers, it is cut. */
  abort(): void {
    this.fail(new AppError('upstream_unreachable', { message: 'The request to the upstream was aborted.' }));
  }

  /** The answer begins. */
  begin(head: Head): void {
    this.resolveHead(head);
  }

  /** A chunk has come. */
  add(chunk: Buffer): void {
    if (this.end !== undefined) return;
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    if (this.keepsAll) this.atMs.push(this.now() - this.askedAtMs);
    for (const reader of this.followers) this.serve(reader);
    if (this.bytes > UPSTREAM_ANSWER_BYTES_MAX) this.keepsAll = false;
    this.makeRoom();
  }

  /** The answer is complete. */
  complete(): void {
    this.finish(true, undefined);
  }

  /** The answer is cut, or doesn't come: its source is ended. */
  fail(error: AppError): void {
    if (this.end !== undefined) return;
    this.rejectHead(error);
    this.finish(false, error);
    this.source.abort();
  }

  private finish(isWhole: boolean, failure: AppError | undefined): void {
    if (this.end !== undefined) return;
    const kept = this.keepsAll ? { chunks: this.chunks, atMs: this.atMs } : { chunks: [], atMs: [] };
    this.end = { isWhole, failure, ...kept };
    this.resolveEnded(this.end);
    for (const reader of this.followers) this.serve(reader);
  }

  /** Gives a reader what it hasn't had, and its end. If it resumes or stops within `onChunk`, that takes effect after it. */
  private serve(reader: Reader): void {
    if (reader.isReading) return;
    reader.isReading = true;
    while (reader.isReady && reader.position < this.dropped + this.chunks.length) {
      const chunk = this.chunks[reader.position - this.dropped] as Buffer;
      reader.position++;
      reader.bytes += chunk.length;
      if (!reader.follower.onChunk(chunk)) reader.isPaused = true;
    }
    reader.isReading = false;
    if (this.end === undefined || !reader.isReady) return;
    reader.isStopped = true;
    this.followers.delete(reader);
    reader.follower.onEnd(this.end.isWhole);
  }

  /** Drops what all followers of a long answer have read; if one has read too little of it, delays the source. */
  private makeRoom(): void {
    if (this.keepsAll) return;
    if (this.followers.size === 0) {
      this.abort();
      this.chunks = [];
      return;
    }
    const readers = [...this.followers];
    const unneeded = Math.min(...readers.map(({ position }) => position)) - this.dropped;
    // Moving the rest takes time: it is moved when it is the smaller half.
    if (2 * unneeded >= this.chunks.length) {
      this.chunks.splice(0, unneeded);
      this.dropped += unneeded;
    }
    const unread = this.bytes - Math.min(...readers.map(({ bytes }) => bytes));
    const mustPause = unread > UPSTREAM_ANSWER_BYTES_MAX;
    if (mustPause === this.isPaused || this.end !== undefined) return;
    this.isPaused = mustPause;
    if (mustPause) this.source.pause();
    else this.source.resume();
  }
}

/** How far a follower has read. */
class Reader {
  readonly follower: Follower;
  /** How many chunks it has had, and their bytes. */
  position = 0;
  bytes = 0;
  isPaused = false;
  isStopped = false;
  isReading = false;

  constructor(follower: Follower) {
    this.follower = follower;
  }

  get isReady(): boolean {
    return !this.isPaused && !this.isStopped;
  }
}
