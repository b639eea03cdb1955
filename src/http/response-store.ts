import { LRUCache } from 'lru-cache';
import type { ByteCount } from '../core/bytes.js';
import type { NamedItem } from '../openai/responses-items.js';
import type { ResponseObject } from '../openai/responses-response.js';

/** What an entry costs besides what it holds: its id and the store's own bookkeeping, roughly, in bytes. */
const ENTRY_OVERHEAD_BYTES = 512;
/** V8 keeps a character in one byte or two; the larger counts. */
const BYTES_A_CHARACTER = 2;
/** A value's place in what holds it, and what it takes itself. */
const BYTES_A_VALUE = 48;

/** A response, and the input that it answers. */
export interface KeptResponse {
  readonly response: ResponseObject;
  readonly input: readonly NamedItem[];
}

/**
 * Keeps responses, the most recently used ones, within a number and a number of bytes. They are kept as they are, and not to be changed:
 * to parse all that a long conversation holds would take seconds.
 */
export class ResponseStore {
  private readonly kept: LRUCache<string, KeptResponse>;

  constructor(maxCount: number, maxBytes: ByteCount) {
    this.kept = new LRUCache({
      max: maxCount,
      maxSize: maxBytes,
      sizeCalculation: (kept) => bytesOf(kept) + ENTRY_OVERHEAD_BYTES,
    });
  }

  /** Keeps a response. One that is larger than all there is room for is not kept, and takes nobody's place. */
  keep(kept: KeptResponse): void {
    this.kept.set(kept.response.id, kept);
  }

  get(id: string): KeptResponse | undefined {
    return this.kept.get(id);
  }

  /** @returns false if there was none */
  delete(id: string): boolean {
    return this.kept.delete(id);
  }
}

/** What JSON takes in memory, roughly, in bytes. A body's depth has a limit. */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return BYTES_A_VALUE + value.length * BYTES_A_CHARACTER;
  if (typeof value !== 'object' || value === null) return BYTES_A_VALUE;
  let bytes = BYTES_A_VALUE;
  if (Array.isArray(value)) for (const each of value) bytes += bytesOf(each);
  else for (const name in value) bytes += bytesOf(name) + bytesOf((value as Record<string, unknown>)[name]);
  return bytes;
}
