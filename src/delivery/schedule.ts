/** When the chunks of one answer are due, and when an answer that isn't streamed is. */

import type { TimedReply } from '../core/reply.js';
import type { Times } from './latency.js';

/** The factor of all times: it depends on how many requests run, or it is 1. */
export type Factor = (() => number) | undefined;

/** When the chunks of one answer are due, one after the other. */
export class Schedule {
  private readonly times: Times;
  private readonly factor: Factor;
  private readonly replaySpeed: number;
  /** Tokens of the chunks so far. */
  private tokens = 0;
  /** True once there is a chunk. */
  hasBegun = false;
  /** When the last recorded chunk came. */
  private recordedMs = 0;
  /** When the last chunk is due. */
  dueMs: number;

  constructor(times: Times, factor: Factor, startMs: number, replaySpeed: number) {
    this.times = times;
    this.factor = factor;
    this.replaySpeed = replaySpeed;
    this.dueMs = startMs;
  }

  /** False if the times depend on the requests that run when they are drawn. */
  get isSteady(): boolean {
    return this.factor === undefined;
  }

  /**
   * When the next chunk is due.
   *
   * @param tokens how many tokens it has
   * @param atMs when it came in a recorded stream, in ms since the request
   * @returns in ms of the clock of the start
   */
  chunk(tokens: number, atMs?: number): number {
    if (atMs !== undefined && this.replaySpeed > 0) {
      this.dueMs += (atMs - this.recordedMs) / this.replaySpeed;
      this.recordedMs = atMs;
    } else {
      const ms = this.hasBegun ? this.times.next(tokens, this.tokens) : this.times.first();
      this.dueMs += this.factor === undefined ? ms : ms * this.factor();
    }
    this.hasBegun = true;
    this.tokens += tokens;
    return this.dueMs;
  }

  /**
   * Called after the first chunk: if that was due before the answer was ready, all chunks are as much later, so that the times between them
   * stay the same.
   *
   * @param readyMs when the answer is ready
   * @returns when the first chunk is due
   */
  beginAfter(readyMs: number): number {
    return this.stall(Math.max(0, readyMs - this.dueMs));
  }

  /** Delays all further chunks. */
  stall(ms: number): number {
    this.dueMs += ms;
    return this.dueMs;
  }
}

/** When an answer that isn't streamed is due: when the last chunk of its stream would be. In ms of the clock of its schedule. */
export class Whole {
  private readonly schedule: Schedule;
  private readonly replies: readonly TimedReply[];
  private readonly interval: number;
  /** The reply whose chunks are drawn, its tokens so far, and how much later it begins than the first. */
  private index = 0;
  private taken = 0;
  private laterMs = 0;
  /** True while the last chunk of a recorded reply is left. */
  private isReplayed = false;
  private isDrawn = false;
  /** When its first token would be. */
  readonly firstMs: number;

  /** @param interval tokens in each chunk of the stream */
  constructor(schedule: Schedule, replies: readonly TimedReply[], interval: number, nowMs: number) {
    this.schedule = schedule;
    this.replies = replies;
    this.interval = interval;
    while (!schedule.hasBegun) this.draw();
    this.firstMs = schedule.beginAfter(nowMs);
  }

  /** When it is due, or when to look again. */
  get dueMs(): number {
    return this.schedule.dueMs;
  }

  /** Draws the times of chunks until one is due later; all of them, if they don't depend on the requests that run meanwhile. */
  isDue(nowMs: number): boolean {
    while (!this.isDrawn && (this.schedule.isSteady || this.dueMs <= nowMs)) this.draw();
    return this.isDrawn && this.dueMs <= nowMs;
  }

  /** Delays it. */
  stall(ms: number): void {
    this.schedule.stall(ms);
  }

  /** Draws the time of the next chunk. An answer without tokens has one, too. Of a recorded reply, the first chunk and the last count. */
  private draw(): void {
    const { schedule, interval, taken } = this;
    const reply = this.replies[this.index];
    if (reply === undefined) {
      if (!schedule.hasBegun) schedule.chunk(0);
      this.isDrawn = true;
      return;
    }
    const { tokens, recorded } = reply;
    if (recorded !== undefined) {
      this.isReplayed = !this.isReplayed;
      if (this.isReplayed) {
        schedule.chunk(tokens, this.laterMs + recorded.firstMs);
        return;
      }
      this.laterMs += recorded.lastMs;
      schedule.chunk(0, this.laterMs);
    } else if (taken < tokens) {
      this.taken = Math.min(taken + interval, tokens);
      schedule.chunk(this.taken - taken);
      if (this.taken < tokens) return;
    }
    this.index++;
    this.taken = 0;
  }
}
