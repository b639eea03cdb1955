import { LRUCache } from 'lru-cache';
import type { ByteCount } from '../core/bytes.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import type { Lookup, Match } from './lookup.js';

/** What an entry costs besides its texts: the objects and the cache's own bookkeeping, roughly, in bytes. */
const ENTRY_OVERHEAD_BYTES = 512;
/** V8 keeps a character in a byte or two; the larger counts. */
const BYTES_A_CHARACTER = 2;

/** Remembers what was found before, the most recently used of it, within a number of bytes. */
export class Cache {
  readonly entries: LRUCache<string, object>;
  /** How many answers and replies were found in it, and for how many lookups the dataset had to be asked. */
  hits = 0;
  misses = 0;

  constructor(maxBytes: ByteCount) {
    this.entries = new LRUCache({ maxSize: maxBytes });
  }

  /** Memory of what it holds. */
  get bytes(): number {
    return this.entries.calculatedSize;
  }
}

/** A part of a cache that holds entries of one kind. All parts share its bytes. */
export class CachePart<T extends object> {
  private readonly cache: Cache;
  private readonly prefix: string;
  /** Incremented by clear(). Results computed under an older generation must not be stored. */
  generation = 0;

  /** @param prefix no other part's, nor the beginning of one */
  constructor(cache: Cache, prefix: string) {
    this.cache = cache;
    this.prefix = prefix;
  }

  get(key: string): T | undefined {
    return this.cache.entries.get(this.prefix + key) as T | undefined;
  }

  /** @param bytes of memory that the entry takes, its key aside */
  set(key: string, entry: T, bytes: number): void {
    const { prefix } = this;
    const size = (prefix.length + key.length) * BYTES_A_CHARACTER + bytes + ENTRY_OVERHEAD_BYTES;
    this.cache.entries.set(prefix + key, entry, { size });
  }

  delete(key: string): void {
    this.cache.entries.delete(this.prefix + key);
  }

  /** Forgets all of this part, what is being looked up just now too. */
  clear(): void {
    this.generation++;
    const { entries } = this.cache;
    for (const key of entries.keys()) if (key.startsWith(this.prefix)) entries.delete(key);
  }
}

/** Remembers what lookups found. Misses are not kept. */
export class CachedLookup implements Lookup {
  private readonly behind: Lookup;
  private readonly cache: Cache;
  private readonly found: CachePart<Match>;

  /**
   * @param behind asked for what is not in the cache
   * @param name tells the dataset from others whose replies are in the same cache
   */
  constructor(behind: Lookup, cache: Cache, name = '') {
    this.behind = behind;
    this.cache = cache;
    this.found = new CachePart(cache, `match ${JSON.stringify(name)} `);
  }

  get isImmediate(): boolean {
    return this.behind.isImmediate;
  }

  find(query: Query, signal?: () => AbortSignal): MaybePromise<Match | undefined> {
    // An index is as quick as this cache, and needs none of its memory.
    if (this.behind.isImmediate) {
      this.cache.misses++;
      return this.behind.find(query, signal);
    }
    const key = keyOf(query);
    const known = this.found.get(key);
    if (known === undefined) return this.findAndKeep(key, query, signal);
    this.cache.hits++;
    return known;
  }

  /** Forgets everything, what is being looked up just now too. */
  clear(): void {
    this.found.clear();
  }

  private async findAndKeep(
    key: string,
    query: Query,
    signal: (() => AbortSignal) | undefined,
  ): Promise<Match | undefined> {
    this.cache.misses++;
    const { generation } = this.found;
    const match = await this.behind.find(query, signal);
    if (match !== undefined && generation === this.found.generation) {
      const { reply, conversationId } = match;
      const characters = reply.from.length + reply.value.length + conversationId.length;
      this.found.set(key, match, characters * BYTES_A_CHARACTER);
    }
    return match;
  }
}

function keyOf({ contextual, histories }: Query): string {
  return JSON.stringify([contextual, histories]);
}
