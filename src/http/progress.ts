/** Shows the progress of reading the datasets, for people. */

import type { Logger } from 'pino';

/** What is done with a dataset's bytes: they are read, or converted to JSON lines first, or their tokens are counted, or they are loaded into a store or written to another file. */
export type Work = 'read' | 'convert' | 'count' | 'load' | 'write';

/** Receives the progress, repeatedly. */
export interface Progress {
  /**
   * @param progress 0 to 1
   * @param totalBytes the bytes to read
   * @param work what is done with them
   */
  show(progress: number, totalBytes: number, work?: Work): void;
  /** Everything has been read, or reading has stopped. */
  end(): void;
}

/** Interval of the log lines that show the progress. */
const PROGRESS_LOG_MS = 2000;

const DONE: Readonly<Record<Work, string>> = {
  read: 'read',
  convert: 'converted',
  count: 'counted',
  load: 'loaded',
  write: 'written',
};

/** Logs the progress if reading takes longer than a moment. */
export class ProgressLog implements Progress {
  private readonly logger: Pick<Logger, 'info'>;
  private lastMs = performance.now();

  constructor(logger: Pick<Logger, 'info'>) {
    this.logger = logger;
  }

  show(progress: number, _totalBytes: number, work: Work = 'read'): void {
    if (performance.now() - this.lastMs < PROGRESS_LOG_MS) return;
    this.lastMs = performance.now();
    this.logger.info({ progress }, `${DONE[work]} ${percentText(progress)}`);
  }

  end(): void {}
}

/** A fraction for people, rounded down: `41 %`. */
export function percentText(fraction: number): string {
  return `${Math.floor(fraction * 100)} %`;
}
