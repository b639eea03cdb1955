/** The tasks of the workers and their results: plain data, since classes don't cross threads. */

import type { ByteOffset, ByteRange } from '../core/bytes.js';
import { AppError, type TaskFailure } from '../core/errors.js';
import type { Excerpt } from '../core/excerpt.js';
import type { KeySeed } from '../core/keys.js';
import type { Place } from '../core/place.js';
import type { Message } from '../core/query.js';
import type { Rule } from '../core/rules.js';
import type { TextSearch } from '../core/search.js';
import type { TokenizerFile } from '../core/tokens.js';
import type { ConversionReport } from '../dataset/conversion-report.js';
import type { Counts } from '../dataset/counts.js';
import type { DatasetFile, FileIdentity } from '../dataset/file.js';
import type { NamedList } from '../dataset/json-values.js';
import type { Separator } from '../dataset/separated.js';
import type { ShapeOptions } from '../dataset/shapes/shape.js';
import type { Shard } from '../dataset/shards.js';
import type { Packing, TableFile } from '../dataset/sources.js';
import type { MarkData } from '../index/marks.js';
import type { RowData } from '../index/table.js';
import type { Vocabulary } from '../kernel/vocabulary.js';
import type { SeenMemory } from './seen-twice.js';
import type { RunFields, RunLayout } from './shard-runs.js';
import type { StopFlag } from './stop-flag.js';
import type { StoredRecords } from './stored-records.js';
import type { RowGroup } from './tables.js';

/** What a task returned, or why it failed. Workers never throw: an error loses its class and code between threads. */
export type TaskResult<T> = { readonly kind: 'done'; readonly value: T } | TaskFailure;

/**
 * The value of a result.
 *
 * @throws AppError if the task failed
 */
export function unwrap<T>(result: TaskResult<T>): T {
  if (result.kind === 'failed') throw new AppError(result.code, { cause: result.detail });
  return result.value;
}

/** The data that a thread is started with. */
export interface WorkerSetup {
  /** The compiled kernel. */
  readonly module: WebAssembly.Module;
  readonly keyBits: number;
}

/** The data that a token-counting thread is started with. */
export interface TokenSetup {
  readonly tokenizer: TokenizerFile;
}

/** Work on a shard. */
export interface ShardTask {
  readonly dataset: DatasetFile;
  readonly shard: Shard;
  /** The seed of the keys of all texts. */
  readonly seed: KeySeed;
  /** Ends the task early; its result is then unusable. */
  readonly stop: StopFlag;
}

/** Converting the records of a shard to the lines of a spool. */
export interface ConvertTask extends ShardTask {
  readonly shapes: ShapeOptions;
  /** Memory for the lines, which may be used again once they are written: V8 doesn't know how much memory it could free. */
  readonly room: SharedArrayBuffer;
}

/** JSON values that follow each other on any number of lines. */
export interface JsonObjects {
  readonly file: FileIdentity;
  readonly format: 'objects';
  readonly body: ByteRange;
}

/** Converting all records of some lists, whose conversations are spread over several records. */
export interface JoinTask {
  readonly lists: readonly (DatasetFile | JsonObjects)[];
  readonly seed: KeySeed;
  readonly shapes: ShapeOptions;
  readonly stop: StopFlag;
}

/** Why the conversations of some lists aren't joined. */
export interface UnreadList {
  /** Which list can't be read, from 0. */
  readonly list: number;
  readonly failure: TaskFailure;
}

/** Lines of a spool. */
export interface ConvertedLines {
  /** In shared memory. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  /** The numbers that are left blank: see `SpoolLines`. */
  readonly blanks: Uint32Array;
  readonly report: ConversionReport;
}

/** The lines of some records of a dataset. */
interface ConvertedPart extends ConvertedLines {
  /** True if conversations are spread over several records: the lines lack them, unless the task joins. */
  readonly isJoining: boolean;
}

/** The lines of a shard. They lack conversations that are spread over several records. */
export interface ConvertedShard extends Walked, ConvertedPart {}

/** Work on a file that one thread reads from its start to its end, into a spool. */
export interface SpoolTask {
  readonly file: FileIdentity;
  /** The unfinished spool, and where in it the next byte goes. */
  readonly into: string;
  readonly at: number;
  /** Shared memory, for the number of bytes read so far. */
  readonly read: Float64Array<SharedArrayBuffer>;
  readonly stop: StopFlag;
}

/** Unpacking a file. */
export interface UnpackTask extends SpoolTask {
  readonly packing: Packing;
}

/** Converting a file whose records can't be read in parallel. */
export interface ConvertFileTask extends SpoolTask {
  readonly shapes: ShapeOptions;
  /** JSON objects, or rows with this separator. */
  readonly format: 'objects' | Separator;
  readonly start: ByteOffset;
}

