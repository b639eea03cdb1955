import { AppError } from '../core/errors.js';
import { SCOPES_MAX } from '../core/limits.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import type { Message } from '../core/query.js';
import type { Override } from '../lookup/lookup.js';
import { type Asking, askedRequest, testOf } from './asked.js';
import type { OverrideSpec } from './given.js';
import { Journal } from './journal.js';
import { Entry, Overrides } from './overrides.js';

/** The replies that tests give, and the journal. */
export class Testing {
  /** Undefined if no requests are kept. */
  readonly journal: Journal | undefined;
  private readonly isScoped: boolean;
  /** For the requests of all tests. */
  private readonly shared = new Overrides();
  /** By the ids of tests. Each has at least one entry, or had. */
  private readonly scopes = new Map<string, Overrides>();
  private count = 0;
  /** Incremented when replies are given or taken back: answers from before may be wrong. */
  generation = 0;

  /**
   * @param journalMax the maximum number of requests that are kept; 0 for no journal
   * @param isScoped true if each request must name its test
   */
  constructor(journalMax: number, isScoped: boolean) {
    this.journal = journalMax > 0 ? new Journal(journalMax) : undefined;
    this.isScoped = isScoped;
  }

  /**
   * Gives a reply or an error.
   *
   * @param test to the requests of one test; undefined for all
   * @throws AppError if too many tests have replies
   */
  give(spec: OverrideSpec, test: string | undefined): Entry {
    const entry = new Entry(++this.count, spec);
    this.overridesOf(test).add(entry);
    this.generation++;
    return entry;
  }

  /** Takes back what one test was given, or everything. */
  takeBack(test?: string): void {
    this.generation++;
    if (test !== undefined) {
      this.scopes.delete(test);
      return;
    }
    this.shared.clear();
    this.scopes.clear();
  }

  /** True if the answers to such requests depend on the dataset alone, or on the text of the prompt. */
  isCacheable(test: string | undefined): boolean {
    if (test === undefined) return !this.isScoped && this.shared.isExact;
    return this.shared.isExact && !this.scopes.has(test);
  }

  /**
   * The reply that a test has given for a request; undefined without one. A test's own go before those of all tests.
   *
   * @param isError true if only errors count, because the request isn't for a reply
   * @throws AppError, at once or as a rejection: the error that was given; or if the request must name its test and doesn't
   */
  override(
    asking: Asking,
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
    return this.entryFor(asking, messages, asked, isWanted)?.answer(asked, signal);
  }

  /**
   * The number of the reply or error that a test has given for a request; undefined without one. It isn't used up.
   *
   * @throws AppError as `override` does, but not the error that was given
   */
  numberFor(asking: Asking, messages: readonly Message[]): number | undefined {
    return this.entryFor(
      asking,
      messages,
      () => askedRequest(asking, messages),
      () => true,
    )?.number;
  }

  private entryFor(
    asking: Asking,
    messages: readonly Message[],
    asked: () => ReturnType<typeof askedRequest>,
    isWanted: (entry: Entry) => boolean,
  ): Entry | undefined {
    const test = testOf(asking.headers);
    if (test === undefined && this.isScoped) throw new AppError('test_id_required');
    const own = test === undefined ? undefined : this.scopes.get(test);
    if (own === undefined && this.shared.isEmpty) return undefined;
    return own?.find(messages, asked, isWanted) ?? this.shared.find(messages, asked, isWanted);
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
