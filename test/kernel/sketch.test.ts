/** The kernel's sketches, against plain loops. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConversation } from '#dist/core/conversation.js';
import { isAssistant } from '#dist/core/roles.js';
import { kernelModule } from '#dist/kernel/kernel.js';
import { markOf, Sketches, withMark } from '#dist/kernel/sketches.js';
import { makeSketches } from '#dist/models/sketching.js';
import { planShards } from '#dist/workers/plan-shards.js';
import { newStopFlag } from '#dist/workers/stop-flag.js';
import { datasetWriter, newKernel, poolOf } from '../support/dataset.js';
import { runs } from '../support/factor.js';
import { plainSketch } from '../support/plain-sketch.js';
import { conversation, spell, spelling, text } from '../support/spelling.js';

const write = datasetWriter();
const pool = poolOf(2);
const kernel = newKernel();

/** The sketches of a dataset, as a plain loop makes them. */
function plainSketches(list: readonly unknown[]): number[][] {
  return list.flatMap((record) => {
    const turns = parseConversation(record)?.turns ?? [];
    let depth = 0;
    return turns.slice(0, -1).map(({ value }, i) => {
      const mark = markOf(depth, !isAssistant(turns[i + 1]?.from ?? ''));
      if (value !== '') depth++;
      return plainSketch(value).map((number, at) => (at === 3 ? withMark(number, mark) : number));
    });
  });
}

/** The numbers of those nearest to a sketch, by a plain loop. */
function plainNearest(sketches: readonly number[][], sketch: readonly number[]): number[] {
  const bits = (number: number) => number.toString(2).replaceAll('0', '').length;
  const distance = (other: readonly number[]) =>
    other.reduce((sum, number, i) => {
      const differing = ((number ^ (sketch[i] as number)) & (i === 3 ? 0xff_ffff : -1)) >>> 0;
      return sum + bits(differing);
    }, 0);
  return sketches
    .map((other, at) => ({ at, distance: distance(other) }))
    .sort((a, b) => a.distance - b.distance || a.at - b.at)
    .filter(({ distance }) => distance <= 60)
    .slice(0, 64)
    .map(({ at }) => at);
}

function nearestOf(sketches: Sketches, sketch: Uint32Array): number[] {
  const search = sketches.nearest({ sketch, mark: undefined, scoreMin: 0 });
  for (;;) {
    const { done, value } = search.next();
    if (done === true) return value.map(({ at }) => at);
  }
}

describe('a sketch', () => {
  it('is that of a plain loop, for any text', () => {
    const long = fc.array(text, { maxLength: 200 }).map((parts) => parts.join(' '));
    fc.assert(
      fc.property(fc.oneof(text, long), (one) => {
        expect([...(kernel.sketchOf(one) ?? [])]).toEqual(plainSketch(one));
      }),
      runs(200),
    );
  });

  it('is made of every turn that has a reply, however the file spells it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(conversation, { maxLength: 8 }), spelling, async (list, how) => {
        const dataset = write(spell(list, how));
        const expected = plainSketches(list);
        const plan = planShards(dataset, 2, kernel);
        const sketches = await makeSketches(plan, pool, expected.length, newStopFlag(), 2);
        for (const each of expected.slice(0, 3)) {
          const sketch = Uint32Array.from(each, (number, i) => (i === 3 ? number & 0xff_ffff : number));
          expect(nearestOf(sketches, sketch)).toEqual(plainNearest(expected, [...sketch]));
        }
      }),
      runs(20),
    );
  });

  it('finds the first of many that are equally near', () => {
    const count = 300_000;
    const sketches = new Sketches(kernelModule(), count);
    const [one, other] = ['a prompt that occurs often', 'a prompt that occurs rarely'].map(plainSketch) as [
      number[],
      number[],
    ];
    const all = Array.from({ length: count }, (_, i) => (i % 3 === 0 ? other : one));
    sketches.add(Uint32Array.from(all.flat()));
    const firsts = (rest: (i: number) => boolean) => [...all.keys()].filter(rest).slice(0, 64);
    expect(nearestOf(sketches, Uint32Array.from(one))).toEqual(firsts((i) => i % 3 !== 0));
    expect(nearestOf(sketches, Uint32Array.from(other))).toEqual(firsts((i) => i % 3 === 0));
  });
});
