import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCut } from '#dist/http/cut-body.js';
import { JsonMeter } from '#dist/kernel/json-meter.js';
import { kernelModule, queryKernel } from '#dist/kernel/kernel.js';
import { bodyTexts } from '#dist/kernel/known-spelling.js';
import { runs } from '../support/factor.js';

const meter = new JsonMeter(kernelModule());

/** The value of a body whose long texts are cut out; undefined if the whole body has to be parsed. */
function parsed(body: string | Buffer): unknown {
  const bytes = Buffer.from(body);
  const cut = meter.cut(bytes);
  return cut && parseCut(cut, bytes);
}

const chat = (content: unknown) => JSON.stringify({ messages: [{ role: 'user', content }] });

/** Texts of any length, many of them longer than the shortest one that is cut out. */
const character = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...'abc .,"\\/\n\r\t\b\f\u0001\u007f') },
  { weight: 4, arbitrary: fc.constantFrom(...'\u0000\u0080é߿ࠀ€\u2028\uffff') },
  { weight: 2, arbitrary: fc.constantFrom('😀', '\ud800', '\udfff', '\u{10ffff}') },
);
const text = fc.oneof(
  fc.array(character, { maxLength: 400 }).map((all) => all.join('')),
  fc.tuple(fc.array(character, { maxLength: 20 }), fc.nat(600)).map(([all, length]) => {
    const some = all.join('') || 'x';
    return some.repeat(Math.ceil(length / some.length));
  }),
  fc.nat(20).map((number) => `\u0000${String(number).padStart(3, '0')}`),
);
const names = fc.constantFrom('content', 'text', 'prompt', 'input', 'messages', 'role', 'tools', '__proto__');
const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    text,
    fc.constantFrom(null, true, 0, -1.5),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(names, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
}));
const message = fc.record(
  {
    role: fc.constantFrom('user', 'assistant'),
    content: fc.oneof(text, fc.array(fc.record({ type: fc.constant('text'), text }), { maxLength: 4 })),
  },
  { noNullPrototype: true },
);
const body = fc.oneof(
  anyValue,
  fc.record({ model: fc.constant('m'), messages: fc.array(message, { maxLength: 6 }) }),
  fc.record({
    prompt: fc.oneof(text, fc.array(text, { maxLength: 3 })),
    input: fc.oneof(text, fc.array(message)),
  }),
);

/** JSON of a value with white space and, in place of some characters, escapes that `JSON.stringify` doesn't write. */
function spelledOddly(value: unknown, seed: number): string {
  let state = seed;
  const isChosen = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >>> 8) % 8 === 0;
  };
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value, undefined, seed % 3).replace(/[€é😀]/gu, (each) =>
    isChosen() ? each.split('').map(escaped).join('') : each,
  );
}

describe('a body whose long texts are cut out', () => {
  it('has the value that JSON.parse makes of the whole body', () => {
    let count = 0;
    fc.assert(
      fc.property(body, fc.nat(), (value, seed) => {
        for (const json of [JSON.stringify(value), spelledOddly(value, seed)]) {
          const found = parsed(json);
          if (found === undefined) continue;
          count++;
          expect(JSON.stringify(found)).toBe(JSON.stringify(JSON.parse(Buffer.from(json).toString())));
        }
      }),
      runs(2000),
    );
    expect(count).toBeGreaterThan(100);
  });

  it('is parsed as a whole, or has the same value, whatever bytes of it are others', () => {
    fc.assert(
      fc.property(body, fc.nat(), fc.nat(255), fc.nat(3), (value, at, byte, removed) => {
        const bytes = Buffer.from(JSON.stringify(value));
        const place = at % bytes.length;
        const changed = Buffer.concat([
          bytes.subarray(0, place),
          Buffer.of(byte),
          bytes.subarray(place + removed),
        ]);
        const found = parsed(changed);
        if (found === undefined) return;
        expect(JSON.stringify(found)).toBe(JSON.stringify(JSON.parse(changed.toString())));
      }),
      runs(2000),
    );
  });

  it.each([
    ['ASCII', 'plain "quoted"\\ \n\t\r\b\f text. '],
    ['characters of two to four bytes', 'é€😀\n'],
    ['a mixture', `${'x'.repeat(40)}é"\n`],
  ])('has texts of %s', (_, some) => {
    for (const content of [
      some.repeat(40),
      'y'.repeat(300) + some,
      [{ type: 'text', text: some.repeat(90) }],
    ])
      expect(parsed(chat(content))).toEqual({ messages: [{ role: 'user', content }] });
  });

  it('knows the spelling of its texts: their keys are those of the texts', () => {
    const [known, other] = [queryKernel(), queryKernel()];
    const seed = { low: 5, high: 7 };
    fc.assert(
      fc.property(fc.array(text, { maxLength: 6 }), (texts) => {
        const json = JSON.stringify({ messages: texts.map((content) => ({ role: 'user', content })) });
        const keysIn = (kernel: typeof known) =>
          texts.map((each) => {
            kernel.useSeed(seed);
            const keys = kernel.keysOf(each);
            return keys && [keys.ends, keys.key, keys.normalized, keys.head, keys.length];
          });
        bodyTexts.clear();
        const expected = keysIn(other);
        parsed(json);
        expect(keysIn(known)).toEqual(expected);
      }),
      runs(500),
    );
  });

  it('takes the spelling of its texts from its bytes, rather than spelling them again', () => {
    const [text, others] = ['x'.repeat(300), 'y'.repeat(300)];
    bodyTexts.set([text], Uint32Array.of(0, others.length, 0, 0), Buffer.from(others));
    const key = queryKernel().keysOf(text)?.key;
    bodyTexts.clear();
    expect(key).toEqual(queryKernel().keysOf(others)?.key);
    expect(key).not.toEqual(queryKernel().keysOf(text)?.key);
  });

  it.each(['ends', 'normalized'] as const)(
    'has keys under the seed of their first one, even if a later seed is in use when %s is computed',
    (which) => {
      const [kernel, other] = [queryKernel(), queryKernel()];
      for (const each of [kernel, other]) each.useSeed({ low: 5, high: 7 });
      const content = 'some  text. '.repeat(40);
      parsed(chat(content));
      const keys = kernel.keysOf(content);
      kernel.useSeed({ low: 6, high: 8 });
      kernel.keysOf('another text');
      expect(keys?.[which]).toEqual(other.keysOf(content)?.[which]);
    },
  );

  it.each([
    ['a name for a text in the body', JSON.stringify({ prompt: 'x'.repeat(300), model: '\u0000000' })],
    ['a long text in a field that has none', JSON.stringify({ model: { text: 'x'.repeat(300) } })],
    ['a field twice', `{"prompt":"${'x'.repeat(300)}","prompt":"${'y'.repeat(300)}"}`],
    ['a text that ends early', chat('x'.repeat(300)).slice(0, -20)],
    ['text after its end', `${chat('x'.repeat(300))}x`],
    ['a control character', chat('x'.repeat(300)).replace('xx', 'x\nx')],
    ['a list in place of an object', `[${chat('x'.repeat(300))}]`],
    ['no long text', chat('x'.repeat(90))],
    ['bytes that are not UTF-8', Buffer.from(chat('x'.repeat(300)).replace('xx', '\xe9\xff'), 'latin1')],
  ])('is parsed as a whole if it has %s', (_, json) => {
    expect(parsed(json)).toBeUndefined();
  });
});
