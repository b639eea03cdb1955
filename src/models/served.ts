import type { MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import type { Corpus } from '../corpus/corpus.js';
import type { Counts } from '../dataset/counts.js';
import type { Dataset } from '../dataset/dataset.js';
import type { Lookup, NearestLookup, Similar } from '../lookup/lookup.js';
import type { SweepCount } from '../lookup/sweep.js';

/** The state of a served dataset. */
export interface Status {
  /** False while the file can't be served, and until an engine can answer. */
  readonly isAvailable: boolean;
  /** The engine that answers now. */
  readonly engine: 'sweep' | 'index' | 'store';
  /** The walked share of the dataset: 0 to 1. */
  readonly progress: number;
  readonly counts: Counts;
}

/** The metrics of a served dataset. */
export interface DatasetFigures extends SweepCount {
  /** Lookups that wait for a sweep. */
  readonly waiting: number;
  /** Turns in the index (0 without an index), and how long it took to build it (0 if it was loaded). */
  readonly indexRows: number;
  readonly indexBuildSeconds: number;
  readonly datasetBytes: number;
}

/** How large a served dataset is. */
export interface DatasetSize {
  /** Of all files together. */
  readonly bytes: number;
  readonly files: number;
  /** The memory of the index; undefined without one. */
  readonly indexBytes: number | undefined;
  /** The last modification, in ms since 1970. */
  readonly modifiedMs: number;
}

/** What the next start finds of a dataset. */
export interface Saved {
  /** The paths of the indexes. */
  readonly indexes: readonly string[];
  /** The turns whose tokens were counted now; those that an index had already aren't counted again. */
  readonly turnsCounted: number;
}

/** One file of a dataset, or a range of its bytes, as another process can answer from it. */
export interface PublishedPart {
  /** Its body is the range. */
  readonly dataset: Dataset;
  /** Where its index is saved. */
  readonly indexPath: string;
}

/** A state of a dataset that other processes can answer from. */
export interface Published {
  /** In the order of their files, and of their bytes. */
  readonly parts: readonly PublishedPart[];
  readonly fingerprint: string | undefined;
  readonly modifiedMs: number;
  readonly counts: Counts;
}

/** What a model answers from. */
export interface Answering extends NearestLookup {
  /** Finds replies in the current state of the files. */
  readonly lookup: Lookup;
  readonly status: Status;
  /** The conversations, to look at. */
  readonly corpus: Corpus;
  readonly size: DatasetSize;
  /** Identifies the current contents; undefined if a file can't be read. */
  readonly fingerprint: string | undefined;
  /** The last modification, in ms since 1970. */
  readonly modifiedMs: number;
  /** A turn in the index that resembles a prompt without a reply. */
  similar(query: Query, signal?: () => AbortSignal): MaybePromise<Similar | undefined>;
  /** Pauses background work when a request arrives. */
  pauseBackgroundWork(): void;
}

/** A dataset that is served: one file, or several. */
export interface Served extends Answering {
  /** The state that other processes can answer from; undefined unless all of it has a saved index. */
  readonly state: Published | undefined;
  /** Its files as they are read, in their order: a file that can't be served as it is is its spool. */
  readonly datasets: readonly Dataset[];
  readonly figures: DatasetFigures;
  /** The size of the dataset in bytes. */
  readonly bytes: number;
  /**
   * Resolves when the dataset can be served: immediately if there is a saved index, else after enough of it was walked.
   *
   * @returns settles when all of it was walked
   * @throws DatasetError if it can't be served, or if it was closed meanwhile
   */
  start(): Promise<{ readonly walked: Promise<void> }>;
  /** Checks whether the files have changed. */
  lookAtFile(): void;
  /**
   * Waits until everything that the next start needs is saved.
   *
   * @param onCounted counts the tokens of all turns first, and is called with the share of them that is counted, 0 to 1; undefined to leave
   *     them to the server
   * @throws DatasetError if something can't be saved, or was closed meanwhile
   */
  save(onCounted: ((share: number) => void) | undefined): Promise<Saved>;
  /** Stops all work, releases the threads, and closes the files. */
  close(): Promise<void>;
}
