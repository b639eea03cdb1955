/** What the main thread asks of the workers, and what comes back: plain data, since classes don't cross threads. */

import type { ByteOffset } from '../core/bytes.js';
import { AppError, type Failure } from '../core/errors.js';
import type { KeySeed } from '../core/keys.js';
import type { Place } from '../core/place.js';
import type { Message } from '../core/query.js';
import type { TokenizerName } from '../core/tokens.js';
import type { Counts } from '../dataset/counts.js';
import type { DatasetFile, FileIdentity } from '../dataset/file.js';
import type { Shard } from '../dataset/shards.js';
import type { RowData } from '../index/table.js';
import type { StopFlag } from './stop-flag.js';

/** What a task returned, or why it failed. Workers never throw: an error loses its class and code between threads. */
export type TaskResult<T> = { readonly kind: 'done'; readonly value: T } | Failure;

/**
 * The value of a result.
 *
 * @throws AppError if the task failed
 */
export function unwrap<T>(result: TaskResult<T>): T {
  if (result.kind === 'failed') throw new AppError(result.code, { cause: result.detail });
  return result.value;
}

/** What a thread is given when it starts. */
export interface WorkerSetup {
  /** The compiled kernel. */
  readonly module: WebAssembly.Module;
  readonly keyBits: number;
}

/** What a thread that counts tokens is given when it starts. */
export interface TokenSetup {
  readonly tokenizer: TokenizerName;
}

/** Work on a shard. */
export interface ShardTask {
  readonly dataset: DatasetFile;
  readonly shard: Shard;
  /** Of the keys of all texts. */
  readonly seed: KeySeed;
  /** Ends the task early; its result is then of no use. */
  readonly stop: StopFlag;
}

/** What every walk over a shard finds out. */
export interface Walked {
  /** Where the first record behind the shard begins; the end of the file if there is none. */
  readonly next: ByteOffset;
  /** Records that begin in the shard. */
  readonly records: number;
}

/** The census of a shard. */
export interface CensusTask extends ShardTask {
  /** True if the turns themselves are to be kept, for an index. */
  readonly keepsTurns: boolean;
}

/** What the census of a shard found. */
export interface ShardCensus extends Walked {
  readonly counts: Counts;
  /** The shard's part of an index, which counts turns and records from its own; undefined unless it was to be kept. */
  readonly rows: RowData | undefined;
}

/** The search for the line and column of a byte: it takes reading the file up to there. */
export interface PositionTask {
  readonly file: FileIdentity;
  readonly offset: ByteOffset;
}

/** The making of one half of an index: of its arrays in file order, and one of its orders. */
export interface IndexTask {
  /** The index to fill. */
  readonly table: RowData;
  /** What to fill it with, in file order. */
  readonly parts: readonly RowData[];
  readonly half: 'turns' | 'normalized';
}

/** The encoding of a text, or of a chat, for a client. */
export interface EncodeTask {
  readonly content: string | ChatTask;
  /** True if the text of each token is asked for. */
  readonly returnsTexts: boolean;
}

/** Tokens, as JSON that can be sent: to spell millions of them takes the main thread too long. */
export interface SpelledTokens {
  readonly count: number;
  /** The list of ids, a byte string. */
  readonly ids: string;
  /** The list of their texts, a byte string: of a character that is several tokens, each has U+FFFD. Undefined if it isn't asked for. */
  readonly texts: string | undefined;
}

/** The decoding of tokens. */
export interface DecodeTask {
  /** Ids. Numbers of a list take the main thread ten times as long to hand over. */
  readonly tokens: Float64Array;
  /** How many characters the text may have. */
  readonly lengthMax: number;
}

/** What tokens are: a text, more of it than was allowed, or not all of them tokens. */
export type DecodedTokens =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'long' | 'unknown' };

/** The encoding of a chat. */
interface ChatTask {
  readonly messages: readonly Message[];
  /** True if it ends with what begins a reply. */
  readonly beginsReply: boolean;
}

/** The cutting of a text after so many tokens. */
export interface CutTask {
  readonly text: string;
  readonly tokens: number;
}

/** The counting of the tokens of turns. */
export interface CountTask {
  readonly file: FileIdentity;
  /** The index, whose counts are filled in. */
  readonly table: RowData;
  /** The rows to count, of which those that were counted before are passed over. */
  readonly from: number;
  readonly to: number;
  /** Ends the task early. */
  readonly stop: StopFlag;
}

/** The search of a shard for several queries at once. */
export interface SweepTask extends ShardTask {
  /** See `shareQueries`. */
  readonly queries: Uint32Array;
  /** What the kernel is to look for. */
  readonly wanted: Uint8Array;
  /** True if all candidates are asked for, whole conversations; else the best one. */
  readonly exhaustive: boolean;
}

/** What a shard holds for the queries. */
export interface ShardSweep extends Walked {
  /** How many of the records are conversations. */
  readonly conversations: number;
  /** For every query its candidates, in file order: one at most unless all were asked for. */
  readonly found: readonly (readonly Place[])[];
}
