import type { MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import type { Given, Lookup, Similar } from '../lookup/lookup.js';
import type { Status } from './served-dataset.js';

/** What one model name stands for: a dataset, and what finds replies in it. */
export interface Model {
  readonly id: string;
  /** Seconds since 1970, whole: the dataset's last change. */
  readonly created: number;
  /** Names what the dataset holds; undefined if it can't be read just now. */
  readonly fingerprint: string | undefined;
  /** Finds replies, through the cache. */
  readonly lookup: Lookup;
  /** Finds replies in the dataset itself. */
  readonly uncachedLookup: Lookup;
  /** A turn that is like the prompt of a query that finds nothing; undefined if none is known without a sweep. */
  similar(query: Query, signal?: () => AbortSignal): MaybePromise<Similar | undefined>;
  /** The model whose dataset a reply is from: itself, unless it stands for several. */
  sourceOf(given: Given | undefined): Pick<Model, 'id' | 'fingerprint'>;
  /** How far the dataset is known. */
  readonly status: Status;
  /** Pauses background work when a request arrives. */
  pauseBackgroundWork(): void;
  /** Incremented when the dataset changes: results of an older generation must not be given any more. */
  readonly generation: number;
}
