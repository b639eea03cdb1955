/** What the main thread asks of the workers, and what comes back: plain data, since classes don't cross threads. */

import type { ByteOffset, ByteRange } from '../core/bytes.js';
import type { Failure } from '../core/errors.js';
import type { DatasetFormat } from '../core/format.js';
import type { Candidate } from '../core/match.js';
import type { Query } from '../core/query.js';
import type { Shard } from '../core/shards.js';
import type { FileIdentity } from './file.js';
import type { StopFlag } from './stop-flag.js';

/** A result, or the reason why there is none. Workers never throw: an error loses its class and code on the way. */
export type Outcome<T> = { readonly kind: 'done'; readonly value: T } | Failure;

/** Work on a range that was cut blindly. */
export interface RangeTask {
  readonly file: FileIdentity;
  readonly range: ByteRange;
  /** Ends the task early; its outcome is then of no use. */
  readonly stop: StopFlag;
}

/** Work on a shard. */
export interface ShardTask {
  readonly file: FileIdentity;
  readonly format: DatasetFormat;
  readonly shard: Shard;
  /** Ends the task early; its outcome is then of no use. */
  readonly stop: StopFlag;
}

/** What a shard, or several, hold. */
export interface Counts {
  readonly conversations: number;
  readonly turns: number;
  /** Records that are no conversations. */
  readonly skipped: number;
  /** Where the first few of them stand. */
  readonly skippedAt: readonly ByteOffset[];
  /** A short prompt that has a reply, to show to people; undefined if there is none. */
  readonly example: string | undefined;
}

/** The search of a shard for the best match. */
export interface FindTask extends ShardTask {
  readonly query: Query;
}

/** What a shard holds for a query. */
export interface FindResult {
  readonly best: ShardCandidate | undefined;
  /** Records that were read: all of the shard's, unless the task stopped before its end. */
  readonly records: number;
}

/** A candidate, and the conversation it stands in. */
export interface ShardCandidate extends Candidate {
  readonly conversationId: string | undefined;
  /** Place of the record among the shard's, from 0. */
  readonly record: number;
}
