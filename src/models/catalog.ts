import { AppError } from '../core/errors.js';
import { firstFound, type MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import type { Corpus } from '../corpus/corpus.js';
import { LayeredLookup } from '../lookup/layered.js';
import type { Candidates, Given, Lookup, NearestQuery, Sharing, Similar } from '../lookup/lookup.js';
import { candidatesOf, sharingOf } from '../lookup/nearest-layers.js';
import type { Model } from './model.js';
import type { DatasetSize, Status } from './served.js';

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
    return !this.isStrict || name === undefined ? this.any : this.named(name);
  }

  /**
   * The id of the one model that a name means; undefined if it is missing or unknown, and there are several.
   *
   * @throws AppError as `resolve`
   */
  idOf(name: string | undefined): string | undefined {
    const model = this.resolve(name);
    return model instanceof AllModels ? undefined : model.id;
  }

  /**
   * The model with exactly that name.
   *
   * @throws AppError if it has another name
   */
  named(name: string): Model {
    const known = this.byId.get(name);
    if (known !== undefined) return known;
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
    const layers = models.map(({ id, lookup }) => ({ model: id, lookup }));
    const uncached = models.map(({ id, uncachedLookup }) => ({ model: id, lookup: uncachedLookup }));
    this.lookup = new LayeredLookup(() => layers);
    this.uncachedLookup = new LayeredLookup(() => uncached);
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

  get corpus(): Corpus {
    return this.first.corpus;
  }

  get size(): DatasetSize {
    return this.first.size;
  }

  get generation(): number {
    return this.models.reduce((sum, { generation }) => sum + generation, 0);
  }

  similar(query: Query, signal?: () => AbortSignal): MaybePromise<Similar | undefined> {
    return firstFound(this.models, (model) => model.similar(query, signal));
  }

  sharing(query: Query, signal?: () => AbortSignal): MaybePromise<Sharing | undefined> {
    return sharingOf(
      this.models.map((lookup) => ({ model: lookup.id, lookup })),
      query,
      signal,
    );
  }

  candidates(asked: NearestQuery, signal?: () => AbortSignal): MaybePromise<Candidates> {
    return candidatesOf(
      this.models.map((lookup) => ({ model: lookup.id, lookup })),
      asked,
      signal,
    );
  }

  sourceOf(given: Given | undefined): Model {
    return this.models.find(({ id }) => id === given?.dataset) ?? this.first;
  }

  pauseBackgroundWork(): void {
    for (const model of this.models) model.pauseBackgroundWork();
  }
}
