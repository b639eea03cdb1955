import type { KeySeed } from '../core/keys.js';
import type { Counts } from '../dataset/counts.js';
import type { RunLayout } from '../workers/shard-runs.js';

/** Raised when a store has something else: nodes leave versions of another format alone. */
export const STORED_FORMAT = 1;

/** A version of a dataset in a store, whole. */
export interface StoredVersion {
  readonly format: typeof STORED_FORMAT;
  /** Random: no two versions have the same keys. */
  readonly id: string;
  /** The seed of all keys of texts. */
  readonly seed: KeySeed;
  readonly layout: RunLayout;
  /** The number of the first record of each file, among all. */
  readonly parts: readonly number[];
  readonly counts: Counts;
  /** The size of the dataset's files, in bytes, and how many there are. */
  readonly bytes: number;
  readonly files: number;
  /** Identifies the contents. */
  readonly fingerprint: string;
  /** The last modification of the files, in ms since 1970. */
  readonly modifiedMs: number;
  /** An earlier version that may still have keys. */
  readonly old?: VersionSize | undefined;
}

/** What the names of a version's keys are computed from. */
export interface VersionSize {
  readonly id: string;
  readonly buckets: number;
  readonly records: number;
}

/** The number of a record among those of its file. */
export function numberInFile({ parts }: StoredVersion, record: number): number {
  return record - (parts.findLast((first) => first <= record) ?? 0);
}
