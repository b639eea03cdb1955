import { LRUCache } from 'lru-cache';
import type { ByteCount } from '../core/bytes.js';
import type { NamedItem } from '../openai/responses-items.js';
import type { ResponseObject } from '../openai/responses-response.js';

/** What an entry costs besides its text: its id and the store's own bookkeeping, roughly, in bytes. */
const ENTRY_OVERHEAD_BYTES = 512;
/** V8 keeps a character in one byte or two; the larger counts. */
const BYTES_A_CHARACTER = 2;

/** A response, and the input that it answers. */
export interface KeptResponse {
  readonly response: ResponseObject;
  readonly input: readonly NamedItem[];
}

/**
 * Keeps responses, the most recently used ones, within a number and a number of bytes. They are kept as JSON: its length tells
 * what it costs, whatever it holds.
 */
export class ResponseStore {
  private readonly kept: LRUCache<string, string>;

  constructor(maxCount: number, maxBytes: ByteCount) {
    this.kept = new LRUCache({
      max: maxCount,
      maxSize: maxBytes,
      sizeCalculation: (json) => json.length * BYTES_A_CHARACTER + ENTRY_OVERHEAD_BYTES,
    });
  }

  /** Keeps a response. One that is larger than all there is room for is not kept, and takes nobody's place. */
  keep(kept: KeptResponse): void {
    this.kept.set(kept.response.id, JSON.stringify(kept));
  }

  get(id: string): KeptResponse | undefined {
    const json = this.kept.get(id);
    return json === undefined ? undefined : JSON.parse(json);
  }

  /** @returns false if there was none */
  delete(id: string): boolean {
    return this.kept.delete(id);
  }
}