/** What was written to a spool. */
export interface Spooled {
  /** Where the next byte would go. */
  readonly end: number;
  readonly report: ConversionReport;
}

/** Finding the values of a file, and the lists in a single one. */
export interface OutlineTask {
  readonly file: FileIdentity;
  readonly start: ByteOffset;
  readonly shapes: ShapeOptions;
  readonly read: Float64Array<SharedArrayBuffer>;
  readonly stop: StopFlag;
}

/** A file of JSON values. */
export interface Outline {
  /** How many values there are: 1, or 2 for more than one. */
  readonly values: number;
  /** If there is one value, which isn't a conversation: its lists of records. */
  readonly lists: readonly NamedList[];
}

/** Lines in a temporary file. */
export interface Spilled {
  /** The file. The reader of the lines removes it. */
  readonly path: string;
  /** Some of the lines each, in order, with the numbers that are left blank. */
  readonly chunks: readonly { readonly length: number; readonly blanks: Uint32Array }[];
}

/** The lines of groups of rows. */
export interface ConvertedRows extends ConvertedPart {
  /** The lines that come first, if there are many. */
  readonly spilled: Spilled | undefined;
}

/** Converting groups of rows of a table. */
export interface ConvertRowsTask {
  /** A path for a temporary file. */
  readonly temporary: string;
  readonly file: TableFile;
  readonly groups: readonly RowGroup[];
  readonly shapes: ShapeOptions;
  /** True if the groups are the whole table, so that conversations that are spread over several records can be put together. */
  readonly joins: boolean;
  /** Each of them ends the task early. */
  readonly stops: readonly StopFlag[];
}

/** What every walk over a shard finds. */
export interface Walked {
  /** Where the first record after the shard begins; or the end of the file. */
  readonly next: ByteOffset;
  /** Records that begin in the shard. */
  readonly records: number;
}

/** The census of a shard. */
export interface CensusTask extends ShardTask {
  /** True if the turns themselves are to be kept, for an index. */
  readonly keepsTurns: boolean;
  /** True if an earlier shard has an example, which takes parsing turns to find. */
  readonly hasExample?: boolean;
}

/** What the census of a shard found. */
export interface ShardCensus extends Walked {
  readonly counts: Counts;
  /** The shard's marks, which count records from the shard's start. */
  readonly marks: MarkData;
  /** The shard's part of an index, which counts turns and records from the shard's start; undefined unless turns are kept. */
  readonly rows: RowData | undefined;
}

/** The sketches of a shard's turns that have a reply, in file order. */
export interface ShardSketches extends Walked {
  readonly sketches: Uint32Array;
}

/** Counting how often the runs of a shard occur, before they are loaded into a store. */
export interface CountRunsTask extends ShardTask {
  /** The filter that they are added to. */
  readonly seen: SeenMemory;
}

/** What a store must know of a shard before it is loaded. */
export interface CountedRuns extends Walked {
  readonly counts: Counts;
  /** Turns that have a text and a reply, and those of them whose prompt occurred before. */
  readonly replied: number;
  readonly repeated: number;
  /** A power of two, more than the turns of any record. */
  readonly turnsMax: number;
}

/** Making what a store has of a shard. */
export interface StoreTask extends CountRunsTask {
  readonly layout: RunLayout;
  /** The number of the shard's first record, among all. */
  readonly firstRecord: number;
  /** Memory for the records, which may be used again once they are sent. */
  readonly room: SharedArrayBuffer;
}

/** What a store has of a shard. */
export interface StoredShard extends Walked {
  readonly stored: StoredRecords;
  /** The fields of keys that one turn has. */
  readonly only: RunFields;
  /** The fields of keys that several turns may have: the first turn in file order counts. */
  readonly first: RunFields;
}

/** Applying rules to the texts of a shard. */
export interface NormalizeTask extends ShardTask {
  readonly rules: readonly Rule[];
}

/** The keys of the texts of a shard's turns that have a reply: see `ShardNormalizer`. */
export interface ShardRuleKeys extends Walked {
  readonly keys: readonly number[];
  readonly leftOut: number;
}

/** A text's sketch whose nearest turns are searched for: see `SketchSearch`. */
export interface SharedSketch {
  readonly sketch: Uint32Array;
  readonly mark: number | undefined;
  readonly scoreMin: number;
}

/** Finding the turns of a shard that are nearest to some texts. */
export interface NearestTask extends ShardTask {
  readonly sought: readonly SharedSketch[];
}

/** A turn whose sketch is near. */
export interface FoundTurn {
  /** Its number among the turns that have a reply, from the shard's start. */
  readonly at: number;
  /** How many bits of the sketches differ. */
  readonly distance: number;
  /** How many turns that aren't empty are before it in its conversation. */
  readonly depth: number;
  /** The turn alone, and with its reply. */
  readonly prompt: Place;
  readonly pair: Place;
}

