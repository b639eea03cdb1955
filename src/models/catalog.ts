import { AppError } from '../core/errors.js';
import type { Rung } from '../core/match.js';
import { after, firstFound, type MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import type { Given, Lookup, Match, Similar } from '../lookup/lookup.js';
import type { Model } from './model.js';
import type { Status } from './served-dataset.js';

/** The models of a server. */
export class Catalog {
  /** In the configured order; at least one. */
  readonly models: readonly Model[];
  private readonly byId: ReadonlyMap<string, Model>;
  private readonly isStrict: boolean;
  /** Answers for all other names. */
  private readonly any: Model;

  /** @param isStrict true to accept only the models' own names */
  constructor(models: readonly Model[], isStrict: boolean) {
    const [first] = models;
    if (first === undefined) throw new Error('a catalog needs a model');
    this.models = models;
    this.byId = new Map(models.map((model) => [model.id, model]));
    this.isStrict = isStrict;
    this.any = models.length === 1 ? first : new AllModels(models);
  }

  /**
   * The model with that name. A missing or unknown name searches all of them.
   *
   * @throws AppError if the name is unknown and only the models' own names are accepted
   */
  resolve(name: string | undefined): Model {
    const known = name === undefined ? undefined : this.byId.get(name);
    if (known !== undefined) return known;
    if (!this.isStrict || name === undefined) return this.any;
    const names = this.models.map(({ id }) => `\`${id}\``).join(' or ');
    throw new AppError('model_not_found', {
      message: `The model \`${name}\` does not exist. Expected ${names}.`,
    });
  }

  /** Pauses background work when a request arrives. */
  pauseBackgroundWork(): void {
    for (const model of this.models) model.pauseBackgroundWork();
  }
}

/** All models as one, searched in their order. */
class AllModels implements Model {
  private readonly models: readonly Model[];
  private readonly first: Model;
  readonly lookup: Lookup;
  readonly uncachedLookup: Lookup;

  constructor(models: readonly Model[]) {
    this.models = models;
    this.first = models[0] as Model;
    this.lookup = new LayeredLookup(models, ({ lookup }) => lookup);
    this.uncachedLookup = new LayeredLookup(models, ({ uncachedLookup }) => uncachedLookup);
  }

  get id(): string {
    return this.first.id;
  }

  get searched(): string {
    return `any of the ${this.models.length} datasets`;
  }

  get created(): number {
    return this.first.created;
  }

  get fingerprint(): string | undefined {
    return this.first.fingerprint;
  }

  get status(): Status {
    return this.first.status;
  }

  get generation(): number {
    return this.models.reduce((sum, { generation }) => sum + generation, 0);
  }

  similar(query: Query, signal?: () => AbortSignal): MaybePromise<Similar | undefined> {
    return firstFound(this.models, (model) => model.similar(query, signal));
  }

  sourceOf(given: Given | undefined): Model {
    return this.models.find(({ id }) => id === given?.dataset) ?? this.first;
  }

  pauseBackgroundWork(): void {
    for (const model of this.models) model.pauseBackgroundWork();
  }
}

/** From the best rung to the worst. */
const RUNGS: readonly Rung[] = ['context', 'prompt', 'normalized'];

/** Searches several models in order: the better rung wins, then the earlier model. */
class LayeredLookup implements Lookup {
  private readonly models: readonly Model[];
  private readonly lookupOf: (model: Model) => Lookup;

  constructor(models: readonly Model[], lookupOf: (model: Model) => Lookup) {
    this.models = models;
    this.lookupOf = lookupOf;
  }

  get isImmediate(): boolean {
    return this.models.every((model) => this.lookupOf(model).isImmediate);
  }

  find(query: Query, signal?: () => AbortSignal): MaybePromise<Match | undefined> {
    return this.findFrom(0, undefined, query, signal);
  }

  private findFrom(
    layer: number,
    best: Match | undefined,
    query: Query,
    signal: (() => AbortSignal) | undefined,
  ): MaybePromise<Match | undefined> {
    const model = this.models[layer];
    if (model === undefined || best?.rung === RUNGS[0]) return best;
    return after(this.lookupOf(model).find(query, signal), (match) => {
      const isBetter =
        match !== undefined && (best === undefined || RUNGS.indexOf(match.rung) < RUNGS.indexOf(best.rung));
      return this.findFrom(layer + 1, isBetter ? { ...match, dataset: model.id } : best, query, signal);
    });
  }
}
