import type { MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import type { Corpus } from '../corpus/corpus.js';
import type { Given, Lookup, NearestLookup, Similar } from '../lookup/lookup.js';
import type { DatasetSize, Status } from './served.js';

/** One model: a dataset, and the lookups that find replies in it. */
export interface Model extends NearestLookup {
  readonly id: string;
  /** What is searched for its replies, for messages: the model's own name, or how many there are. */
  readonly searched: string;
  /** The dataset's last modification, in whole seconds since 1970. */
  readonly created: number;
  /** Identifies the dataset's contents; undefined if the file can't be read at the moment. */
  readonly fingerprint: string | undefined;
  /** Finds replies, through the cache. */
  readonly lookup: Lookup;
  /** Finds replies without the cache. */
  readonly uncachedLookup: Lookup;
  /** A turn that resembles the prompt of a query without a match; undefined if none is known without a sweep. */
  similar(query: Query, signal?: () => AbortSignal): MaybePromise<Similar | undefined>;
  /** The model whose dataset a reply is from: itself, unless it combines several models. */
  sourceOf(given: Given | undefined): Pick<Model, 'id' | 'fingerprint'>;
  /** The state of the dataset. */
  readonly status: Status;
  /** The conversations, to look at. */
  readonly corpus: Corpus;
  readonly size: DatasetSize;
  /** Pauses background work when a request arrives. */
  pauseBackgroundWork(): void;
  /** Incremented when the dataset changes: results of an older generation must not be returned any more. */
  readonly generation: number;
}
