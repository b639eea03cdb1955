/**
 * What tests set while servers run, such as replies and failures: for all requests, or for those of one test. The scope of a test is asked
 * for by each of its requests, so that they get what was set at any server. The scope of all tests is asked for every `SCOPES_REFRESH_MS`, and
 * by the server that changes it at once: no other request waits for the store.
 */

import { LRUCache } from 'lru-cache';
import {
  SCOPE_LENGTH_MAX,
  SCOPE_LIFE_MS,
  SCOPES_LENGTH_MAX,
  SCOPES_MAX,
  SCOPES_REFRESH_MS,
  TESTS_LIFE_MS,
} from '../core/limits.js';
import { after, all, type MaybePromise } from '../core/maybe-promise.js';
import { insteadOfStore } from './away.js';
import type { Listing, Lists, Store } from './store.js';

/** What was set in a scope, by ids that its users choose. */
export type Scope = Listing<unknown>;

const SCOPES = {
  name: 'scope',
  lifeMs: SCOPE_LIFE_MS,
  itemsMax: SCOPES_MAX,
  lengthMax: SCOPE_LENGTH_MAX,
  listsMax: SCOPES_MAX + 1,
};

/** The tests that have a scope, for what is removed from all of them. Their list must not end before they do. */
const TESTS = { ...SCOPES, name: 'tests', lifeMs: TESTS_LIFE_MS, listsMax: 1 };

/** The name of the scope of all tests, and of the list of them. */
const ALL = 'all';

const NOTHING: Scope = { version: '', items: new Map(), length: 0 };

/** The approximate memory of a scope without its items, in bytes. */
const SCOPE_BYTES = 1024;

/** The state of a server, or of several. */
export interface SharedState {
  readonly store: Store;
  readonly scopes: Scopes;
}

/** The scopes of all tests. */
export class Scopes {
  /** True if other servers may change them. */
  readonly isShared: boolean;
  private readonly lists: Lists<unknown>;
  private readonly tests: Lists<true>;
  private allNow = NOTHING;
  /** In memory, the tests that have a scope. */
  private testsNow = NOTHING;
  /** The latest known scopes of tests, of a store that is shared. */
  private readonly known: LRUCache<string, Scope> | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Called after what is set for all tests has changed. */
  onChange: () => void = () => {};

  constructor(store: Store) {
    this.isShared = store.isShared;
    this.lists = store.lists(SCOPES);
    this.tests = store.lists(TESTS);
    this.known = store.isShared
      ? new LRUCache({ maxSize: SCOPES_LENGTH_MAX, sizeCalculation: ({ length }) => length + SCOPE_BYTES })
      : undefined;
  }

  /** What is set for all tests, as far as this server knows. */
  get all(): Scope {
    return this.allNow;
  }

  /** True if nothing is set, as far as this server knows. */
  get isEmpty(): boolean {
    return this.allNow.items.size === 0 && this.testsNow.items.size === 0;
  }

  /** False if a test has no scope. */
  mayHave(test: string | undefined): boolean {
    return test !== undefined && (this.isShared || this.testsNow.items.has(test));
  }

  /**
   * What is set for a test; undefined if nothing can be.
   *
   * @throws AppError, at once or as a rejection, if the store is away
   */
  of(test: string | undefined): MaybePromise<Scope | undefined> {
    if (test === undefined || !this.mayHave(test)) return undefined;
    return after(this.lists.of(nameOf(test), this.known?.get(test)), (scope) => {
      if (scope.items.size > 0) this.known?.set(test, scope);
      else this.known?.delete(test);
      return scope;
    });
  }

  /**
   * Sets an item.
   *
   * @param test undefined for all tests
   * @returns false if there are too many tests, or too many items
   * @throws AppError, at once or as a rejection, if the store is away
   */
  set(test: string | undefined, id: string, item: unknown): MaybePromise<boolean> {
    const list = test === undefined ? ALL : nameOf(test);
    const isKnown = test === undefined || this.addTest(test);
    return after(isKnown, (isKnown) =>
      after(isKnown && this.lists.add(list, id, item), (isSet) =>
        after(this.refreshAfter(test), () => isSet),
      ),
    );
  }

  /**
   * Removes items.
   *
   * @param test undefined for those of all tests, and of each of them
   * @param isRemoved true for the ids of those
   * @throws AppError, at once or as a rejection, if the store is away
   */
  remove(test: string | undefined, isRemoved: (id: string) => boolean): MaybePromise<void> {
    if (test !== undefined) {
      return after(this.removeFrom(nameOf(test), isRemoved), (isEmpty) =>
        after(isEmpty && this.tests.remove(ALL, test), () => this.refreshAfter(test)),
      );
    }
    return after(this.tests.of(ALL), ({ items }) => {
      const removed = all([...items.keys()], (each) => this.remove(each, isRemoved));
      return after(removed, () => after(this.removeFrom(ALL, isRemoved), () => this.refresh()));
    });
  }

  /**
   * Uses an item once: exactly, at whichever server. See `Lists.use`.
   *
   * @throws AppError, at once or as a rejection, if the store is away
   */
  use(test: string | undefined, id: string, times: number): MaybePromise<number | undefined> {
    return this.lists.use(test === undefined ? ALL : nameOf(test), id, times);
  }

  /** Begins to look for what other servers change. */
  start(): void {
    if (!this.isShared || this.timer !== undefined) return;
    const look = async () => {
      try {
        await this.refresh();
      } catch (error) {
        insteadOfStore(error, () => undefined);
      }
      this.timer?.refresh();
    };
    this.timer = setTimeout(() => void look(), SCOPES_REFRESH_MS).unref();
    void look();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private addTest(test: string): MaybePromise<boolean> {
    return after(this.tests.add(ALL, test, true), (isAdded) =>
      isAdded ? true : after(this.forgetTests(), () => this.tests.add(ALL, test, true)),
    );
  }

  /** Removes the tests whose scopes have ended from the list of all tests. */
  private forgetTests(): MaybePromise<unknown> {
    return after(this.tests.of(ALL), ({ items }) =>
      all([...items.keys()], (test) =>
        after(this.lists.of(nameOf(test)), (scope) => scope.items.size > 0 || this.tests.remove(ALL, test)),
      ),
    );
  }

  /** @returns true if the list is empty then */
  private removeFrom(list: string, isRemoved: (id: string) => boolean): MaybePromise<boolean> {
    return after(this.lists.of(list), ({ items }) => {
      const ids = [...items.keys()].filter(isRemoved);
      return after(
        all(ids, (id) => this.lists.remove(list, id)),
        () => ids.length === items.size,
      );
    });
  }

  /** Gets what is known of all tests after a change of one scope. What other servers know of tests is asked for by each request. */
  private refreshAfter(test: string | undefined): MaybePromise<void> {
    return test === undefined || !this.isShared ? this.refresh() : undefined;
  }

  private refresh(): MaybePromise<void> {
    const tests = this.isShared ? this.testsNow : this.tests.of(ALL);
    return after(tests, (tests) => {
      this.testsNow = tests;
      return after(this.lists.of(ALL, this.allNow), (scope) => {
        if (scope === this.allNow) return;
        this.allNow = scope;
        this.onChange();
      });
    });
  }
}

function nameOf(test: string): string {
  return `of:${test}`;
}