/** The nearest turns of a shard for each text, and the number of its turns that have a reply. */
export interface ShardNearestTurns extends Walked {
  readonly found: readonly (readonly FoundTurn[])[];
  readonly turns: number;
}

/** Searching the texts of a shard. */
export interface SearchTask extends ShardTask {
  readonly search: TextSearch;
  /** How many of the turns that are found are returned. */
  readonly hitsMax: number;
  /** The number of the shard's first record; 0 if it isn't known. */
  readonly firstRecord: number;
  /** The first turn that counts, and the number of its record; those before it don't. */
  readonly from: TurnPlace;
  /** The marks of the file, and the blocks that are the shard; undefined if they aren't known. */
  readonly blocks: (BlockRange & { readonly marks: MarkData }) | undefined;
}

/** Some blocks of a file: from one to before another. See `Marks`. */
export interface BlockRange {
  readonly from: number;
  readonly to: number;
}

/** The number of a record, and of one of its turns. */
export interface TurnPlace {
  readonly record: number;
  readonly turn: number;
}

/** A turn that a search has found. */
export interface FoundText extends TurnPlace {
  /** The offset of its record in the file. */
  readonly offset: ByteOffset;
  readonly id: string | undefined;
  /** Its role, as the dataset names it. */
  readonly role: string;
  /** The length of its text, in bytes as it is spelled. */
  readonly length: number;
  readonly excerpt: Excerpt;
}

/** What a search has found in a shard. */
export interface ShardHits extends Walked {
  readonly hits: readonly FoundText[];
  /** How many turns were found, and in how many conversations. */
  readonly turns: number;
  readonly conversations: number;
}

/** The hashes of the ids of a shard's records, in file order: see `ShardIds`. */
export interface ShardIdHashes extends Walked {
  readonly hashes: Uint32Array;
}

/** Finding the line and column of a byte, which takes reading the file up to there. */
export interface PositionTask {
  readonly file: FileIdentity;
  readonly offset: ByteOffset;
  /** Where the text begins. */
  readonly from: ByteOffset;
}

/** Building one half of an index: its arrays in file order, and one of its orders. */
export interface IndexTask {
  /** The index to fill. */
  readonly table: RowData;
  /** Tables of the beginning of the file, or of the range that the index is of. */
  readonly tables: readonly RowData[];
  /** The rows of what follows them, in file order. They are numbered from the start of the index. */
  readonly parts: readonly RowData[];
  readonly half: 'turns' | 'normalized';
}

/** Encoding a text, or a chat, for a client. */
export interface EncodeTask {
  readonly content: string | ChatTask;
  /** True if the text of each token is requested. */
  readonly returnsTexts: boolean;
}

/** Tokens as JSON, ready to send: serializing millions of them takes the main thread too long. */
export interface SpelledTokens {
  readonly count: number;
  /** The list of ids, a byte string. */
  readonly ids: string;
  /** The list of their texts, a byte string. Tokens that are parts of one character each have U+FFFD. Undefined unless requested. */
  readonly texts: string | undefined;
}

/** Decoding tokens. */
export interface DecodeTask {
  /** Token ids, in a typed array: passing an array of numbers takes the main thread ten times as long. */
  readonly tokens: Float64Array;
  /** The most characters that the text may have. */
  readonly lengthMax: number;
}

/** The result of decoding: a text, a text that is too long, or ids that aren't all tokens. */
export type DecodedTokens =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'long' | 'unknown' };

/** Encoding a chat. */
export interface ChatTask {
  readonly messages: readonly Message[];
  /** True to end with the start of a reply. */
  readonly beginsReply: boolean;
}

/** Counting the tokens of turns by the kernel. */
export interface KernelCountTask extends CountTask {
  readonly vocabulary: Vocabulary;
}

/** Counting the tokens of turns. */
export interface CountTask {
  readonly file: FileIdentity;
  /** The index whose counts are filled in. */
  readonly table: RowData;
  /** The rows to count; those counted before are skipped. */
  readonly from: number;
  readonly to: number;
  /** Ends the task early. */
  readonly stop: StopFlag;
}

/** Searching a shard for several queries at once. */
export interface SweepTask extends ShardTask {
  /** See `shareQueries`. */
  readonly queries: Uint32Array;
  /** What the kernel searches for. */
  readonly wanted: Uint8Array;
  /** True to return all candidates, as whole conversations; false to return the best one. */
  readonly exhaustive: boolean;
}

/** The candidates of a shard for the queries. */
export interface ShardSweep extends Walked {
  /** How many of the records are conversations. */
  readonly conversations: number;
  /** The candidates of each query, in file order: one at most unless all were requested. */
  readonly found: readonly (readonly Place[])[];
}
