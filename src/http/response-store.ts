import { LRUCache } from 'lru-cache';
import { type ByteCount, byteCount } from '../core/bytes.js';
import { ESCAPED_BYTES } from '../core/limits.js';
import type { NamedItem } from '../openai/responses-items.js';
import type { ResponseObject } from '../openai/responses-response.js';

/** The approximate overhead of an entry, in bytes: its id and the store's own bookkeeping. */
const ENTRY_OVERHEAD_BYTES = 512;
/** V8 stores a character in one or two bytes: assume two. */
const BYTES_A_CHARACTER = 2;
/** The memory of a value, including its slot in the object or array that contains it. */
const BYTES_A_VALUE = 48;

/** A response, and the input that it answers. */
export interface StoredResponse {
  readonly response: ResponseObject;
  readonly input: readonly NamedItem[];
}

/**
 * Stores the most recently used responses, within a maximum number and a total size in bytes. They are objects, which must not be
 * changed: parsing everything that a long conversation holds would take seconds.
 */
export class ResponseStore {
  private readonly responses: LRUCache<string, StoredResponse>;

  constructor(maxCount: number, maxBytes: ByteCount) {
    this.responses = new LRUCache({
      max: maxCount,
      maxSize: maxBytes,
      sizeCalculation: (stored) => bytesOf(stored) + ENTRY_OVERHEAD_BYTES,
    });
  }

  /** Stores a response. One that exceeds the size of the whole store isn't stored, and evicts nothing. */
  add(stored: StoredResponse): void {
    this.responses.set(stored.response.id, stored);
  }

  get(id: string): StoredResponse | undefined {
    return this.responses.get(id);
  }

  /** How much memory the JSON of a stored response and its input may take, in bytes; 0 if it isn't stored. */
  jsonBytesOf(id: string): ByteCount {
    return byteCount(((this.responses.info(id)?.size ?? 0) / BYTES_A_CHARACTER) * ESCAPED_BYTES);
  }

  /** @returns false if the response wasn't stored */
  delete(id: string): boolean {
    return this.responses.delete(id);
  }
}

/** The approximate memory of a JSON value, in bytes. The recursion is bounded, since a body's depth is limited. */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return BYTES_A_VALUE + value.length * BYTES_A_CHARACTER;
  if (typeof value !== 'object' || value === null) return BYTES_A_VALUE;
  let bytes = BYTES_A_VALUE;
  if (Array.isArray(value)) for (const each of value) bytes += bytesOf(each);
  else for (const name in value) bytes += bytesOf(name) + bytesOf((value as Record<string, unknown>)[name]);
  return bytes;
}
