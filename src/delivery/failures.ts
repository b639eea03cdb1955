import { SCOPES_MAX } from '../core/limits.js';
import { type Failure, type FailureSequence, failureAt, lengthOf } from './failure.js';
import { Order } from './order.js';
import { Random } from './random.js';

/** Which requests fail, and how. */
export interface FailurePlan {
  /** The failures of the first requests. */
  readonly sequence?: FailureSequence | undefined;
  /** The share of the other requests that fail, 0 to 1. */
  readonly rate: number;
  /** How they fail, each as likely as the others; at least one. */
  readonly types: readonly Failure[];
}

/** True if no request fails. */
function isPeaceful({ sequence, rate }: FailurePlan): boolean {
  return sequence === undefined && rate === 0;
}

/** A plan, and how many requests it has decided about. */
class Carried {
  readonly plan: FailurePlan;
  private readonly seed: number;
  private readonly order = new Order('failures');

  constructor(plan: FailurePlan, seed: number) {
    this.plan = plan;
    this.seed = seed;
  }

  next(test: string | undefined): Failure | undefined {
    const { sequence, rate, types } = this.plan;
    const { index, stream } = this.order.next(test);
    if (sequence !== undefined && (sequence.isLooped || index < lengthOf(sequence)))
      return failureAt(sequence, index);
    if (rate === 0) return undefined;
    const random = new Random(this.seed, stream);
    return random.next() < rate ? types[Math.floor(random.next() * types.length)] : undefined;
  }
}

/** Decides which requests fail: by the settings, and by what is set while the server runs. */
export class Failures {
  private readonly seed: number;
  private readonly configured: (model: string | undefined) => Carried;
  /** What is set while the server runs, by test and model: see `keyOf`. */
  private readonly given = new Map<string, Carried>();
  private readonly hasConfigured: boolean;

  /**
   * @param all the plan of the settings
   * @param models the plans of models that have their own
   */
  constructor(all: FailurePlan, models: ReadonlyMap<string, FailurePlan>, seed: number) {
    this.seed = seed;
    const own = new Map([...models].map(([model, plan]) => [model, new Carried(plan, seed)]));
    const others = new Carried(all, seed);
    this.configured = (model) => (model === undefined ? others : (own.get(model) ?? others));
    this.hasConfigured = ![all, ...models.values()].every(isPeaceful);
  }

  /** True if any request may fail. */
  get isOn(): boolean {
    return this.hasConfigured || this.given.size > 0;
  }

  /**
   * The failure of a request, which is counted. What was set for its test comes first, and what was set for its model before what was set
   * for all.
   *
   * @param model undefined if any of several may answer
   */
  next(test: string | undefined, model: string | undefined): Failure | undefined {
    const given =
      this.given.size === 0
        ? undefined
        : (this.given.get(keyOf(test, model)) ??
          this.given.get(keyOf(test, undefined)) ??
          this.given.get(keyOf(undefined, model)) ??
          this.given.get(keyOf(undefined, undefined)));
    return (given ?? this.configured(model)).next(test);
  }

  /**
   * Sets a plan, which begins with the next request.
   *
   * @param test the test whose requests it is for; undefined for all requests
   * @param model the model that it is for; undefined for all models
   * @returns false if there are too many
   */
  set(plan: FailurePlan, test: string | undefined, model: string | undefined): boolean {
    const key = keyOf(test, model);
    if (!this.given.has(key) && this.given.size >= SCOPES_MAX) return false;
    this.given.set(key, new Carried(plan, this.seed));
    return true;
  }

  /**
   * Clears what was set for a test, a model, or a model of a test; without both, everything. The settings apply again.
   *
   * @param test undefined for all tests, and for what was set without one
   * @param model undefined for all models, and for what was set without one
   */
  clear(test: string | undefined, model: string | undefined): void {
    for (const key of this.given.keys()) {
      const border = key.indexOf(' ');
      const isOfTest = test === undefined || key.slice(0, border) === test;
      const isOfModel = model === undefined || key.slice(border + 1) === model;
      if (isOfTest && isOfModel) this.given.delete(key);
    }
  }
}

/** Ids of tests have no spaces. */
function keyOf(test = '', model = ''): string {
  return `${test} ${model}`;
}
