import { setImmediate as loopTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { SLICE_MS } from '#dist/core/limits.js';
import { sendTogether } from '#dist/http/send-together.js';

describe('replies found in one turn of the event loop', () => {
  it('are all sent in order when the turn ends', async () => {
    const sent: number[] = [];
    const together = sendTogether((item: number) => sent.push(item));
    together.add(1);
    // Nothing runs between the items, though it was queued after the first.
    setImmediate(() => sent.push(0));
    for (const item of [2, 3, 4]) together.add(item);
    expect(sent).toEqual([]);
    await loopTurn();
    expect(sent).toEqual([1, 2, 3, 4, 0]);
  });

  it('are sent in the next turn, if found while others are sent', async () => {
    const sent: number[] = [];
    const together = sendTogether((item: number) => {
      if (item < 3) together.add(item + 10);
      sent.push(item);
    });
    for (const item of [1, 2, 3]) together.add(item);
    await loopTurn();
    expect(sent).toEqual([1, 2, 3]);
    await loopTurn();
    expect(sent).toEqual([1, 2, 3, 11, 12]);
  });

  it('continue in the next turn, in order, if sending takes long', async () => {
    const sent: number[] = [];
    const together = sendTogether((item: number) => {
      const endMs = performance.now() + SLICE_MS;
      while (performance.now() < endMs);
      sent.push(item);
    });
    for (const item of [1, 2, 3]) together.add(item);
    await loopTurn();
    expect(sent).toEqual([1]);
    together.add(4);
    for (let i = 0; i < 3; i++) await loopTurn();
    expect(sent).toEqual([1, 2, 3, 4]);
  });
});
