/**
 * What servers may share: objects, counts and lists, each kind with limits of its own. In memory, all methods return at once; a store that
 * servers share returns promises, and every key in it has a life.
 */

import type { ByteCount } from '../core/bytes.js';
import type { MaybePromise } from '../core/maybe-promise.js';

/**
 * Where state is kept.
 *
 * All methods of what it returns throw an AppError, at once or as a rejection, if the store can't be reached.
 */
export interface Store {
  /** True if other servers may change what it has. */
  readonly isShared: boolean;
  /** False while it can't be reached. */
  readonly isUp: boolean;
  objects<T extends Listed & object, Listed = T>(kind: ObjectKind<T, Listed>): Objects<T, Listed>;
  counts(kind: CountKind): Counts;
  lists<T>(kind: ListKind): Lists<T>;
}

/** Objects of one kind, by their ids. They must not be changed. */
export interface ObjectKind<T, Listed = T> {
  /** Distinguishes it from other kinds. Printable ASCII without spaces. */
  readonly name: string;
  /** How long a shared store keeps an object. Memory keeps objects for as long as there is room. */
  readonly lifeMs: number;
  /** True if the life begins again each time that the object is read. */
  readonly isRenewed: boolean;
  /** The most objects in memory, and the most that can be listed. */
  readonly countMax: number;
  /** The most bytes that all of them take in memory. */
  readonly bytesMax: ByteCount;
  /** Returns what a list has of an object; undefined if they can't be listed. Of listed kinds, reading must not renew the life. */
  readonly listed?: (object: T) => Listed;
}

/** Stores objects. */
export interface Objects<T, Listed = T> {
  /** Stores an object, or replaces it. One that exceeds the limit of its kind isn't stored, and evicts nothing. */
  set(id: string, object: T): MaybePromise<void>;
  get(id: string): MaybePromise<T | undefined>;
  /** @returns false if the object wasn't stored */
  delete(id: string): MaybePromise<boolean>;
  /** All objects of a kind that can be listed, in the order in which they were first stored. */
  list(): MaybePromise<readonly Listed[]>;
  /** The most memory that the JSON of an object takes, in bytes. The object must be one that `get` has returned, and is still stored. */
  jsonBytesOf(id: string, object: T): ByteCount;
}

/** Counts of one kind. */
export interface CountKind {
  readonly name: string;
  /** How long a count lasts. Then it begins again at 1. */
  readonly lifeMs: number;
  /** True if the life begins again each time that something is counted; in memory, such counts last for as long as there is room. */
  readonly isRenewed: boolean;
  /** True if ids are secrets, such as keys of clients: a shared store gets only their digests. */
  readonly isSecret: boolean;
  /** The most counts in memory. Beyond that, those that weren't used for the longest time begin again. */
  readonly countMax: number;
}

/** A count after it was incremented. */
export interface Count {
  readonly count: number;
  /** The time until it begins again, in ms. */
  readonly endsInMs: number;
}

/** Counts things. */
export interface Counts {
  /** Counts one more. Exact, even if several servers count at the same time. */
  count(id: string): MaybePromise<Count>;
}

/** Lists of one kind. */
export interface ListKind {
  readonly name: string;
  /** How long a shared store keeps a list after it was last changed or read. */
  readonly lifeMs: number;
  /** The most items of a list. */
  readonly itemsMax: number;
  /** The greatest length of the JSON of all its items, in bytes. */
  readonly lengthMax: number;
  /** The most lists in memory. Beyond that, those that weren't used for the longest time are dropped. */
  readonly listsMax: number;
}

/** The items of a list, by their ids, in the order in which they were added. */
export interface Listing<T> {
  /** Different after each change; empty if the list has no items. */
  readonly version: string;
  readonly items: ReadonlyMap<string, T>;
  /** The length of the JSON of all items, in bytes. */
  readonly length: number;
}

/** Stores lists of items. A list exists for as long as it has items. */
export interface Lists<T> {
  /**
   * Adds an item, or replaces it. Adding an equal text, number or truth value changes nothing.
   *
   * @param list printable ASCII without spaces, as are ids
   * @returns false if the list is full
   */
  add(list: string, id: string, item: T): MaybePromise<boolean>;
  /** @returns false if there was no such item */
  remove(list: string, id: string): MaybePromise<boolean>;
  /**
   * Uses an item once. Exact, even if several servers use it at the same time. The last use removes it.
   *
   * @param times how often it can be used
   * @returns how often it has been used before; undefined if there is no such item any more
   */
  use(list: string, id: string, times: number): MaybePromise<number | undefined>;
  /**
   * The items of a list.
   *
   * @param known what was returned before; if the list hasn't changed since, the same object is returned
   */
  of(list: string, known?: Listing<T>): MaybePromise<Listing<T>>;
}
