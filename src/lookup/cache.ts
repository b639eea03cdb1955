import { LRUCache } from 'lru-cache';
import type { ByteCount } from '../core/bytes.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import { bytesOfTimings } from '../core/timings.js';
import { isLong } from './keyed.js';
import type { Lookup, Match } from './lookup.js';
import type { SharedMatches } from './shared-matches.js';
import { textId } from './text-id.js';

/** The approximate overhead of an entry, in bytes: its objects and the cache's own bookkeeping, without its texts. */
const ENTRY_OVERHEAD_BYTES = 512;
/** V8 stores a character in one or two bytes: assume two. */
const BYTES_A_CHARACTER = 2;

/** Caches results up to a total size in bytes, and evicts the least recently used ones. */
export class Cache {
  readonly entries: LRUCache<string, object>;
  /** The number of answers and replies that came from the cache, and of lookups that had to search the dataset. */
  hits = 0;
  misses = 0;

  constructor(maxBytes: ByteCount) {
    this.entries = new LRUCache({ maxSize: maxBytes });
  }

  /** The memory that its entries take. */
  get bytes(): number {
    return this.entries.calculatedSize;
  }
}

/** A part of a cache, with entries of one kind. All parts share its size limit. */
export class CachePart<T extends object> {
  private readonly cache: Cache;
  private readonly prefix: string;
  /** Incremented by clear(). Results computed under an older generation must not be stored. */
  generation = 0;

  /** @param prefix neither equal to another part's prefix nor the beginning of one */
  constructor(cache: Cache, prefix: string) {
    this.cache = cache;
    this.prefix = prefix;
  }

  get(key: string): T | undefined {
    return this.cache.entries.get(this.prefix + key) as T | undefined;
  }

  /** @param bytes the memory that the entry takes, without its key */
  set(key: string, entry: T, bytes: number): void {
    const { prefix } = this;
    const size = (prefix.length + key.length) * BYTES_A_CHARACTER + bytes + ENTRY_OVERHEAD_BYTES;
    this.cache.entries.set(prefix + key, entry, { size });
  }

  delete(key: string): void {
    this.cache.entries.delete(this.prefix + key);
  }

  /** Evicts all entries of this part. Results that are being computed now won't be stored either. */
  clear(): void {
    this.generation++;
    const { entries } = this.cache;
    for (const key of entries.keys()) if (key.startsWith(this.prefix)) entries.delete(key);
  }
}

/** Caches the matches of lookups. Misses aren't cached. */
export class CachedLookup implements Lookup {
  private readonly engine: Lookup;
  private readonly cache: Cache;
  private readonly matches: CachePart<Match>;
  private readonly shared: SharedMatches | undefined;

  /**
   * @param engine searched if a query isn't in the cache
   * @param name distinguishes the dataset from others with replies in the same cache
   * @param shared what other servers have found
   */
  constructor(engine: Lookup, cache: Cache, name = '', shared?: SharedMatches) {
    this.engine = engine;
    this.cache = cache;
    this.shared = shared;
    this.matches = new CachePart(cache, `match ${JSON.stringify(name)} `);
  }

  get isImmediate(): boolean {
    return this.engine.isImmediate;
  }

  find(query: Query, signal?: () => AbortSignal): MaybePromise<Match | undefined> {
    // An index is as fast as this cache, and needs none of its memory.
    if (this.engine.isImmediate || isLong(query)) {
      this.cache.misses++;
      return this.engine.find(query, signal);
    }
    const key = keyOf(query);
    const known = this.matches.get(key);
    if (known === undefined) return this.findAndKeep(key, query, signal);
    this.cache.hits++;
    return known;
  }

  /** Evicts all matches. Results of lookups in progress won't be stored either. */
  clear(): void {
    this.matches.clear();
  }

  private async findAndKeep(
    key: string,
    query: Query,
    signal: (() => AbortSignal) | undefined,
  ): Promise<Match | undefined> {
    const { generation } = this.matches;
    const search = async () => {
      this.cache.misses++;
      return this.engine.find(query, signal);
    };
    const match = await (this.shared?.find(key, search) ?? search());
    if (match !== undefined && generation === this.matches.generation) {
      const { reply, conversationId } = match;
      const { from, value, reasoning = '', timings } = reply;
      const characters = from.length + value.length + reasoning.length + conversationId.length;
      this.matches.set(key, match, characters * BYTES_A_CHARACTER + bytesOfTimings(timings));
    }
    return match;
  }
}

/** A match with times and one without have different keys. */
function keyOf({ contextual, histories, wantsTimings }: Query): string {
  const texts = JSON.stringify([contextual, histories]);
  return textId(wantsTimings ? `timed ${texts}` : texts);
}
