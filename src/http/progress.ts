/** Shows the progress of reading the datasets, for people. */

import type { Logger } from 'pino';

/** Receives the progress, repeatedly. */
export interface Progress {
  /**
   * @param progress 0 to 1
   * @param totalBytes the bytes to read
   */
  show(progress: number, totalBytes: number): void;
  /** Everything has been read, or reading has stopped. */
  end(): void;
}

/** Interval of the log lines that show the progress. */
const PROGRESS_LOG_MS = 2000;

/** Logs the progress if reading takes longer than a moment. */
export class ProgressLog implements Progress {
  private readonly logger: Pick<Logger, 'info'>;
  private lastMs = performance.now();

  constructor(logger: Pick<Logger, 'info'>) {
    this.logger = logger;
  }

  show(progress: number): void {
    if (performance.now() - this.lastMs < PROGRESS_LOG_MS) return;
    this.lastMs = performance.now();
    this.logger.info({ progress }, `read ${percentText(progress)}`);
  }

  end(): void {}
}

/** A fraction for people, rounded down: `41 %`. */
export function percentText(fraction: number): string {
  return `${Math.floor(fraction * 100)} %`;
}
