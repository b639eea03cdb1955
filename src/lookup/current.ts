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
  /** The kernel has trapped; it is replaced. */
  readonly trapped: (trap: WebAssembly.RuntimeError) => void;
}

/** Errors that a changed file may cause. */
const FILE_ERRORS: ReadonlySet<string> = new Set([
  'dataset_changed',
  'dataset_unreadable',
  'dataset_invalid',
]);

/** Answers from the current state of a dataset's file. A lookup that fails because the file was replaced is repeated in the new file. */
export class CurrentLookup implements Lookup, NearestLookup {
  private now: Edition;
  /** Why the current file can't answer anything; undefined if it can. */
  problem: DatasetError | undefined;
  /** True once a second state of the file was opened. */
  private hasChanged = false;
  private readonly kernel: Kernel;
  private readonly events: CurrentEvents;

  /** @param kernel shared by all editions */
  constructor(edition: Edition, kernel: Kernel, events: CurrentEvents) {
    this.now = edition;
    this.kernel = kernel;
    this.events = events;
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
      const found = findIn(asked, query, signal);
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
    if (this.now === asked) throw this.explained(error);
    try {
      return await findIn(this.now, query, signal);
    } catch (again) {
      throw this.explained(again);
    }
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

/**
 * A miss counts only if the file hasn't changed: a match is verified against the file's bytes, but a miss may need no read.
 *
 * @throws AppError, synchronously or as a rejection
 */
function findIn(
  edition: Edition,
  query: Query,
  signal: (() => AbortSignal) | undefined,
): MaybePromise<Match | undefined> {
  return after(edition.find(query, signal), (match) => {
    if (match === undefined && edition.hasChanged) throw new AppError('dataset_changed');
    return match;
  });
}
