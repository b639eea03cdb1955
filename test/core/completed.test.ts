import fc from 'fast-check';
import { expect, it } from 'vitest';
import { completed } from '#dist/core/json-spelling.js';
import { runs } from '../support/factor.js';

it('JSON that was cut off anywhere is completed', () => {
  fc.assert(
    fc.property(fc.object({ maxDepth: 3 }), fc.nat(), fc.constantFrom(undefined, 1), (value, cut, space) => {
      const json = JSON.stringify(value, null, space);
      const start = json.slice(0, 1 + (cut % json.length));
      expect(() => JSON.parse(completed(start)), start).not.toThrow();
      expect(JSON.parse(completed(json))).toEqual(JSON.parse(json));
    }),
    runs(500),
  );
});

it.each([
  ['{"a":"xy', '{"a":"xy"}'],
  ['{"a":"x\\', '{"a":"x"}'],
  ['{"a":"x\\u00e', '{"a":"x"}'],
  ['{"a":"x\\\\', '{"a":"x\\\\"}'],
  ['{"a":[1,{"b":"c"},"d', '{"a":[1,{"b":"c"},"d"]}'],
  ['{"a":1,"b', '{"a":1}'],
  ['{"a":1,"b":', '{"a":1}'],
  ['{"a":1,"b":tru', '{"a":1}'],
  ['{', '{}'],
])('%s becomes %s', (json, whole) => {
  expect(completed(json)).toBe(whole);
});
