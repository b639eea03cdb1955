import { setMaxListeners } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../core/errors.js';
import { OVERRIDES_BYTES_MAX, SCOPES_MAX } from '../core/limits.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import type { Message } from '../core/query.js';
import type { Override } from '../lookup/lookup.js';
import { type Asking, askedRequest, isTestId, TEST_ID, testOf } from './asked.js';
import type { OverrideSpec } from './given.js';
import { Journal } from './journal.js';
import { Entry, Overrides, type OwnTime } from './overrides.js';

/** An entry, and where it is. */
interface Found {
  readonly entry: Entry;
  readonly overrides: Overrides;
  /** The id of its test; undefined if it is for all. */
  readonly test: string | undefined;
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
  /** Incremented when replies are given or taken back: answers from before may be wrong. */
  generation = 0;

  /**
   * @param journalMax the maximum number of requests that are kept; 0 for no journal
   * @param isScoped true if requests must name their test: see `runnerOf`
   */
  constructor(journalMax: number, isScoped: boolean) {
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

  /** Takes back what one test was given, or everything. */
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

  /** True if the answers to such requests depend on the dataset alone, or on the text of the prompt. */
  isCacheable(headers: IncomingHttpHeaders): boolean {
    const test = headers[TEST_ID];
    if (test === undefined) return !this.isScoped && this.shared.isExact;
    return this.shared.isExact && isTestId(test) && !this.scopes.has(test);
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
   * The reply that a test has given for a request; undefined without one. A test's own go before those of all tests.
   *
   * @param isError true if only errors count, because the request isn't for a reply
   * @throws AppError, at once or as a rejection: the error that was given
   */
  override(
    asking: Asking & { readonly time: OwnTime },
    messages: readonly Message[],
    signal: () => AbortSignal,
    isError: boolean,
  ): MaybePromise<Override | undefined> {
    let made: ReturnType<typeof askedRequest> | undefined;
    const asked = () => {
      made ??= askedRequest(asking, messages);
      return made;
    };
    const isWanted = (entry: Entry) => entry.isError || !isError;
    const found = this.entryFor(asking, messages, asked, isWanted);
    if (found === undefined) return undefined;
    this.take(found);
    return found.entry.answer(asked, signal, asking.time);
  }

  private take({ entry, overrides, test }: Found): void {
    const before = overrides.bytes;
    overrides.take(entry);
    this.bytes -= before - overrides.bytes;
    if (test !== undefined && overrides.isEmpty) this.scopes.delete(test);
  }

  /**
   * The number of the reply or error that a test has given for a request; undefined without one. It isn't used up.
   *
   * @throws AppError as `override` does, but not the error that was given
   */
  numberFor(asking: Asking & { readonly time: OwnTime }, messages: readonly Message[]): number | undefined {
    return this.entryFor(
      asking,
      messages,
      () => askedRequest(asking, messages),
      () => true,
    )?.entry.number;
  }

  private entryFor(
    asking: Asking & { readonly time: OwnTime },
    messages: readonly Message[],
    asked: () => ReturnType<typeof askedRequest>,
    isWanted: (entry: Entry) => boolean,
  ): Found | undefined {
    const test = testOf(asking.headers);
    const own = test === undefined ? undefined : this.scopes.get(test);
    if (own === undefined && this.shared.isEmpty) return undefined;
    const { time } = asking;
    const entry = own?.find(messages, asked, isWanted, time);
    if (own !== undefined && entry !== undefined) return { entry, overrides: own, test };
    const shared = this.shared.find(messages, asked, isWanted, time);
    return shared && { entry: shared, overrides: this.shared, test: undefined };
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
