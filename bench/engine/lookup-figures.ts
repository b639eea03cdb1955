import { inOwnProcess } from '../own-process.js';

/** The prompts to look up. */
export interface LookupTask {
  readonly path: string;
  /** Looked up first, as a warm-up. */
  readonly warmUp: readonly string[];
  readonly measured: readonly string[];
}

/** The cost of a lookup, in microseconds. */
export interface LookupFigures {
  readonly medianMicroseconds: number;
  readonly percentile99Microseconds: number;
}

/** Looks up prompts with the index, without a cache. */
export function measureLookups(task: LookupTask): Promise<LookupFigures> {
  return inOwnProcess(new URL('./lookup-times.js', import.meta.url), task);
}
