import { inOwnProcess } from '../own-process.js';

/** A pass over a dataset. */
export interface PassTask {
  readonly path: string;
  readonly by: 'JSON.parse' | 'stream-json';
}

/** The time of a pass, and what it counted. */
export interface PassFigures {
  readonly seconds: number;
  readonly conversations: number;
  readonly turns: number;
}

/** Passes over a generated dataset, on one thread. The start of the process doesn't count. */
export function measurePass(task: PassTask): Promise<PassFigures> {
  return inOwnProcess(new URL('./pass-times.js', import.meta.url), task);
}
