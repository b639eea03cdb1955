/** How much of the datasets was read, for people. */

import type { Logger } from 'pino';

/** Takes how far it is, again and again. */
export interface Progress {
  /**
   * @param progress 0 to 1
   * @param totalBytes what there is to read
   */
  show(progress: number, totalBytes: number): void;
  /** All is read, or nothing more will be. */
  end(): void;
}

/** Interval of the log lines with the progress. */
const PROGRESS_LOG_MS = 2000;

/** Lines in the log, if it takes longer than a moment. */
export class ProgressLog implements Progress {
  private readonly logger: Pick<Logger, 'info'>;
  private lastMs = performance.now();

  constructor(logger: Pick<Logger, 'info'>) {
    this.logger = logger;
  }

  show(progress: number): void {
    if (performance.now() - this.lastMs < PROGRESS_LOG_MS) return;
    this.lastMs = performance.now();
    this.logger.info({ progress }, `read ${Math.floor(progress * 100)} %`);
  }

  end(): void {}
}
