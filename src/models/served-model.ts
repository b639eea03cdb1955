import type { MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import type { Corpus } from '../corpus/corpus.js';
import { type Cache, CachedLookup } from '../lookup/cache.js';
import type { Candidates, Lookup, NearestQuery, Sharing, Similar } from '../lookup/lookup.js';
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

  /**
   * @param cache shared with other models; undefined disables caching
   * @param sharing the store in which servers share what sweeps find, and the settings that decide what matches
   */
  constructor(id: string, served: Answering, cache: Cache | undefined, sharing?: SharedStore) {
    this.id = id;
    this.createdOnce = Math.floor(served.modifiedMs / 1000);
    this.served = served;
    const shared = sharing && new SharedMatches(sharing.store, () => contentsOf(served, sharing.settings));
    this.cached = cache && new CachedLookup(served.lookup, cache, id, shared);
    this.lookup = this.cached ?? served.lookup;
    this.uncachedLookup = served.lookup;
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

  sourceOf(): this {
    return this;
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
