import { describe, expect, it } from 'vitest';
import { parsePythonJson, withNulls } from '#dist/core/python-json.js';

describe('JSON as Python writes it', () => {
  it.each([
    ['NaN', null],
    ['[NaN, -Infinity,Infinity]', [null, null, null]],
    [
      '{"NaN": NaN, "a": "Infinity \\" NaN", "b": [{"c": -Infinity}]}',
      { NaN: null, a: 'Infinity " NaN', b: [{ c: null }] },
    ],
    ['"NaN"', 'NaN'],
    ['["\\\\", NaN]', ['\\', null]],
  ])('%s is read', (json, value) => {
    expect(parsePythonJson(json)).toEqual(value);
  });

  it.each([
    '',
    'nan',
    'Inf',
    '-NaN',
    '--Infinity',
    '+Infinity',
    '1NaN',
    'NaN1',
    'NaNNaN',
    '[NaN',
    '"NaN',
    '{NaN: 1}',
  ])('%j is invalid', (json) => {
    expect(parsePythonJson(json)).toBeUndefined();
  });

  it('may be truncated where only its words are replaced', () => {
    expect(withNulls('{"a": NaN, "NaN')).toBe('{"a": null, "NaN');
    expect(withNulls('{"a": Infinity, "\\')).toBe('{"a": null, "\\');
  });

  it('has strings of millions of characters', () => {
    const long = '\\n'.repeat(4_000_000);
    expect(parsePythonJson(`["${long}", NaN]`)).toEqual(['\n'.repeat(4_000_000), null]);
  });
});
