import { AppError } from '../core/errors.js';
import { after, type MaybePromise, orElse } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import type { DatasetError } from '../dataset/dataset-error.js';
import type { Kernel } from '../kernel/kernel.js';
import type { Edition } from './edition.js';
import type { Candidates, Lookup, Match, NearestLookup, NearestQuery, Sharing, Similar } from './lookup.js';

/** Events that a lookup reports to the owner of the dataset's file. */
export interface CurrentEvents {
  /** A lookup has failed with an error that a changed file may cause: checks the file, and replaces the edition if it has changed. */
  readonly lookAtFile: () => void;
  /**
   * Resolves when what was appended to the file so far can be found. Undefined if nothing was, or if it takes long, unless it is needed.
   *
   * @param isNeeded true if nothing was found in what was there before
   */
  readonly growth?: (isNeeded: boolean) => Promise<void> | undefined;
  /** The kernel has trapped; it is replaced. */
  readonly trapped: (trap: WebAssembly.RuntimeError) => void;
}

/** Errors that a changed file may cause. */
const FILE_ERRORS: ReadonlySet<string> = new Set([
  'dataset_changed',
  'dataset_unreadable',
  'dataset_invalid',
]);

/** Which of an edition's lookups answers: `find`, the match ladder, or `findWhole`, for recordings. */
type Find = 'find' | 'findWhole';

/** Answers from the current state of a dataset's file. A lookup that fails because the file was replaced is repeated in the new file. */
export class CurrentLookup implements Lookup, NearestLookup {
  private now: Edition;
  /** Why the current file can't answer anything; undefined if it can. */
  problem: DatasetError | undefined;
  /** True once a second state of the file was opened. */
  private hasChanged = false;
  private readonly kernel: Kernel;
  private readonly events: CurrentEvents;
  private readonly by: Find;

  /**
   * @param kernel shared by all editions
   * @param by which lookup of the editions answers
   */
  constructor(edition: Edition, kernel: Kernel, events: CurrentEvents, by: Find = 'find') {
    this.now = edition;
    this.kernel = kernel;
    this.events = events;
    this.by = by;
  }

  get edition(): Edition {
    return this.now;
  }

  /** Answers from another edition from now on. */
  replaceBy(edition: Edition): void {
    this.now = edition;
    this.hasChanged = true;
    this.problem = undefined;
  }

  get isImmediate(): boolean {
    return this.now.isImmediate;
  }

  find(query: Query, signal?: () => AbortSignal): MaybePromise<Match | undefined> {
    if (this.problem !== undefined) throw new AppError('dataset_changed', { cause: this.problem });
    const asked = this.now;
    const again = (error: unknown) => this.findAgain(asked, error, query, signal);
    try {
      const found = this.findIn(asked, query, signal);
      return found instanceof Promise ? found.catch(again) : found;
    } catch (error) {
      return again(error);
    }
  }

  /** Checks whether a changed file caused the failure of a lookup. If so, repeats the lookup in the new file. */
  private async findAgain(
    asked: Edition,
    error: unknown,
    query: Query,
    signal: (() => AbortSignal) | undefined,
  ): Promise<Match | undefined> {
    if (error instanceof WebAssembly.RuntimeError) throw this.replaceKernel(error);
    if (!(error instanceof AppError) || !FILE_ERRORS.has(error.code)) throw error;
    this.events.lookAtFile();
    await this.events.growth?.(true);
    if (this.problem !== undefined) throw new AppError('dataset_changed', { cause: this.problem });
    if (this.now === asked) throw this.explained(error);
    try {
      return await this.findIn(this.now, query, signal, true);
    } catch (again) {
      throw this.explained(again);
    }
  }

  /**
   * A miss counts only if the file hasn't changed: a match is verified against the file's bytes, but a miss may need no read.
   *
   * @param isAgain true if what has been appended since the lookup began needn't be found
   * @throws AppError, synchronously or as a rejection
   */
  private findIn(
    edition: Edition,
    query: Query,
    signal: (() => AbortSignal) | undefined,
    isAgain = false,
  ): MaybePromise<Match | undefined> {
    return after(edition[this.by](query, signal), (match) => {
      if (match === undefined && edition.hasChanged && !(isAgain && edition.hasOnlyGrown))
        throw new AppError('dataset_changed');
      const isFirst = match !== undefined && !isAgain && edition.reader.hasGrown;
      return isFirst ? this.findInGrown(match, edition, query, signal) : match;
    });
  }

  /** The match in the file after it has grown, or the one that was found before if that takes long. */
  private findInGrown(
    match: Match,
    asked: Edition,
    query: Query,
    signal: (() => AbortSignal) | undefined,
  ): MaybePromise<Match | undefined> {
    this.events.lookAtFile();
    const growth = this.events.growth?.(false);
    return growth === undefined
      ? match
      : growth.then(() => (this.now === asked ? match : this.findIn(this.now, query, signal, true)));
  }

  /** A turn that resembles the prompt of a query without a match; undefined if none is known without a sweep. */
  similar(query: Query, signal?: () => AbortSignal): MaybePromise<Similar | undefined> {
    try {
      return this.now.similar(query, signal);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      this.replaceKernel(error);
      return undefined;
    }
  }

  /** The turns whose sketches are nearest; none without sketches. */
  candidates(asked: NearestQuery, signal?: () => AbortSignal): MaybePromise<Candidates> {
    return orElse(() => this.now.candidates(asked, signal), this.unlessTrapped);
  }

  /** Throws the error again; for a trap, an AppError. */
  private readonly unlessTrapped = (error: unknown): never => {
    throw error instanceof WebAssembly.RuntimeError ? this.replaceKernel(error) : error;
  };

  /** The turns that have the prompt of a query; undefined without an index. */
  sharing(query: Query, signal?: () => AbortSignal): MaybePromise<Sharing | undefined> {
    return orElse(() => this.now.sharing(query, signal), this.unlessTrapped);
  }

  /** After a trap the kernel's memory is undefined: replaces the instance. Returns the error for the request that caused the trap. */
  private replaceKernel(trap: WebAssembly.RuntimeError): AppError {
    this.events.trapped(trap);
    this.kernel.renew();
    return new AppError('worker_failed', { cause: trap });
  }

  /** A file that was valid once may become valid again: unlike at startup, an invalid file doesn't end the server. */
  private explained(error: unknown): unknown {
    const isInvalid = error instanceof AppError && error.code === 'dataset_invalid';
    return isInvalid && this.hasChanged ? new AppError('dataset_changed', { cause: error }) : error;
  }
}
