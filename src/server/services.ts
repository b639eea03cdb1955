import type { Logger } from 'pino';
import type { ByteCount } from '../core/bytes.js';
import type { Query } from '../core/query.js';
import type { CacheOf } from '../lookup/cache.js';
import type { Alike, Lookup } from '../lookup/lookup.js';
import type { DatasetFigures, Status } from '../lookup/served-dataset.js';
import type { TokenCounter } from '../lookup/token-counter.js';
import type { ModelInfo } from '../openai/models.js';
import type { TokenPool } from '../workers/token-pool.js';
import type { KeyCheck } from './auth.js';
import type { ReadyAnswer } from './ready-answer.js';
import type { RequestMetrics } from './request-metrics.js';

/** What is counted besides requests. */
export interface Figures extends DatasetFigures {
  /** Requests whose answers have not ended. */
  readonly inFlight: number;
  readonly cacheHits: number;
  readonly cacheMisses: number;
  readonly cacheBytes: number;
}

/** All that the routes need of the outside world. */
export interface Services {
  /** Finds replies, through the cache. */
  readonly lookup: Lookup;
  /** Finds replies in the dataset itself. */
  readonly uncachedLookup: Lookup;
  /** Answers that were given before, by the path and the body of their request; undefined if none are kept. */
  readonly answers: CacheOf<ReadyAnswer> | undefined;
  /** A turn that is like the prompt of a query that finds nothing; undefined if none is known at once. Never fails. */
  readonly alike: (query: Query) => Alike | undefined;
  readonly model: ModelInfo;
  /** Names what the dataset holds; undefined if it can't be read just now. */
  readonly fingerprint: () => string | undefined;
  /** True if no other model name than that one is answered. */
  readonly strictModels: boolean;
  /** The reply to prompts that have none; undefined answers them with an error. */
  readonly fallback: string | undefined;
  /** Counts tokens, for the usage. */
  readonly tokens: TokenCounter;
  /** Tells what is done while nobody asks anything that somebody does. */
  readonly giveWay: () => void;
  /** Encodes and decodes. */
  readonly tokenPool: TokenPool;
  /** How a limit of tokens cuts replies. */
  readonly maxTokens: 'tolerant' | 'exact' | 'ignore';
  /** The program's version. */
  readonly version: string;
  readonly status: () => Status;
  readonly bodyLimit: ByteCount;
  /** True if a key is needed. */
  readonly hasKeys: boolean;
  readonly keyCheck: KeyCheck;
  /** Origins whose pages may ask from a browser. */
  readonly corsOrigins: readonly string[];
  /** Requests a minute that a key, or an address, may make; 0 sets no limit. */
  readonly rateLimit: number;
  /** How long a request may wait for its answer. */
  readonly requestTimeoutMs: number;
  /** Counts requests. */
  readonly metrics: RequestMetrics;
  /** What else is counted. */
  readonly figures: () => Figures;
  /** True once the server was told to stop. */
  readonly isStopping: () => boolean;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** A random string of that many hexadecimal digits. */
  readonly newId: (length: number) => string;
}
