import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elementsOf, respaced } from '#dist/core/json-spelling.js';
import { runs } from '../support/factor.js';

const compact = fc.json();
const indented = fc.jsonValue().map((value) => JSON.stringify(value, null, '\t'));
const anyJson = fc.oneof(compact, indented);

describe('the spelling of JSON', () => {
  it('returns the elements of a list unchanged', () => {
    fc.assert(
      fc.property(fc.array(anyJson, { minLength: 1 }), (elements) => {
        const found = elementsOf(` [ ${elements.join(' , ')} ] `).map((element) => element.trim());
        expect(found).toEqual(elements);
      }),
      runs(100),
    );
  });

  it("uses JavaScript's spaces or Python's, and keeps the value", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const json = JSON.stringify(value, null, 2);
        expect(respaced(json, '')).toBe(JSON.stringify(value));
        expect(JSON.parse(respaced(json, ' '))).toEqual(JSON.parse(json));
      }),
      runs(100),
    );
    expect(respaced('{"a":[1.0,{ }],\n"b\\": ,":null}', ' ')).toBe('{"a": [1.0, {}], "b\\": ,": null}');
  });

  it('works for long texts, too', () => {
    const json = `[${'1,"a",'.repeat(10_000)}1]`;
    expect(respaced(json, ' ')).toBe(json.replaceAll(',', ', '));
  });

  it.each(['"', '"\\', '{"a', '[,]', ''])('leaves invalid JSON unchanged: %s', (text) => {
    expect(respaced(text, '')).toBe(text);
  });
});
