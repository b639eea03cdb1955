import { setMaxListeners } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../core/errors.js';
import { OVERRIDES_BYTES_MAX, SCOPES_MAX } from '../core/limits.js';
import { after, type MaybePromise } from '../core/maybe-promise.js';
import type { Message } from '../core/query.js';
import type { Override } from '../lookup/lookup.js';
import type { Scope, SharedState } from '../store/scopes.js';
import { type Asking, askedRequest, isTestId, TEST_ID, testOf } from './asked.js';
import type { OverrideSpec } from './given.js';
import { Journal } from './journal.js';
import { Entry, Overrides, type OwnTime } from './overrides.js';
import { type ReceivedReply, SharedEntry, SharedReplies } from './shared-replies.js';
import type { AskedRequest } from './types.js';

/** Some replies, and the test that they are for. */
interface Place {
  readonly overrides: Overrides;
  /** Undefined if they are for all. */
  readonly test: string | undefined;
}

/** An entry, and where it is. */
interface Found extends Place {
  readonly entry: Entry;
}

/** A request, as it is compared with what tests have given. */
interface Compared {
  readonly messages: readonly Message[];
  /** Returns what a test's own code gets, made when it is needed. */
  readonly asked: () => AskedRequest;
  readonly time: OwnTime;
  readonly isWanted: (entry: Entry) => boolean;
}

/** The replies that tests give, and the journal. */
export class Testing {
  /** Undefined if no requests are kept. */
  readonly journal: Journal | undefined;
  private readonly isScoped: boolean;
  /** For the requests of all tests. */
  private readonly shared = new Overrides();
  /** By the ids of tests. Each has at least one entry. */
  private readonly scopes = new Map<string, Overrides>();
  private count = 0;
  /** The approximate memory of all replies, in bytes. */
  private bytes = 0;
  private readonly stop = new AbortController();
  private readonly state: SharedState;
  /** What tests give over the API to servers that share a store; undefined without one. What a program gives stays in its process. */
  private readonly sharing: SharedReplies | undefined;
  /** Incremented when replies are given or taken back: answers from before may be wrong. */
  generation = 0;

  /**
   * @param journalMax the maximum number of requests that are kept; 0 for no journal
   * @param isScoped true if requests must name their test: see `runnerOf`
   * @param state what servers share
   */
  constructor(journalMax: number, isScoped: boolean, state: SharedState) {
    this.state = state;
    this.sharing = state.store.isShared ? new SharedReplies(state) : undefined;
    state.scopes.onChange = () => this.generation++;
    this.journal = journalMax > 0 ? new Journal(journalMax) : undefined;
    this.isScoped = isScoped;
    // Each reply that takes a while listens to it.
    setMaxListeners(0, this.stop.signal);
  }

  /** Aborts when the server stops, with an AppError: the reply of a test may take without end. */
  get stopping(): AbortSignal {
    return this.stop.signal;
  }

  /** Ends all that waits for replies of tests, or for requests in the journal. */
  close(): void {
    this.stop.abort(new AppError('stopping'));
    this.journal?.close();
  }

  /**
   * Gives a reply or an error.
   *
   * @param test to the requests of one test; undefined for all
   * @throws AppError if too many tests have replies, or the replies take too much memory
   */
  give(spec: OverrideSpec, test: string | undefined): Entry {
    const entry = new Entry(++this.count, spec);
    if (this.bytes + entry.bytes > OVERRIDES_BYTES_MAX) {
      const message = `The replies of tests take too much memory. Expected at most ${OVERRIDES_BYTES_MAX} bytes: DELETE /api/replies takes them back.`;
      throw new AppError('request_too_large', { message });
    }
    this.bytes += entry.bytes;
    this.overridesOf(test).add(entry);
    this.generation++;
    return entry;
  }

  /**
   * Gives replies and errors that the API has received: to all servers that share a store.
   *
   * @param test to the requests of one test; undefined for all
   * @returns their numbers
   * @throws AppError, at once or as a rejection, as `give`, or if the store is away
   */
  giveReceived(
    received: readonly ReceivedReply[],
    test: string | undefined,
  ): MaybePromise<readonly number[]> {
    return this.sharing?.give(received, test) ?? received.map(({ spec }) => this.give(spec, test).number);
  }

  /**
   * Takes back what one test was given, or everything: at all servers that share a store, and what the program of this server gave.
   *
   * @throws AppError, at once or as a rejection, if the store is away
   */
  takeBackAll(test?: string): MaybePromise<void> {
    this.takeBack(test);
    return this.sharing?.takeBack(test);
  }

  /**
   * What is set for the test of a request.
   *
   * @throws AppError, at once or as a rejection, if the store is away
   */
  scopeOf(headers: IncomingHttpHeaders): MaybePromise<Scope | undefined> {
    return this.state.scopes.of(testOf(headers));
  }

  /** Takes back what one test was given in this process, or everything. */
  takeBack(test?: string): void {
    this.generation++;
    if (test !== undefined) {
      const own = this.scopes.get(test);
      this.bytes -= own?.bytes ?? 0;
      own?.clear();
      this.scopes.delete(test);
      return;
    }
    this.bytes = 0;
    for (const overrides of [this.shared, ...this.scopes.values()]) overrides.clear();
    this.scopes.clear();
  }

  /** True if nothing is given at the moment. */
  get isEmpty(): boolean {
    return this.shared.isEmpty && this.scopes.size === 0;
  }

