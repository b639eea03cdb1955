import type { WriteStream } from 'node:tty';
import { durationText } from '../core/duration-text.js';
import { type Progress, percentText, type Work } from '../http/progress.js';

const BAR_WIDTH = 30;

/** A narrower terminal shows numbers without a bar, which would exceed the line. */
const WIDE_COLUMNS = 76;

/** Shortest time between two draws of the bar. */
const REDRAW_MS = 50;

const DOING: Readonly<Record<Work, string>> = {
  read: 'reading',
  convert: 'converting',
  count: 'counting tokens',
  load: 'loading',
  write: 'writing',
};

/** A progress bar in the last line of a terminal, with the rate and the time left. Other lines are printed above it: see `above`. */
export class ProgressBar implements Progress {
  private readonly out: Pick<WriteStream, 'columns' | 'write'>;
  private readonly now: () => number;
  /** Progress and time at the start. Progress made before (such as a saved part) doesn't count for the rate. */
  private first: { readonly bytes: number; readonly atMs: number } | undefined;
  private drawnMs = Number.NEGATIVE_INFINITY;
  /** The text on the terminal now; empty if the bar isn't shown. */
  private drawn = '';

  /**
   * @param out a terminal
   * @param now a clock in ms
   */
  constructor(out: Pick<WriteStream, 'columns' | 'write'>, now: () => number = () => performance.now()) {
    this.out = out;
    this.now = now;
  }

  show(progress: number, totalBytes: number, work: Work = 'read'): void {
    const nowMs = this.now();
    const bytes = progress * totalBytes;
    this.first ??= { bytes, atMs: nowMs };
    if (nowMs - this.drawnMs < REDRAW_MS && progress < 1) return;
    this.drawnMs = nowMs;
    const bytesPerMs = (bytes - this.first.bytes) / (nowMs - this.first.atMs);
    const parts = [percentText(progress).padStart(6)];
    if (bytesPerMs > 0 && bytesPerMs < Number.POSITIVE_INFINITY) {
      parts.push(`${Math.round(bytesPerMs / 1000)} MB/s`);
      parts.push(`${durationText(Math.ceil((totalBytes - bytes) / bytesPerMs / 1000))} left`);
    }
    const isNarrow = this.out.columns < WIDE_COLUMNS;
    const full = Math.round(progress * BAR_WIDTH);
    const bar = isNarrow ? '' : ` ${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)}`;
    this.drawn = `${DOING[work]}${bar}${parts.join('  ')}`.slice(0, this.out.columns - 1);
    this.draw();
  }

  /** Removes the bar. */
  end(): void {
    this.erase();
    this.drawn = '';
    this.first = undefined;
    this.drawnMs = Number.NEGATIVE_INFINITY;
  }

  /** Runs a function that writes lines in place of the bar, and redraws the bar below them. */
  above(write: () => void): void {
    this.erase();
    write();
    if (this.drawn !== '') this.draw();
  }

  private draw(): void {
    this.out.write(`\r${this.drawn}\x1b[K`);
  }

  private erase(): void {
    if (this.drawn !== '') this.out.write('\r\x1b[K');
  }
}
