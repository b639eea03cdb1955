/** When the pieces of an answer are sent, and what goes wrong on purpose. All of it is off by default. */

import type { RecordedTimes } from '../core/reply.js';
import { Capacity } from './capacity.js';
import type { Failure } from './failure.js';
import { type FailurePlan, Failures } from './failures.js';
import { isInstant, type Latency, loadFactorAt, Times } from './latency.js';
import { Order } from './order.js';
import { type Headers, hasOverrides, ownFailure, withOwnDelay } from './overrides.js';
import { Random } from './random.js';

/** How the answers of a model are delivered. */
export interface DeliverySettings extends Latency {
  /** The factor of all times while `maxNumSeqs` requests run. */
  readonly timeFactorUnderLoad: number;
  /** How many requests run at the same time; 0 is no limit. */
  readonly maxNumSeqs: number;
  /** How many wait while those run; further ones get 429. */
  readonly maxWaiting: number;
  /** Tokens a chunk; 0 is one token with delays, and a word without. */
  readonly streamInterval: number;
  /** The speed of recorded times; 0 ignores them. */
  readonly replaySpeed: number;
  /** Which of its requests fail on purpose. */
  readonly failures: FailurePlan;
}

/** The delivery of one answer. */
export class Plan {
  readonly failure: Failure | undefined;
  /** Tokens a chunk; 0 for words, without times. */
  readonly interval: number;
  /** The speed of recorded times; 0 ignores them. */
  readonly replaySpeed: number;
  private readonly latency: Latency;
  private readonly factor: () => number;
  private readonly random: Random;

  constructor(
    failure: Failure | undefined,
    settings: DeliverySettings,
    random: Random,
    factor: () => number,
  ) {
    const { streamInterval, replaySpeed } = settings;
    const isTimed = !isInstant(settings) || replaySpeed > 0;
    this.failure = failure;
    this.interval = streamInterval === 0 && isTimed ? 1 : streamInterval;
    this.replaySpeed = replaySpeed;
    this.latency = settings;
    this.random = random;
    this.factor = factor;
  }

  /**
   * When the chunks of an answer are due.
   *
   * @param startMs when it began, by any clock
   */
  schedule(promptTokens: number, startMs: number): Schedule {
    const times = new Times(this.latency, promptTokens, this.random);
    return new Schedule(times, this.factor, startMs, this.replaySpeed);
  }

  /**
   * When an answer that isn't streamed is due: when the last chunk of its stream would be.
   *
   * @param startMs when it began
   * @param nowMs when the answer is ready
   * @param recorded when its recorded stream began and ended
   */
  whole(
    promptTokens: number,
    completionTokens: number,
    startMs: number,
    nowMs: number,
    recorded?: RecordedTimes,
  ): Whole {
    const schedule = this.schedule(promptTokens, startMs);
    if (recorded !== undefined) {
      schedule.chunk(completionTokens, recorded.firstMs);
      const firstMs = schedule.beginAfter(nowMs);
      return { firstMs, dueMs: schedule.chunk(0, recorded.lastMs) };
    }
    const interval = Math.max(1, this.interval);
    schedule.chunk(Math.min(interval, completionTokens));
    schedule.beginAfter(nowMs);
    const firstMs = schedule.dueMs;
    for (let left = completionTokens - interval; left > 0; left -= interval)
      schedule.chunk(Math.min(interval, left));
    return { firstMs, dueMs: schedule.dueMs };
  }
}

/** When an answer that isn't streamed is due, and when its first token would be, in ms of the clock of the start. */
interface Whole {
  readonly firstMs: number;
  readonly dueMs: number;
}

/** When the chunks of one answer are due, one after the other. */
export class Schedule {
  private readonly times: Times;
  private readonly factor: () => number;
  /** Tokens of the chunks so far. */
  private tokens = 0;
  private hasBegun = false;
  private readonly startMs: number;
  private readonly replaySpeed: number;
  /** How much later than recorded the chunks are. */
  private laterMs = 0;
  /** When the last chunk is due. */
  dueMs: number;