  /** True if the answers to such requests depend on the dataset alone, or on the text of the prompt. */
  isCacheable(headers: IncomingHttpHeaders): boolean {
    const test = headers[TEST_ID];
    if (!this.shared.isExact || this.sharing?.forAll.isExact === false) return false;
    if (test === undefined) return !this.isScoped;
    return isTestId(test) && !this.scopes.has(test) && this.sharing === undefined;
  }

  /**
   * Checks the id of the test that sends a request.
   *
   * @param isNeeded true if the request must name its test where tests are `scoped`
   * @throws AppError if it isn't valid, or is missing
   */
  assertTest(headers: IncomingHttpHeaders, isNeeded: boolean): void {
    const test = headers[TEST_ID];
    if (test === undefined) {
      if (isNeeded && this.isScoped) throw new AppError('test_id_required');
    } else if (!isTestId(test)) throw new AppError('test_id_invalid');
  }

  /**
   * The reply that a test has given for a request; undefined without one. A test's own go before those of all tests, and those of a program
   * before those that came over the API to servers that share a store.
   *
   * @param isError true if only errors count, because the request isn't for a reply
   * @param scopeOf returns what is set for its test
   * @throws AppError, at once or as a rejection: the error that was given, or that the store is away
   */
  override(
    asking: Asking & { readonly time: OwnTime },
    messages: readonly Message[],
    signal: () => AbortSignal,
    isError: boolean,
    scopeOf: ScopeOf,
  ): MaybePromise<Override | undefined> {
    const places = this.placesFor(asking, scopeOf);
    if (places === NO_PLACES) return undefined;
    const compared = comparedOf(asking, messages, (entry) => entry.isError || !isError);
    return after(places, (places) => this.overrideIn(places, compared, signal));
  }

  /**
   * The number of the reply or error that a test has given for a request; undefined without one. It isn't used up.
   *
   * @throws AppError as `override` does, but not the error that was given
   */
  numberFor(
    asking: Asking & { readonly time: OwnTime },
    messages: readonly Message[],
    scopeOf: ScopeOf,
  ): MaybePromise<number | undefined> {
    const compared = comparedOf(asking, messages, () => true);
    return after(this.placesFor(asking, scopeOf), (places) => entryIn(places, compared)?.entry.number);
  }

  /** Uses the first entry for a request, or, if others have used it up in the meantime, the next one. */
  private overrideIn(
    places: readonly Place[],
    compared: Compared,
    signal: () => AbortSignal,
  ): MaybePromise<Override | undefined> {
    const found = entryIn(places, compared);
    if (found === undefined) return undefined;
    const { entry, overrides, test } = found;
    const answer = (used: number) => entry.answer(used, compared.asked, signal, compared.time);
    if (!(entry instanceof SharedEntry)) return answer(this.take(found));
    return after(this.sharing?.use(entry, test), (used) => {
      if (used !== undefined) return answer(used);
      overrides.remove(entry);
      return this.overrideIn(places, compared, signal);
    });
  }

  /** @returns how often the entry was used before */
  private take({ entry, overrides, test }: Found): number {
    const { used } = entry;
    const before = overrides.bytes;
    overrides.take(entry);
    this.bytes -= before - overrides.bytes;
    if (test !== undefined && overrides.isEmpty) this.scopes.delete(test);
    return used;
  }

  /** The replies that may be for a request. */
  private placesFor({ headers }: Asking, scopeOf: ScopeOf): MaybePromise<readonly Place[]> {
    const test = testOf(headers);
    const own = test === undefined ? undefined : this.scopes.get(test);
    const { shared, sharing } = this;
    if (sharing === undefined) {
      if (own === undefined) return shared.isEmpty ? NO_PLACES : [{ overrides: shared, test: undefined }];
      return [
        { overrides: own, test },
        { overrides: shared, test: undefined },
      ];
    }
    if (test === undefined && shared.isEmpty && sharing.forAll.isEmpty) return NO_PLACES;
    return after(scopeOf(), (scope) => {
      const forTest = [own, scope && sharing.in(scope)].map((overrides) => ({ overrides, test }));
      const forAll = [shared, sharing.forAll].map((overrides) => ({ overrides, test: undefined }));
      return [...forTest, ...forAll].filter(hasOverrides);
    });
  }

  private overridesOf(test: string | undefined): Overrides {
    if (test === undefined) return this.shared;
    const known = this.scopes.get(test);
    if (known !== undefined) return known;
    if (this.scopes.size >= SCOPES_MAX) {
      const message = `Too many tests have replies of their own. Expected at most ${SCOPES_MAX}: DELETE /api/replies takes them back.`;
      throw new AppError('request_too_large', { message });
    }
    const made = new Overrides();
    this.scopes.set(test, made);
    return made;
  }
}

const NO_PLACES: readonly Place[] = [];

function hasOverrides(place: { readonly overrides: Overrides | undefined }): place is Place {
  return place.overrides?.isEmpty === false;
}

/** Returns what is set for the test of a request. */
type ScopeOf = () => MaybePromise<Scope | undefined>;

function comparedOf(
  asking: Asking & { readonly time: OwnTime },
  messages: readonly Message[],
  isWanted: Compared['isWanted'],
): Compared {
  let made: AskedRequest | undefined;
  const asked = () => {
    made ??= askedRequest(asking, messages);
    return made;
  };
  return { messages, asked, time: asking.time, isWanted };
}

/** @throws AppError if the test's own code fails */
function entryIn(places: readonly Place[], { messages, asked, isWanted, time }: Compared): Found | undefined {
  for (const place of places) {
    const entry = place.overrides.find(messages, asked, isWanted, time);
    if (entry !== undefined) return { entry, ...place };
  }
  return undefined;
}
