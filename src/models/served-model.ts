import type { MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import type { Corpus } from '../corpus/corpus.js';
import { type Cache, CachedLookup } from '../lookup/cache.js';
import { LayeredLookup } from '../lookup/layered.js';
import type { Candidates, Given, Lookup, NearestQuery, Sharing, Similar } from '../lookup/lookup.js';
import { SharedMatches } from '../lookup/shared-matches.js';
import type { Store } from '../store/store.js';
import type { Model } from './model.js';
import type { Answering, DatasetSize, Status } from './served.js';

/** A model with a dataset of its own. */
export class ServedModel implements Model {
  readonly id: string;
  readonly lookup: Lookup;
  readonly uncachedLookup: Lookup;
  generation = 0;
  private readonly served: Answering;
  private createdOnce = 0;
  private readonly cached: CachedLookup | undefined;
  private readonly first: FirstModel | undefined;

  constructor(id: string, served: Answering, { cache, sharing, first, lookup }: ServedModelOptions = {}) {
    this.id = id;
    this.createdOnce = Math.floor(served.modifiedMs / 1000);
    this.served = served;
    this.first = first;
    const own = lookup ?? served.lookup;
    const shared = sharing && new SharedMatches(sharing.store, () => contentsOf(served, sharing.settings));
    this.cached = cache && new CachedLookup(own, cache, id, shared);
    this.lookup = this.afterFirst(this.cached ?? own);
    this.uncachedLookup = this.afterFirst(own);
  }

  /** A lookup that another model's comes before. */
  private afterFirst(own: Lookup): Lookup {
    const { first } = this;
    if (first === undefined) return own;
    const layers = [
      { model: first.id, lookup: first.lookup },
      { model: undefined, lookup: own },
    ];
    return new LayeredLookup(() => layers);
  }

  get created(): number {
    // A store that is away at the start knows it later.
    if (this.createdOnce === 0) this.createdOnce = Math.floor(this.served.modifiedMs / 1000);
    return this.createdOnce;
  }

  get searched(): string {
    return `\`${this.id}\``;
  }

  get fingerprint(): string | undefined {
    return this.served.fingerprint;
  }

  get status(): Status {
    return this.served.status;
  }

  get corpus(): Corpus {
    return this.served.corpus;
  }

  get size(): DatasetSize {
    return this.served.size;
  }

  similar(query: Query, signal?: () => AbortSignal): MaybePromise<Similar | undefined> {
    return this.served.similar(query, signal);
  }

  sharing(query: Query, signal?: () => AbortSignal): MaybePromise<Sharing | undefined> {
    return this.served.sharing(query, signal);
  }

  candidates(asked: NearestQuery, signal?: () => AbortSignal): MaybePromise<Candidates> {
    return this.served.candidates(asked, signal);
  }

  sourceOf(given: Given | undefined): Pick<Model, 'id' | 'fingerprint'> {
    const { first } = this;
    return first !== undefined && given?.dataset === first.id ? first : this;
  }

  pauseBackgroundWork(): void {
    this.served.pauseBackgroundWork();
  }

  /** Invalidates earlier answers: they may be wrong now. */
  forget(): void {
    this.generation++;
    this.cached?.clear();
  }
}

/** What a model has beside its dataset. */
interface ServedModelOptions {
  /** Shared with other models; undefined disables caching. */
  readonly cache?: Cache | undefined;
  /** The store in which servers share what sweeps find, and the settings that decide what matches. */
  readonly sharing?: SharedStore | undefined;
  /** Answers before this model. */
  readonly first?: FirstModel | undefined;
  /** Finds replies in place of the dataset's own lookup. */
  readonly lookup?: Lookup | undefined;
}

/** A model that answers before another one. */
type FirstModel = Pick<Model, 'id' | 'fingerprint' | 'lookup'>;

/** A store that servers share. */
interface SharedStore {
  readonly store: Store;
  readonly settings: string;
}

/**
 * Identifies the contents of a dataset. A fingerprint alone doesn't: it covers parts of a file. With its length and its time, it is what the
 * server itself notices changes by.
 */
function contentsOf({ fingerprint, size }: Answering, settings: string): string | undefined {
  return fingerprint && `${fingerprint} ${size.bytes} ${size.modifiedMs} ${settings}`;
}
