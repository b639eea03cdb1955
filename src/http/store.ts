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

/** Stores objects by their ids, within limits. */
export interface Store<Stored> {
  /** Stores an object, or replaces it. One that exceeds the size of the whole store isn't stored, and evicts nothing. */
  set(id: string, stored: Stored): void;
  get(id: string): Stored | undefined;
  /** @returns false if the object wasn't stored */
  delete(id: string): boolean;
  /** All objects, in the order in which they were first stored. */
  all(): readonly Stored[];
  /** How much memory the JSON of an object may take, in bytes; 0 if it isn't stored. */
  jsonBytesOf(id: string): ByteCount;
}

/** A response, and the input that it answers. */
export interface StoredResponse {
  readonly response: ResponseObject;
  readonly input: readonly NamedItem[];
}

/**
 * Stores the most recently used objects in memory, within a maximum number and a total size in bytes. They must not be changed. They stay
 * objects: parsing everything that a long conversation holds would take seconds.
 */
export class MemoryStore<Stored extends object> implements Store<Stored> {
  private readonly entries: LRUCache<string, Stored>;
  /** The ids of all entries, oldest first: a set keeps the order of insertion. */
  private readonly ids = new Set<string>();

  constructor(maxCount: number, maxBytes: ByteCount) {
    this.entries = new LRUCache({
      max: maxCount,
      maxSize: maxBytes,
      sizeCalculation: (stored) => bytesOf(stored) + ENTRY_OVERHEAD_BYTES,
      onInsert: (_, id) => this.ids.add(id),
      dispose: (_, id, reason) => {
        if (reason !== 'set') this.ids.delete(id);
      },
    });
  }

  set(id: string, stored: Stored): void {
    this.entries.set(id, stored);
  }

  get(id: string): Stored | undefined {
    return this.entries.get(id);
  }

  delete(id: string): boolean {
    return this.entries.delete(id);
  }

  all(): readonly Stored[] {
    return [...this.ids].flatMap((id) => this.entries.peek(id) ?? []);
  }

  jsonBytesOf(id: string): ByteCount {
    return byteCount(((this.entries.info(id)?.size ?? 0) / BYTES_A_CHARACTER) * ESCAPED_BYTES);
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
