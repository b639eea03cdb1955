import type { Counts } from '../dataset/counts.js';

/** Receives the events of a dataset, for the log. */
export interface Notices {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  /** The dataset is being walked: the fraction, 0 to 1. */
  progress(progress: number): void;
  /** The whole dataset has been walked. */
  walked(counts: Counts): void;
  /** Earlier answers may be outdated. */
  changed(): void;
}
