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
export interface KeptResponse {
  readonly response: ResponseObject;
  readonly input: readonly NamedItem[];
}

/**
 * Keeps the most recently used responses, within a maximum number and a total size in bytes. They are stored as objects, which must not be
 * changed: parsing everything that a long conversation holds would take seconds.
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

  /** Keeps a response. One that exceeds the size of the whole store isn't kept, and evicts nothing. */
  keep(kept: KeptResponse): void {
    this.kept.set(kept.response.id, kept);
  }

  get(id: string): KeptResponse | undefined {
    return this.kept.get(id);
  }

  /** How much memory the JSON of a kept response and its input may take, in bytes; 0 if it isn't kept. */
  jsonBytesOf(id: string): ByteCount {
    return byteCount(((this.kept.info(id)?.size ?? 0) / BYTES_A_CHARACTER) * ESCAPED_BYTES);
  }

  /** @returns false if the response wasn't kept */
  delete(id: string): boolean {
    return this.kept.delete(id);
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
