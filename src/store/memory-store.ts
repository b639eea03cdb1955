import { LRUCache } from 'lru-cache';
import { type ByteCount, byteCount } from '../core/bytes.js';
import { ESCAPED_BYTES } from '../core/limits.js';
import type {
  Count,
  CountKind,
  Counts,
  Listing,
  ListKind,
  Lists,
  ObjectKind,
  Objects,
  Store,
} from './store.js';

/** The approximate overhead of an object, in bytes: its id and the store's own bookkeeping. */
const OBJECT_OVERHEAD_BYTES = 512;
/** V8 stores a character in one or two bytes: assume two. */
const BYTES_A_CHARACTER = 2;
/** The memory of a value, including its slot in the object or array that contains it. */
const BYTES_A_VALUE = 48;

/** Keeps the state of one server in its memory. */
export class MemoryStore implements Store {
  readonly isShared = false;
  readonly isUp = true;
  /** By the names of their kinds. */
  private readonly parts = new Map<string, unknown>();

  objects<T extends Listed & object, Listed = T>(kind: ObjectKind<T, Listed>): MemoryObjects<T, Listed> {
    return this.partOf(`object ${kind.name}`, () => new MemoryObjects(kind));
  }

  counts(kind: CountKind): MemoryCounts {
    return this.partOf(`count ${kind.name}`, () => new MemoryCounts(kind));
  }

  lists<T>(kind: ListKind): MemoryLists<T> {
    return this.partOf(`list ${kind.name}`, () => new MemoryLists(kind));
  }

  private partOf<Part>(name: string, make: () => Part): Part {
    const part = this.parts.get(name) ?? make();
    this.parts.set(name, part);
    return part as Part;
  }
}

/**
 * Stores the most recently used objects, within a maximum number and a total size in bytes. They stay objects: parsing everything that a
 * long conversation holds would take seconds.
 */
class MemoryObjects<T extends Listed & object, Listed> implements Objects<T, Listed> {
  private readonly entries: LRUCache<string, T>;
  /** The ids of all entries, oldest first: a set keeps the order of insertion. */
  private readonly ids = new Set<string>();

  constructor({ countMax, bytesMax }: ObjectKind<T, Listed>) {
    this.entries = new LRUCache({
      max: countMax,
      maxSize: bytesMax,
      sizeCalculation: (object) => bytesOf(object) + OBJECT_OVERHEAD_BYTES,
      onInsert: (_, id) => this.ids.add(id),
      dispose: (_, id, reason) => {
        if (reason !== 'set') this.ids.delete(id);
      },
    });
  }

  set(id: string, object: T): void {
    this.entries.set(id, object);
  }

  get(id: string): T | undefined {
    return this.entries.get(id);
  }

  delete(id: string): boolean {
    return this.entries.delete(id);
  }

  list(): readonly Listed[] {
    return [...this.ids].flatMap((id) => this.entries.peek(id) ?? []);
  }

  jsonBytesOf(id: string): ByteCount {
    return byteCount(((this.entries.info(id)?.size ?? 0) / BYTES_A_CHARACTER) * ESCAPED_BYTES);
  }
}

/** A count, and when it begins again, by `performance.now()`. */
interface Window {
  count: number;
  readonly endsAt: number;
}

class MemoryCounts implements Counts {
  private readonly lifeMs: number;
  private readonly windows: LRUCache<string, Window>;

  constructor({ lifeMs, isRenewed, countMax }: CountKind) {
    this.lifeMs = isRenewed ? Number.POSITIVE_INFINITY : lifeMs;
    this.windows = new LRUCache({ max: countMax });
  }

  count(id: string): Count {
    const now = performance.now();
    let window = this.windows.get(id);
    if (window === undefined || window.endsAt <= now) {
      window = { count: 0, endsAt: now + this.lifeMs };
      this.windows.set(id, window);
    }
    // The sum of `now` and the life may be rounded up.
    return { count: ++window.count, endsInMs: Math.min(this.lifeMs, window.endsAt - now) };
  }
}

/** A list, and how often each of its items was used. */
interface MemoryList<T> {
  readonly listing: Listing<T>;
  readonly uses: Map<string, number>;
}

class MemoryLists<T> implements Lists<T> {
  private readonly kind: ListKind;
  private readonly lists: LRUCache<string, MemoryList<T>>;
  private version = 0;

  constructor(kind: ListKind) {
    this.kind = kind;
    this.lists = new LRUCache({ max: kind.listsMax });
  }

  add(list: string, id: string, item: T): boolean {
    const known = this.of(list);
    const old = known.items.get(id);
    if (old === item) return true;
    const length = known.length + lengthOf(item) - lengthOf(old);
    const isFull = old === undefined && known.items.size >= this.kind.itemsMax;
    if (isFull || length > this.kind.lengthMax) return false;
    this.change(list, new Map(known.items).set(id, item), length);
    return true;
  }

  remove(list: string, id: string): boolean {
    const { items, length } = this.of(list);
    const old = items.get(id);
    if (old === undefined) return false;
    const others = new Map(items);
    others.delete(id);
    this.lists.get(list)?.uses.delete(id);
    this.change(list, others, length - lengthOf(old));
    return true;
  }

  use(list: string, id: string, times: number): number | undefined {
    const known = this.lists.get(list);
    if (known?.listing.items.has(id) !== true) return undefined;
    const used = known.uses.get(id) ?? 0;
    known.uses.set(id, used + 1);
    if (used + 1 >= times) this.remove(list, id);
    return used;
  }

  of(list: string): Listing<T> {
    return this.lists.get(list)?.listing ?? NO_ITEMS;
  }

  /** A listing doesn't change: someone may be reading it. */
  private change(list: string, items: ReadonlyMap<string, T>, length: number): void {
    const uses = this.lists.get(list)?.uses ?? new Map<string, number>();
    const listing = { version: String(++this.version), items, length };
    if (items.size === 0) this.lists.delete(list);
    else this.lists.set(list, { listing, uses });
  }
}

function lengthOf(item: unknown): number {
  return item === undefined ? 0 : Buffer.byteLength(JSON.stringify(item));
}

/** A list without items. */
const NO_ITEMS: Listing<never> = { version: '', items: new Map<string, never>(), length: 0 };

/** The approximate memory of a JSON value, in bytes. The recursion is bounded, since a body's depth is limited. */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return BYTES_A_VALUE + value.length * BYTES_A_CHARACTER;
  if (typeof value !== 'object' || value === null) return BYTES_A_VALUE;
  let bytes = BYTES_A_VALUE;
  if (Array.isArray(value)) for (const each of value) bytes += bytesOf(each);
  else for (const name in value) bytes += bytesOf(name) + bytesOf((value as Record<string, unknown>)[name]);
  return bytes;
}
