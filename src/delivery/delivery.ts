/** When the pieces of an answer are sent, and what goes wrong on purpose. All of it is off by default. */

import { after, type MaybePromise } from '../core/maybe-promise.js';
import type { TimedReply } from '../core/reply.js';
import type { Scope, SharedState } from '../store/scopes.js';
import { Capacity } from './capacity.js';
import type { Failure } from './failure.js';
import { type FailurePlan, Failures } from './failures.js';
import { isInstant, type Latency, loadFactorAt, Times } from './latency.js';
import { Order, streamOf } from './order.js';
import { type Headers, hasOverrides, ownFailure, withOwnDelay } from './overrides.js';
import { Random } from './random.js';
import { type Factor, Schedule, Whole } from './schedule.js';

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
  /** The requests among which it runs. */
  readonly capacity: Capacity;
  private readonly latency: Latency;
  private readonly factor: Factor;
  private readonly random: Random;

  constructor(failure: Failure | undefined, settings: DeliverySettings, random: Random, capacity: Capacity) {
    const { streamInterval, replaySpeed } = settings;
    const isTimed = !isInstant(settings) || replaySpeed > 0;
    this.failure = failure;
    this.interval = streamInterval === 0 && isTimed ? 1 : streamInterval;
    this.replaySpeed = replaySpeed;
    this.latency = settings;
    this.random = random;
    this.capacity = capacity;
    const { timeFactorUnderLoad: most } = settings;
    this.factor = most === 1 ? undefined : () => loadFactorAt(most, capacity.running, capacity.max);
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
   * When an answer that isn't streamed is due.
   *
   * @param replies those that it has, one after the other
   * @param startMs when it began
   * @param nowMs when the answer is ready
   */
  whole(promptTokens: number, replies: readonly TimedReply[], startMs: number, nowMs: number): Whole {
    return new Whole(this.schedule(promptTokens, startMs), replies, Math.max(1, this.interval), nowMs);
  }
}

/** Decides how answers are delivered. */
export class Delivery {
  readonly failures: Failures;
  private readonly settings: (model: string | undefined) => DeliverySettings;
  private readonly capacities = new Map<string | undefined, Capacity>();
  private readonly order = new Order();
  private readonly seed: number;
  private readonly allowsOverrides: boolean;
  private readonly isConfigured: boolean;
  /** True if a model only runs a limited number of requests at the same time: those of all models are counted then. */
  readonly hasCapacity: boolean;

  /**
   * @param all the settings of models without settings of their own
   * @param models the others, by their ids
   * @param seed undefined for a random one
   * @param allowsOverrides true if a request may set its own delays and failures
   * @param state what is set while the server runs
   */
  constructor(
    all: DeliverySettings,
    models: ReadonlyMap<string, DeliverySettings>,
    seed: number | undefined,
    allowsOverrides: boolean,
    state: SharedState,
  ) {
    this.seed = seed ?? Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
    this.allowsOverrides = allowsOverrides;
    this.settings = (model) => (model === undefined ? all : (models.get(model) ?? all));
    const plans = new Map([...models].map(([model, { failures }]) => [model, failures]));
    this.failures = new Failures(all.failures, plans, seed, state);
    this.isConfigured = [all, ...models.values()].some(
      (each) => !isInstant(each) || each.maxNumSeqs > 0 || each.streamInterval > 0 || each.replaySpeed > 0,
    );
    this.hasCapacity = [all, ...models.values()].some(({ maxNumSeqs }) => maxNumSeqs > 0);
  }

  /**
   * False if a request is answered at once.
   *
   * @param test the id of the test that asks
   */
  concerns(headers: Headers, test: string | undefined): boolean {
    return (
      this.isConfigured || this.failures.concerns(test) || (this.allowsOverrides && hasOverrides(headers))
    );
  }

  /**
   * Counts a request, and decides how its answer is delivered.
   *
   * @param model the id of the model that is asked; undefined if any of several may answer
   * @param test the id of the test that asks
   * @param scopeOf returns what is set for that test
   * @throws AppError, at once or as a rejection, if a header of the request is invalid, or if the store is away that decides
   */
  plan(
    model: string | undefined,
    headers: Headers,
    test: string | undefined,
    scopeOf: () => MaybePromise<Scope | undefined>,
  ): MaybePromise<Plan> {
    const configured = this.settings(model);
    const settings = this.allowsOverrides ? withOwnDelay(configured, headers) : configured;
    const own = this.allowsOverrides ? ownFailure(headers) : undefined;
    const random = new Random(this.seed, streamOf('delays', test, this.order.next(test)));
    const failure = own ?? after(scopeOf(), (scope) => this.failures.next(test, model, scope));
    return after(failure, (failure) => new Plan(failure, settings, random, this.capacityOf(model)));
  }

  /** The requests of a model that run, and those that wait; undefined for those that any of several models may answer. */
  capacityOf(model: string | undefined): Capacity {
    let capacity = this.capacities.get(model);
    if (capacity === undefined) {
      const { maxNumSeqs, maxWaiting } = this.settings(model);
      capacity = new Capacity(maxNumSeqs, maxWaiting);
      this.capacities.set(model, capacity);
    }
    return capacity;
  }
}
