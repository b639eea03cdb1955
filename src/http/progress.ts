/** How far the dataset was read, for people: as a bar on a terminal, or in the log. */

import type { WriteStream } from 'node:tty';
import type { Logger } from 'pino';

/** Takes how far it is, again and again. */
export interface Progress {
  /** @param progress 0 to 1 */
  show(progress: number): void;
  /** All is read, or nothing more will be. */
  end(): void;
}

const BAR_WIDTH = 30;

/** A bar on a terminal; nothing where there is none. */
export class ProgressBar implements Progress {
  private readonly out: Pick<WriteStream, 'isTTY' | 'write'>;
  private isShown = false;

  /** @param out where the bar goes if it is a terminal */
  constructor(out: Pick<WriteStream, 'isTTY' | 'write'>) {
    this.out = out;
  }

  show(progress: number): void {
    if (!this.out.isTTY) return;
    const full = Math.round(progress * BAR_WIDTH);
    const bar = '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full);
    this.out.write(`\rreading ${bar} ${percentOf(progress)} %`);
    this.isShown = true;
  }

  /** Takes the bar away. */
  end(): void {
    if (this.isShown) this.out.write('\r\x1b[K');
    this.isShown = false;
  }
}

/** A log line this often says how far the dataset was walked. */
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
    this.logger.info({ progress }, `walked ${percentOf(progress)} % of the dataset`);
  }

  end(): void {}
}

function percentOf(progress: number): number {
  return Math.floor(progress * 100);
}
