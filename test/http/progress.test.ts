import { describe, expect, it } from 'vitest';
import { ProgressBar } from '#dist/http/progress.js';

/** A bar, and all that it writes. */
function barOn(isTTY: boolean) {
  const written: string[] = [];
  const write = (text: string | Uint8Array) => written.push(String(text)) > 0;
  return { bar: new ProgressBar({ isTTY, write }), written };
}

describe('the progress bar', () => {
  it('draws itself on a terminal, over what it drew before, and takes itself away', () => {
    const { bar, written } = barOn(true);
    bar.show(0.5);
    bar.show(1);
    bar.end();
    bar.end();
    expect(written).toEqual([
      `\rreading ${'█'.repeat(15)}${'░'.repeat(15)} 50 %`,
      `\rreading ${'█'.repeat(30)} 100 %`,
      '\r\x1b[K',
    ]);
  });

  it('writes nothing where there is no terminal', () => {
    const { bar, written } = barOn(false);
    bar.show(0.5);
    bar.end();
    expect(written).toEqual([]);
  });
});