  constructor(times: Times, factor: () => number, startMs: number, replaySpeed: number) {
    this.startMs = startMs;
    this.replaySpeed = replaySpeed;
    this.times = times;
    this.factor = factor;
    this.dueMs = startMs;
  }

  /**
   * When the next chunk is due.
   *
   * @param tokens how many tokens it has
   * @param atMs when it came in a recorded stream, in ms since the request
   * @returns in ms of the clock of the start
   */
  chunk(tokens: number, atMs?: number): number {
    const { times, hasBegun, replaySpeed } = this;
    if (atMs !== undefined && replaySpeed > 0) {
      this.dueMs = this.startMs + this.laterMs + atMs / replaySpeed;
      return this.dueMs;
    }
    const ms = hasBegun ? times.next(tokens, this.tokens) : times.first();
    this.hasBegun = true;
    this.tokens += tokens;
    this.dueMs += ms * this.factor();
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
    this.laterMs += ms;
    this.dueMs += ms;
    return this.dueMs;
  }
}

/** Decides how answers are delivered. */
export class Delivery {
  readonly failures: Failures;
  private readonly settings: (model: string) => DeliverySettings;
  private readonly capacities = new Map<string, Capacity>();
  private readonly order = new Order('delays');
  private readonly seed: number;
  private readonly allowsOverrides: boolean;
  private readonly isConfigured: boolean;
  /** True if a model only runs a limited number of requests at the same time: those of all models are counted then. */
  readonly hasCapacity: boolean;

  /**
   * @param all the settings of models without settings of their own
   * @param models the others, by their ids
   * @param allowsOverrides true if a request may set its own delays and failures
   */
  constructor(
    all: DeliverySettings,
    models: ReadonlyMap<string, DeliverySettings>,
    seed: number,
    allowsOverrides: boolean,
  ) {
    this.seed = seed;
    this.allowsOverrides = allowsOverrides;
    this.settings = (model) => models.get(model) ?? all;
    const plans = new Map([...models].map(([model, { failures }]) => [model, failures]));
    this.failures = new Failures(all.failures, plans, seed);
    this.isConfigured = [all, ...models.values()].some(
      (each) => !isInstant(each) || each.maxNumSeqs > 0 || each.streamInterval > 0 || each.replaySpeed > 0,
    );
    this.hasCapacity = [all, ...models.values()].some(({ maxNumSeqs }) => maxNumSeqs > 0);
  }

  /** False if a request is answered at once. */
  concerns(headers: Headers): boolean {
    return this.isConfigured || this.failures.isOn || (this.allowsOverrides && hasOverrides(headers));
  }

  /**
   * Counts a request, and decides how its answer is delivered.
   *
   * @param model the id of the model that is asked
   * @param test the id of the test that asks
   * @throws AppError if a header of the request is invalid
   */
  plan(model: string, headers: Headers, test: string | undefined): Plan {
    const configured = this.settings(model);
    const settings = this.allowsOverrides ? withOwnDelay(configured, headers) : configured;
    const failure = this.allowsOverrides ? ownFailure(headers) : undefined;
    const { timeFactorUnderLoad: most } = settings;
    const capacity = this.capacityOf(model);
    const factor = most === 1 ? () => 1 : () => loadFactorAt(most, capacity.running, capacity.max);
    const random = new Random(this.seed, this.order.next(test).stream);
    return new Plan(failure ?? this.failures.next(test, model), settings, random, factor);
  }

  /** The requests of a model that run, and those that wait. */
  capacityOf(model: string): Capacity {
    let capacity = this.capacities.get(model);
    if (capacity === undefined) {
      const { maxNumSeqs, maxWaiting } = this.settings(model);
      capacity = new Capacity(maxNumSeqs, maxWaiting);
      this.capacities.set(model, capacity);
    }
    return capacity;
  }
}
