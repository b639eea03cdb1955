import { LRUCache } from 'lru-cache';
import type { ByteCount } from '../core/bytes.js';
import type { Query } from '../core/query.js';
import type { Lookup, Match, SpelledMatch } from './lookup.js';
import { spelledMatch } from './spelled-match.js';

/** What an entry costs besides its texts: the objects and the cache's own bookkeeping, roughly, in bytes. */
const ENTRY_OVERHEAD_BYTES = 512;
/** V8 keeps a character in a byte or two; the larger counts. */
const BYTES_A_CHARACTER = 2;

/** A part of a cache that holds entries of one kind. */
export interface CacheOf<T extends object> {
  get(key: string): T | undefined;
  /** @param bytes of memory that the entry takes, its key aside */
  set(key: string, entry: T, bytes: number): void;
  /** Another number after each time that the cache has forgotten everything: what was found before is not to be kept then. */
  readonly generation: number;
}

/** Remembers what was found before, the most recently used of it, within a number of bytes. */
export class Cache {
  private readonly entries: LRUCache<string, object>;
  private generation = 0;
  /** How many entries were asked for and there, and how many were not. */
  hits = 0;
  misses = 0;

  constructor(maxBytes: ByteCount) {
    this.entries = new LRUCache({ maxSize: maxBytes });
  }

  /**
   * A part of the cache. All parts share its bytes.
   *
   * @param prefix no other part's, nor the beginning of one
   */
  part<T extends object>(prefix: string): CacheOf<T> {
    const cache = this;
    return {
      get: (key) => {
        const entry = cache.entries.get(prefix + key) as T | undefined;
        if (entry === undefined) cache.misses++;
        else cache.hits++;
        return entry;
      },
      set: (key, entry, bytes) => {
        const size = (prefix.length + key.length) * BYTES_A_CHARACTER + bytes + ENTRY_OVERHEAD_BYTES;
        cache.entries.set(prefix + key, entry, { size });
      },
      get generation() {
        return cache.generation;
      },
    };
  }

  /** Memory of what it holds. */
  get bytes(): number {
    return this.entries.calculatedSize;
  }

  /** Forgets everything, what is being looked up just now too. */
  clear(): void {
    this.generation++;
    this.entries.clear();
  }
}

/** Remembers what lookups found. Misses are not kept. */
export class CachedLookup implements Lookup {
  private readonly behind: Lookup;
  private readonly found: CacheOf<Match>;

  /** @param behind asked for what is not in the cache */
  constructor(behind: Lookup, cache: Cache) {
    this.behind = behind;
    this.found = cache.part('match ');
  }

  findNow(query: Query): SpelledMatch | undefined {
    // An index is as quick as this cache, and needs none of its memory.
    const found = this.behind.findNow(query);
    if (found !== undefined) return found;
    const known = this.found.get(keyOf(query));
    return known && spelledMatch(known);
  }

  async find(query: Query, signal?: AbortSignal): Promise<Match | undefined> {
    const key = keyOf(query);
    const known = this.found.get(key);
    if (known !== undefined) return known;
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
