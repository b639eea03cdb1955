import { describe, expect, it } from 'vitest';
import { ProgressBar } from '#dist/cli/progress-bar.js';

/** Erases from the cursor to the end of the line. */
const ERASE = '\x1b[K';
const CONTROLS = new RegExp(`(\r|\n|${ERASE.replace('[', '\\[')})`);

/** A terminal, with its lines as displayed, and a bar on it with a clock that the test controls. */
class Terminal {
  readonly lines = [''];
  private column = 0;
  nowMs = 0;
  readonly bar: ProgressBar;

  readonly columns: number;

  constructor(columns: number) {
    this.columns = columns;
    this.bar = new ProgressBar(this, () => this.nowMs);
  }

  write(text: string | Uint8Array): boolean {
    for (const part of String(text).split(CONTROLS)) {
      const line = this.lines.at(-1) as string;
      if (part === '\r') this.column = 0;
      else if (part === '\n') {
        this.lines.push('');
        this.column = 0;
      } else if (part === ERASE) this.lines[this.lines.length - 1] = line.slice(0, this.column);
      else {
        const after = line.slice(this.column + part.length);
        this.lines[this.lines.length - 1] = line.slice(0, this.column) + part + after;
        this.column += part.length;
      }
    }
    return true;
  }
}

describe('the progress bar', () => {
  it('shows the rate and the time left in one line, and is erased at the end', () => {
    const terminal = new Terminal(80);
    const { bar } = terminal;
    bar.show(0, 4_000_000_000);
    expect(terminal.lines).toEqual([`reading ${'░'.repeat(30)}   0 %`]);
    terminal.nowMs = 4000;
    bar.show(0.5, 4_000_000_000);
    expect(terminal.lines).toEqual([`reading ${'█'.repeat(15)}${'░'.repeat(15)}  50 %  500 MB/s  4 s left`]);
    terminal.nowMs = 400_000;
    bar.show(0.505, 4_000_000_000);
    expect(terminal.lines[0]).toContain('  50 %  5 MB/s  6 min 33 s left');
    bar.end();
    bar.end();
    expect(terminal.lines).toEqual(['']);
  });

  it('prints other lines above it, unbroken', () => {
    const terminal = new Terminal(80);
    const { bar } = terminal;
    const print = (line: string) => bar.above(() => void terminal.write(`${line}\n`));
    print('before');
    bar.show(1 / 3, 9_000_000);
    print('a log line');
    const drawn = `reading ${'█'.repeat(10)}${'░'.repeat(20)}  33 %`;
    expect(terminal.lines).toEqual(['before', 'a log line', drawn]);
    bar.end();
    print('after');
    expect(terminal.lines).toEqual(['before', 'a log line', 'after', '']);
  });

  it.each([20, 75, 76, 200])('fits into a terminal of %i columns', (columns) => {
    const terminal = new Terminal(columns);
    terminal.bar.show(0, 9e12);
    terminal.nowMs = 1_000_000;
    terminal.bar.show(0.42, 9e12);
    expect(terminal.lines).toHaveLength(1);
    expect(terminal.lines[0]).toContain('42 %');
    expect(terminal.lines[0]?.length).toBeLessThan(columns);
  });
});
