import { inOwnProcess } from '../own-process.js';

/** What is looked up. */
export interface LookupTask {
  readonly path: string;
  /** Looked up first, and not counted. */
  readonly warmUp: readonly string[];
  readonly measured: readonly string[];
}

/** What a lookup costs, in microseconds. */
export interface LookupFigures {
  readonly medianMicroseconds: number;
  readonly percentile99Microseconds: number;
}

/** Looks prompts up by the index, without a cache. */
export function measureLookups(task: LookupTask): Promise<LookupFigures> {
  return inOwnProcess(new URL('./lookup-times.js', import.meta.url), task);
}
