import { randomUUID } from 'node:crypto';
import { POSITION_LIFE_MS, POSITIONS_MAX } from '../core/limits.js';
import { after, type MaybePromise, orElse } from '../core/maybe-promise.js';
import { insteadOfStore } from '../store/away.js';
import { MemoryStore } from '../store/memory-store.js';
import type { Scope, Scopes, SharedState } from '../store/scopes.js';
import type { CountKind, Counts, Store } from '../store/store.js';
import { type Failure, type FailureSequence, failureAt, lengthOf } from './failure.js';
import { hashOf, streamOf } from './order.js';
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

/** A plan with a name for its positions: those of a plan that is set again begin again. */
interface NamedPlan {
  readonly plan: FailurePlan;
  readonly name: string;
}

/** The positions of tests in plans. */
const POSITIONS: CountKind = {
  name: 'position',
  lifeMs: POSITION_LIFE_MS,
  isRenewed: true,
  isSecret: false,
  countMax: POSITIONS_MAX,
};

/** Decides which requests fail: by the settings, and by what is set while the server runs. */
export class Failures {
  private readonly seed: number;
  private readonly isSeeded: boolean;
  private readonly configured: (model: string | undefined) => NamedPlan;
  private readonly scopes: Scopes;
  private readonly store: Store;
  private positions: Counts | undefined;
  /** The positions in plans that need no other server's. */
  private readonly own = new MemoryStore();
  private readonly hasConfigured: boolean;
  /** What is set for all tests, and whether failures are among that. */
  private known: { readonly scope: Scope; readonly hasFailures: boolean } | undefined;

  /**
   * @param all the plan of the settings
   * @param models the plans of models that have their own
   * @param seed undefined for another one in each server
   * @param state what is set while the server runs, and how far each test is
   */
  constructor(
    all: FailurePlan,
    models: ReadonlyMap<string, FailurePlan>,
    seed: number | undefined,
    { store, scopes }: SharedState,
  ) {
    this.seed = seed ?? Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
    this.isSeeded = seed !== undefined;
    this.scopes = scopes;
    this.store = store;
    const own = new Map([...models].map(([model, plan]) => [model, configured(plan, model)]));
    const others = configured(all, '');
    this.configured = (model) => (model === undefined ? others : (own.get(model) ?? others));
    this.hasConfigured = ![all, ...models.values()].every(isPeaceful);
  }

  /** True if a request of a test may fail. */
  concerns(test: string | undefined): boolean {
    return this.hasConfigured || this.hasForAll || this.scopes.mayHave(test);
  }

  /**
   * The failure of a request, which is counted. What was set for its test comes first, and what was set for its model before what was set
   * for all.
   *
   * @param model undefined if any of several may answer
   * @param scope what is set for its test
   * @throws AppError, at once or as a rejection, if that depends on the requests at other servers, and the store is away
   */
  next(
    test: string | undefined,
    model: string | undefined,
    scope: Scope | undefined,
  ): MaybePromise<Failure | undefined> {
    const { all } = this.scopes;
    const given =
      givenIn(scope, model) ?? givenIn(scope, undefined) ?? givenIn(all, model) ?? givenIn(all, undefined);
    const { plan, name } = given ?? this.configured(model);
    if (isPeaceful(plan)) return undefined;
    return after(this.position(plan, `${name}:${test ?? ''}`), (index) => this.failureAt(plan, test, index));
  }

  /**
   * Sets a plan, which begins with the next request.
   *
   * @param test the test whose requests it is for; undefined for all requests
   * @param model the model that it is for; undefined for all models
   * @returns false if there are too many
   * @throws AppError, at once or as a rejection, if the store is away
   */
  set(plan: FailurePlan, test: string | undefined, model: string | undefined): MaybePromise<boolean> {
    const named: NamedPlan = { plan, name: randomUUID() };
    return this.scopes.set(test, idOf(model), named);
  }

  /**
   * Clears what was set for a test, a model, or a model of a test; without both, everything. The settings apply again.
   *
   * @param test undefined for all tests, and for what was set without one
   * @param model undefined for all models, and for what was set without one
   * @throws AppError, at once or as a rejection, if the store is away
   */
  clear(test: string | undefined, model: string | undefined): MaybePromise<void> {
    const isCleared = model === undefined ? isFailures : (id: string) => id === idOf(model);
    return this.scopes.remove(test, isCleared);
  }

  private get hasForAll(): boolean {
    const scope = this.scopes.all;
    if (this.known?.scope !== scope)
      this.known = { scope, hasFailures: [...scope.items.keys()].some(isFailures) };
    return this.known.hasFailures;
  }

  /** How many requests came before. */
  private position({ sequence }: FailurePlan, id: string): MaybePromise<number> {
    const ownIndex = () => this.own.counts(POSITIONS).count(id).count - 1;
    // Without a seed, the random numbers of each server differ anyway.
    if (sequence === undefined && !this.isSeeded) return ownIndex();
    this.positions ??= this.store.counts(POSITIONS);
    const { positions } = this;
    if (sequence !== undefined) return after(positions.count(id), ({ count }) => count - 1);
    return orElse(
      () => after(positions.count(id), ({ count }) => count - 1),
      // The share of the requests that fail is the same.
      (error) => insteadOfStore(error, ownIndex),
    );
  }

  private failureAt(
    { sequence, rate, types }: FailurePlan,
    test: string | undefined,
    index: number,
  ): Failure | undefined {
    if (sequence !== undefined && (sequence.isLooped || index < lengthOf(sequence)))
      return failureAt(sequence, index);
    if (rate === 0) return undefined;
    const random = new Random(this.seed, streamOf('failures', test, index));
    return random.next() < rate ? types[Math.floor(random.next() * types.length)] : undefined;
  }
}

/** Another plan in the settings has another name: it begins from its start. */
function configured(plan: FailurePlan, model: string): NamedPlan {
  return { plan, name: `set.${hashOf(`${model} ${JSON.stringify(plan)}`)}` };
}

/** The plan that is set for a model in a scope. */
function givenIn(scope: Scope | undefined, model: string | undefined): NamedPlan | undefined {
  return scope?.items.get(idOf(model)) as NamedPlan | undefined;
}

const FAILURES = 'failures ';

/** The id of a plan in a scope. */
function idOf(model = ''): string {
  return FAILURES + model;
}

function isFailures(id: string): boolean {
  return id.startsWith(FAILURES);
}
