import type { Counts } from '../dataset/counts.js';
import type { Spool } from '../dataset/spool.js';

/** Receives the events of a dataset, for the log. */
export interface Notices {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  /** The dataset is being walked: the fraction, 0 to 1. */
  progress(progress: number): void;
  /** The dataset is being spooled: the share of the work that is done, 0 to 1. */
  spooling(progress: number): void;
  /** The dataset has been spooled. */
  spooled(spool: Spool): void;
  /** The whole dataset has been walked. */
  walked(counts: Counts): void;
  /** Earlier answers may be outdated. */
  changed(): void;
  /** An index was saved: other processes can answer from it. */
  saved(): void;
}

const ignore = () => {};

/** A receiver that ignores all of them, to begin with for one that wants some. */
export const NO_NOTICES: Notices = {
  debug: ignore,
  info: ignore,
  warn: ignore,
  progress: ignore,
  spooling: ignore,
  spooled: ignore,
  walked: ignore,
  changed: ignore,
  saved: ignore,
};
