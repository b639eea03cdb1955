import { LRUCache } from 'lru-cache';
import type { ByteCount } from '../core/bytes.js';
import type { Query } from '../core/query.js';
import type { Lookup, Match } from './lookup.js';

/** What an entry costs besides its texts: the objects and the cache's own bookkeeping, roughly, in bytes. */
const ENTRY_OVERHEAD_BYTES = 512;
/** V8 keeps a character in one byte or two; the larger counts. */
const BYTES_A_CHARACTER = 2;

/** Remembers what lookups found, the most recently used of it, within a number of bytes. Misses are not kept. */
export class CachedLookup implements Lookup {
  private readonly behind: Lookup;
  private readonly found: LRUCache<string, Match>;
  private generation = 0;

  /** @param behind asked for what is not in the cache */
  constructor(behind: Lookup, maxBytes: ByteCount) {
    this.behind = behind;
    this.found = new LRUCache({ maxSize: maxBytes, sizeCalculation: sizeOf });
  }

  async find(query: Query, signal?: AbortSignal): Promise<Match | undefined> {
    const key = JSON.stringify([query.contextual, query.histories]);
    const known = this.found.get(key);
    if (known !== undefined) return known;
    const { generation } = this;
    const match = await this.behind.find(query, signal);
    if (match !== undefined && generation === this.generation) this.found.set(key, match);
    return match;
  }

  /** Forgets everything, what is being looked up just now too. */
  clear(): void {
    this.generation++;
    this.found.clear();
  }
}

function sizeOf({ reply, conversationId }: Match, key: string): number {
  const characters = key.length + reply.from.length + reply.value.length + conversationId.length;
  return characters * BYTES_A_CHARACTER + ENTRY_OVERHEAD_BYTES;
}
