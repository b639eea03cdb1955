import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { AppError } from '../core/errors.js';
import { SCOPE_LENGTH_MAX, SCOPES_LENGTH_MAX, SCOPES_MAX, TESTS_LIFE_MS } from '../core/limits.js';
import { after, all, type MaybePromise } from '../core/maybe-promise.js';
import type { Scope, SharedState } from '../store/scopes.js';
import type { CountKind, Counts } from '../store/store.js';
import { type OverrideSpec, specOf } from './given.js';
import { Entry, Overrides } from './overrides.js';

/** A reply or an error as the API received it. */
export interface ReceivedReply {
  readonly spec: OverrideSpec;
  readonly body: unknown;
}

/** The numbers of replies, which count those of all servers. */
const NUMBERS: CountKind = {
  name: 'number',
  lifeMs: TESTS_LIFE_MS,
  isRenewed: true,
  isSecret: false,
  countMax: 1,
};

/** A reply that servers share. */
export class SharedEntry extends Entry {
  /** Its id in the scope. */
  readonly id: string;

  constructor(id: string, spec: OverrideSpec) {
    super(numberIn(id), spec);
    this.id = id;
  }
}

/** The replies and errors that tests have given over the API to servers that share them. */
export class SharedReplies {
  private readonly state: SharedState;
  private readonly numbers: Counts;
  /** By their ids: an entry knows how often its expression was slow. */
  private readonly entries = new LRUCache<string, SharedEntry>({
    maxSize: 2 * SCOPES_LENGTH_MAX,
    sizeCalculation: ({ bytes }) => bytes,
  });
  private readonly overrides = new WeakMap<Scope, Overrides>();

  constructor(state: SharedState) {
    this.state = state;
    this.numbers = state.store.counts(NUMBERS);
  }

  /**
   * Gives replies, which go before those that were given earlier.
   *
   * @param test to the requests of one test; undefined for all
   * @returns their numbers
   * @throws AppError, at once or as a rejection, if there are too many, or the store is away
   */
  give(received: readonly ReceivedReply[], test: string | undefined): MaybePromise<readonly number[]> {
    const numbered = all(received, () => this.numbers.count('replies'));
    return after(numbered, (numbered) => {
      const isSet = all(received, ({ body }, i) =>
        this.state.scopes.set(test, idOf(numbered[i]?.count ?? 0), body),
      );
      return after(isSet, (isSet) => {
        if (isSet.every(Boolean)) return numbered.map(({ count }) => count);
        const message = `Too many replies. Expected at most ${SCOPES_MAX} tests, and ${SCOPE_LENGTH_MAX} bytes in each: DELETE /api/replies takes them back.`;
        throw new AppError('request_too_large', { message });
      });
    });
  }

  /**
   * Takes back what one test was given, or everything.
   *
   * @throws AppError, at once or as a rejection, if the store is away
   */
  takeBack(test: string | undefined): MaybePromise<void> {
    return this.state.scopes.remove(test, isReply);
  }

  /** The replies in the scope of all tests, as far as this server knows. */
  get forAll(): Overrides {
    return this.in(this.state.scopes.all);
  }

  /** The replies in a scope. */
  in(scope: Scope): Overrides {
    let overrides = this.overrides.get(scope);
    if (overrides === undefined) {
      overrides = new Overrides();
      for (const [id, body] of scope.items) if (isReply(id)) overrides.add(this.entryOf(id, body));
      this.overrides.set(scope, overrides);
    }
    return overrides;
  }

  /**
   * Uses an entry once.
   *
   * @param test undefined for the scope of all tests
   * @returns how often it was used before; undefined if it is used up, or was taken back
   * @throws AppError, at once or as a rejection, if the store is away
   */
  use(entry: SharedEntry, test: string | undefined): MaybePromise<number | undefined> {
    // The scope of a test was read for this request, that of all tests some time ago.
    if (test !== undefined && !entry.isCounted) return 0;
    return this.state.scopes.use(test, entry.id, entry.times);
  }

  private entryOf(id: string, body: unknown): SharedEntry {
    const entry = this.entries.get(id) ?? new SharedEntry(id, specOf(body, ''));
    this.entries.set(id, entry);
    return entry;
  }
}

const REPLY = 'reply ';

/** An id that no other reply has, even if the store has lost the numbers. */
function idOf(number: number): string {
  return `${REPLY}${number} ${randomUUID()}`;
}

function isReply(id: string): boolean {
  return id.startsWith(REPLY);
}

function numberIn(id: string): number {
  return Number(id.split(' ')[1]);
}
