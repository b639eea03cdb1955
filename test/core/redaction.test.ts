import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRedactions, RedactionError, redactorOf } from '#dist/core/redaction.js';
import { runs } from '../support/factor.js';

const redacted = (given: string, text: string) => redactorOf(parseRedactions(given)).text(text);

describe('a list of redactions', () => {
  it('has names and expressions, which may have commas and slashes in them', () => {
    expect(parseRedactions(' email ,/a,b\\/[/,]{1,2}/i,api key,/x/')).toEqual([
      { kind: 'name', name: 'email' },
      { kind: 'pattern', source: 'a,b\\/[/,]{1,2}', flags: 'i' },
      { kind: 'name', name: 'api key' },
      { kind: 'pattern', source: 'x', flags: '' },
    ]);
    expect(parseRedactions(['/a,b/', 'c'])).toEqual(parseRedactions('/a,b/,c'));
    expect(parseRedactions('')).toEqual([]);
  });

  it('may be a list, whose expressions may have commas anywhere', () => {
    expect(parseRedactions(['/a,/i', ' b ', '', '/,/'])).toEqual([
      { kind: 'pattern', source: 'a,', flags: 'i' },
      { kind: 'name', name: 'b' },
      { kind: 'pattern', source: ',', flags: '' },
    ]);
  });

  it.each([
    ['a\\', 'a name without quotes and backslashes'],
    ['/a', '/EXPRESSION/FLAGS'],
    ['/(/', 'a valid expression (Invalid regular expression: /(/: Unterminated group)'],
    ['/x*/', "an expression that doesn't match the empty text"],
  ])('says what was expected in place of %j', (given, expected) => {
    expect(() => parseRedactions(given)).toThrow(new RedactionError(expected));
  });

  it.each(['/(/', '/x*/', '/a', '/a/gg', '/a/ b', 'a"b'])('refuses %j', (given) => {
    expect(() => parseRedactions(given)).toThrow(RedactionError);
  });
});

describe('a redaction', () => {
  it('replaces each match of an expression', () => {
    expect(redacted('/sk-\\w+/', 'a sk-1, sk-2$&')).toBe('a [redacted], [redacted]$&');
    expect(redacted('/KEY/i,/\\[/g', '[key')).toBe('[redacted][redacted]redacted]');
  });

  it.each([
    ['{"email": "a@b.c", "x": 1}', '{"email": "[redacted]", "x": 1}'],
    ['{"EMAIL":["a", {"b":"}"}],"x":1}', '{"EMAIL":"[redacted]","x":1}'],
    ['{"a":{"email":-1.5e+3},"email":null}', '{"a":{"email":"[redacted]"},"email":"[redacted]"}'],
    ['see {"email":"a\\"b\\\\"} there', 'see {"email":"[redacted]"} there'],
    ['{"email": "cut', '{"email": "[redacted]"'],
    ['{"email":{"a":"cut', '{"email":"[redacted]"'],
    ['{"email"\n :\n "a"}', '{"email"\n :\n "[redacted]"}'],
    ['"emails": "a", email: "b"', '"emails": "a", email: "b"'],
  ])('replaces members with a name: %j', (text, expected) => {
    expect(redacted('email', text)).toBe(expected);
  });

  it('replaces members of JSON in strings of JSON, however deep, and nothing else', () => {
    const secret = fc.oneof(
      fc.string(),
      fc.constant('secret "q" \\ \\" } ]'),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? 0 : value)),
      fc.array(fc.string()),
      fc.record({ a: fc.string(), 'b"\\': fc.array(fc.constant({ c: '{' })) }),
    );
    const nested = (value: unknown, depth: number, space: number): string =>
      depth === 0
        ? JSON.stringify(value, null, space)
        : JSON.stringify({ a: 'x', json: nested(value, depth - 1, space) }, null, space);
    fc.assert(
      fc.property(
        secret,
        fc.nat({ max: 3 }),
        fc.constantFrom(0, 2),
        fc.string(),
        (value, depth, space, other) => {
          const text = nested({ before: other, email: value, after: other }, depth, space);
          const expected = nested({ before: other, email: '[redacted]', after: other }, depth, space);
          expect(redacted('email', text)).toBe(expected);
        },
      ),
      runs(300),
    );
  });

  it('takes linear time for texts that are made to take longer', () => {
    const length = 1_000_000;
    for (const text of [
      `{"email":{${'\\'.repeat(length)}`,
      '"email":{'.repeat(length / 10),
      '\\"'.repeat(length),
    ]) {
      expect(redacted('email', text).length).toBeLessThanOrEqual(text.length);
    }
  });
});
