import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonMeter, type JsonSize } from '#dist/kernel/json-meter.js';
import { kernelModule } from '#dist/kernel/kernel.js';
import { runs } from '../support/factor.js';

const meter = new JsonMeter(kernelModule());

/** The size of a text that arrives in chunks of this many bytes. */
function measured(text: string, partBytes = Number.POSITIVE_INFINITY): JsonSize {
  const bytes = Buffer.from(text);
  meter.begin();
  for (let at = 0; at < bytes.length; at += partBytes) meter.add(bytes.subarray(at, at + partBytes));
  return meter.size;
}

/** The same for a value. */
function counted(value: unknown): JsonSize {
  const names = new Set<string>();
  let values = 0;
  let parts = 0;
  const depthOf = (each: unknown): number => {
    if (typeof each === 'string') {
      parts++;
      if (Buffer.byteLength(JSON.stringify(each)) <= 12) names.add(each);
    }
    if (typeof each !== 'object' || each === null) return 0;
    parts++;
    const members = Object.entries(each);
    values += Math.max(1, members.length);
    if (!Array.isArray(each)) {
      parts += members.length;
      for (const [name] of members) names.add(name);
    }
    return 1 + Math.max(0, ...members.map(([, member]) => depthOf(member)));
  };
  const depth = depthOf(value);
  return { values, parts, names: names.size, depth };
}

describe('a meter', () => {
  it('counts what JSON.parse creates, in any number of parts', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 5 }),
        fc.integer({ min: 1, max: 100 }),
        fc.nat(4),
        (value, partBytes, indent) => {
          const text = JSON.stringify(value, undefined, indent);
          const { names, ...expected } = counted(JSON.parse(text));
          const whole = measured(text);
          expect(whole).toMatchObject(expected);
          // Two names may share a hash.
          expect(Math.abs(whole.names - names)).toBeLessThanOrEqual(names / 100);
          const { names: _, ...inParts } = measured(text, partBytes);
          expect(inParts).toEqual(expected);
        },
      ),
      runs(300),
    );
  });

  it('continues across a block that ends in a string, after a backslash', () => {
    for (let shift = 0; shift < 20; shift++) {
      const text = JSON.stringify([' '.repeat(65_520 + shift), '\\"\n', { '"[{,:': '\\' }]);
      const { names: _, ...expected } = counted(JSON.parse(text));
      expect(measured(text)).toMatchObject(expected);
    }
  });

  it('starts again after an earlier measurement', () => {
    measured('[[["a", {"b": 1}');
    expect(measured('{"a":1}')).toEqual({ values: 1, parts: 2, names: 1, depth: 1 });
  });
});
