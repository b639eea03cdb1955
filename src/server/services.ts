import type { Logger } from 'pino';
import type { ByteCount } from '../core/bytes.js';
import type { Lookup } from '../lookup/lookup.js';
import type { ModelInfo } from '../openai/models.js';

/** All that the routes need of the outside world. */
export interface Services {
  /** Finds replies, through the cache. */
  readonly lookup: Lookup;
  /** Finds replies in the dataset itself. */
  readonly uncachedLookup: Lookup;
  readonly model: ModelInfo;
  readonly status: () => Status;
  /** A prompt that has a reply; undefined if none is known. */
  readonly example: () => string | undefined;
  readonly bodyLimit: ByteCount;
  /** Keys that are let in; none lets everyone in. */
  readonly apiKeys: readonly string[];
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** A random string of that many hexadecimal digits. */
  readonly newId: (length: number) => string;
}

/** How far the server knows its dataset. */
export interface Status {
  /** The engine that answers now. */
  readonly engine: 'sweep';
  /** How much of the dataset was counted: 0 to 1. */
  readonly progress: number;
  readonly conversations: number;
  readonly turns: number;
}
