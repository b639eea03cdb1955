import { AppError } from '../core/errors.js';
import { after, type MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import type { DatasetError } from '../dataset/dataset.js';
import type { Kernel } from '../kernel/kernel.js';
import type { Edition } from './edition.js';
import type { Lookup, Match, Similar } from './lookup.js';

/** What a lookup tells whoever looks after the file. */
export interface CurrentEvents {
  /** A lookup has failed as it would in a file that changed: looks at the file, and replaces the edition if it did. */
  readonly lookAtFile: () => void;
  /** The kernel has trapped, and was replaced. */
  readonly trapped: (trap: WebAssembly.RuntimeError) => void;
}

/** Failures that a file which changed may be the reason for. */
const FILE_ERRORS: ReadonlySet<string> = new Set([
  'dataset_changed',
  'dataset_unreadable',
  'dataset_invalid',
]);

/** Answers from a dataset's file as it is now: what fails because the file was replaced is looked up again in the new one. */
export class CurrentLookup implements Lookup {
  private now: Edition;
  /** Why nothing of the file as it is now can be answered; undefined if something can. */
  problem: DatasetError | undefined;
  /** True once another state of the file was opened than the first. */
  private hasChanged = false;
  private readonly kernel: Kernel;
  private readonly events: CurrentEvents;

  /** @param kernel that of all editions */
  constructor(edition: Edition, kernel: Kernel, events: CurrentEvents) {
    this.now = edition;
    this.kernel = kernel;
    this.events = events;
  }

  get edition(): Edition {
    return this.now;
  }

  /** Answers from another state of the file. */
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

  /** Looks whether the file is why a lookup has failed: in another file, it may succeed. */
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

  /** A turn that is like the prompt of a query that finds nothing; undefined if none is known without a sweep. */
  similar(query: Query, signal?: () => AbortSignal): MaybePromise<Similar | undefined> {
    try {
      return this.now.similar(query, signal);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      this.replaceKernel(error);
      return undefined;
    }
  }

  /** After a trap the kernel's memory is undefined: replaces the instance. Returns what the request that met it is told. */
  private replaceKernel(trap: WebAssembly.RuntimeError): AppError {
    this.events.trapped(trap);
    this.kernel.renew();
    return new AppError('worker_failed', { cause: trap });
  }

  /** A file that was valid once may be again: unlike at the start, one that isn't doesn't end the server. */
  private explained(error: unknown): unknown {
    const isInvalid = error instanceof AppError && error.code === 'dataset_invalid';
    return isInvalid && this.hasChanged ? new AppError('dataset_changed', { cause: error }) : error;
  }
}

/**
 * A miss counts only while the file is as it was: a match is verified by the file's bytes, but a miss may take no read.
 *
 * @throws AppError, at once or as a rejection
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
