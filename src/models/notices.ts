import type { Counts } from '../dataset/counts.js';

/** Takes what happens to the dataset, for the log. */
export interface Notices {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  /** The dataset is being walked: 0 to 1. */
  progress(progress: number): void;
  /** All of it was walked. */
  walked(counts: Counts): void;
  /** What was answered before may not be the answer any more. */
  changed(): void;
}
