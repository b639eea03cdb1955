/** Steps alternate, and yield the event loop in between. */

import { expect, it } from 'vitest';
import { SLICE_MS } from '#dist/core/limits.js';
import { allInSteps, beforeSteps, inStep, queueStep } from '#dist/core/steps.js';

/** Blocks for this long. */
function work(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

it('a turn of the event loop has one step, if steps take as long as a slice', async () => {
  let turns = 0;
  const count = () => {
    turns++;
    immediate = setImmediate(count);
  };
  let immediate = setImmediate(count);
  const at: number[] = [];
  for (let i = 0; i < 3; i++) {
    queueStep(() => {
      at.push(turns);
      work(SLICE_MS);
    });
  }
  await inStep(() => undefined);
  clearImmediate(immediate);
  expect(new Set(at).size).toBe(3);
});

it('the steps of tasks alternate', async () => {
  const order: string[] = [];
  const task = async (name: string) => {
    for (let i = 0; i < 3; i++) {
      await inStep(() => undefined);
      order.push(name);
    }
  };
  await Promise.all([task('a'), task('b')]);
  expect(order.join('')).toBe('ababab');
});

it('short work comes before the steps of its turn of the event loop, even if they have waited longer', async () => {
  const order: string[] = [];
  const done = inStep(() => order.push('step'));
  beforeSteps(() => order.push('quick'));
  await done;
  expect(order).toEqual(['quick', 'step']);
});

it('of many tasks that come in one turn of the event loop, all but the first begin with one item', async () => {
  const made: string[] = [];
  const make = (name: string) => (item: number) => {
    made.push(`${name}${item}`);
    work(SLICE_MS / 2);
  };
  const items = [0, 1, 2, 3, 4, 5];
  const tasks = ['a', 'b', 'c'].map((name) => allInSteps(items, make(name)));
  expect(made.slice(-2)).toEqual(['b0', 'c0']);
  await Promise.all(tasks);
  expect(made).toHaveLength(3 * items.length);
});
